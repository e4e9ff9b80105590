"""The compiled kernels and the tensor operations are two statements of one projection."""

import sys
import warnings

import pytest
import torch

from lit_idim.projections import FastfoodProjection, fastfood


def both_ways(monkeypatch: pytest.MonkeyPatch, compute: object) -> tuple[torch.Tensor, torch.Tensor]:
    assert callable(compute)
    compiled = compute()
    monkeypatch.setattr(fastfood, "_has_compiled_kernels", lambda: False)
    eager = compute()
    monkeypatch.undo()
    return compiled, eager


# above 65,536 positions no longer fit in two bytes
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8, 16, 60, 1000, 65536, 65537])
@pytest.mark.parametrize("start", [0, 1000, 2**30 - 500, 2**31 - 500, 2**32 - 3000])
def test_rows_and_adjoint_agree(d: int, start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=d, D=2**32, seed=1)
    theta_d = torch.randn(d, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = torch.randn(3000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    compiled, eager = both_ways(monkeypatch, lambda: projection.rows(theta_d, start, start + 3000))
    torch.testing.assert_close(compiled, eager)
    compiled, eager = both_ways(monkeypatch, lambda: projection.adjoint([(start, values)], like=theta_d))
    torch.testing.assert_close(compiled, eager)


def refuse_its_numpy(name: str) -> None:
    raise ImportError("Numba needs NumPy 2.3 or less")


@pytest.mark.parametrize("is_installed", [False, True])
def test_without_numba_the_same_numbers_with_a_warning(is_installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=30, D=1001)
    expected, adjoint = projection.matvec(torch.arange(30.0)), projection.rmatvec(torch.ones(1001))
    if is_installed:
        monkeypatch.setattr(fastfood, "import_module", refuse_its_numpy)
    else:
        monkeypatch.setitem(sys.modules, "numba", None)
        monkeypatch.delitem(sys.modules, "lit_idim.projections.compiled")
    monkeypatch.setattr(
        FastfoodProjection, "_bound_kernels", property(lambda _: pytest.fail("they cannot be imported"))
    )
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        torch.testing.assert_close(projection.matvec(torch.arange(30.0)), expected)
        torch.testing.assert_close(projection.rmatvec(torch.ones(1001)), adjoint)
    # A library that sets filters at its first use makes Python show a warning once more.
    (said,) = {str(warning.message) for warning in warned}
    reason = "its compiled kernels cannot be imported (Numba needs NumPy 2.3 or less)"
    assert said.startswith(reason if is_installed else "numba is not installed")


def test_nothing_is_stored_for_a_parameter() -> None:
    projection = FastfoodProjection(d=1000, D=10**9)
    projection.rows(torch.zeros(1000), 0, 100)
    held = sum(value.nbytes for value in vars(projection).values() if isinstance(value, torch.Tensor))
    assert held <= 1024
