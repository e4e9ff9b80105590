"""Where work is cut into chunks and tasks shows in no product."""

import pytest
import torch

from lit_idim.projections import (
    PROJECTIONS,
    FastfoodProjection,
    SparseProjection,
    fastfood,
    fastfood_cpu,
    make_projection,
)
from lit_idim.projections.chunked import ChunkedProjection

CHUNKED = [name for name, projection in PROJECTIONS.items() if issubclass(projection, ChunkedProjection)]


def normal(n: int) -> torch.Tensor:
    return torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CHUNKED)
@pytest.mark.parametrize("elements", [1, 70, 600])
def test_chunks_of_any_size_give_the_same(name: str, elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = make_projection(name, d=13, D=203, seed=1)
    assert isinstance(projection, ChunkedProjection)
    whole, theta_d, theta = projection.to_dense(), normal(13), normal(203)
    monkeypatch.setattr(ChunkedProjection, "chunk_elements", elements)
    assert projection.chunk_rows % projection.chunk_multiple == 0
    assert projection.chunk_rows * projection.numbers_per_row <= max(
        elements, projection.numbers_per_row * projection.chunk_multiple
    )
    torch.testing.assert_close(projection.matvec(theta_d), whole @ theta_d)
    torch.testing.assert_close(projection.rows(theta_d, 50, 177), (whole @ theta_d)[50:177])
    torch.testing.assert_close(projection.rmatvec(theta), whole.T @ theta)
    pieces = [(120, theta[120:201]), (31, theta[31:45])]
    expected = whole[120:201].T @ theta[120:201] + whole[31:45].T @ theta[31:45]
    torch.testing.assert_close(projection.adjoint(pieces, like=theta), expected)


@pytest.mark.parametrize("rows", [1, 37, 64])
def test_fastfood_without_kernels_in_chunks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=13, D=203, seed=1)
    whole, theta_d, theta = projection.to_dense(), normal(13), normal(203)
    monkeypatch.setattr(fastfood, "CHUNK_ROWS", rows)
    base, out = torch.ones(150), torch.empty(150)
    for has_kernels in (True, False):
        monkeypatch.setattr(fastfood, "_has_compiled_kernels", lambda has=has_kernels: has)
        projection.add_rows(theta_d, 40, base=base, out=out, scale=0.5)
        torch.testing.assert_close(out, (1 + 0.5 * (whole @ theta_d)[40:190]).float())
        torch.testing.assert_close(projection.rmatvec(theta), whole.T @ theta)


@pytest.mark.parametrize("rows_per_task", [1, 100, 200])
def test_fastfood_adjoint_in_tasks(rows_per_task: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=3, D=1203, seed=1)
    theta = normal(1203)
    monkeypatch.setattr(fastfood_cpu, "ADJOINT_ROWS_PER_TASK", rows_per_task)
    for length in (300, 1203):  # two tasks and many
        padded = torch.cat([theta[:length], torch.zeros(1203 - length, dtype=torch.float64)])
        expected = projection.to_dense().T @ padded
        torch.testing.assert_close(projection.adjoint([(0, theta[:length])], like=theta), expected)


@pytest.mark.parametrize("name", ["sparse"])
@pytest.mark.parametrize("elements", [70, 2**20])
@pytest.mark.parametrize(("d", "D"), [(2, 1003), (40, 203)])
def test_rows_with_a_nonzero_are_counted(
    d: int, D: int, elements: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChunkedProjection, "chunk_elements", elements)
    projection = make_projection(name, d=d, D=D, seed=1)
    assert isinstance(projection, SparseProjection)
    assert projection.rows_touched == int((projection.to_dense() != 0).any(1).sum()) < D
