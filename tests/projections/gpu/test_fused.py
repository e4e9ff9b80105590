"""The fused kernels make the P of the CPU code: on a GPU where there is one, else through Triton's interpreter."""

import sys
import warnings
from typing import Any

import pytest
import torch

from lit_idim.projections import FastfoodProjection
from lit_idim.projections.gpu import choice
from lit_idim.projections.gpu.affine import affine_blocks
from lit_idim.projections.permutation import apply_rounds, is_affine

HAS_GPU = torch.cuda.is_available()
# The interpreter of older releases fails on scalars with NumPy 2.4.
oldest = None if HAS_GPU else "3.9"
pytest.importorskip("triton", minversion=oldest, reason="needs the extra triton, 3.9 or later to interpret kernels")

from lit_idim.projections.gpu import fused as fused_module  # noqa: E402
from lit_idim.projections.gpu.fused import FusedFastfood  # noqa: E402

DEVICES = [
    pytest.param("cpu", marks=pytest.mark.skipif(HAS_GPU, reason="the kernels run on the GPU"), id="interpreter"),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_GPU, reason="needs a GPU")]),
]
each_device = pytest.mark.parametrize("device", DEVICES)
SMALL = [(1, 1), (1, 7), (2, 9), (3, 10), (5, 37), (8, 4099), (13, 103), (16, 64), (37, 1001), (64, 4200)]
LARGE = [(130, 9001), (300, 9000), (1000, 20_011), (2000, 6001), (4000, 8300), (5000, 9000), (65_536, 70_000)]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def relative_error(value: torch.Tensor, exact: torch.Tensor) -> float:
    return float((value.cpu().double() - exact).norm() / exact.norm())


def add_rows(
    projection: FastfoodProjection, theta_d: torch.Tensor, base: torch.Tensor, device: str, *, start: int = 0,
    scales: Any = (1.0,), stops: Any = None, out_dtype: torch.dtype | None = None,
) -> torch.Tensor:  # fmt: skip
    kernels = FusedFastfood(projection, torch.device(device))
    out = torch.full(base.shape, torch.nan, dtype=out_dtype or base.dtype, device=device)
    kernels.add_rows(
        kernels.shared(theta_d.float().to(device)),
        start,
        base=base.to(device),
        out=out,
        scales=torch.tensor(scales, dtype=torch.float32, device=device),
        stops=torch.tensor(stops or [projection.D], device=device),
    )
    return out


def adjoint(projection: FastfoodProjection, pieces: Any, device: str) -> torch.Tensor:
    kernels = FusedFastfood(projection, torch.device(device))
    return kernels.shared.transpose(kernels.adjoint([(start, piece.to(device)) for start, piece in pieces]))


@each_device
@pytest.mark.parametrize(("d", "D"), SMALL)
@pytest.mark.parametrize("seed", [0, 3])
def test_every_entry_of_the_matrix(d: int, D: int, seed: int, device: str) -> None:
    """Column by column forwards, and row by row through the adjoint for up to 64 rows."""
    projection = FastfoodProjection(d=d, D=D, seed=seed)
    dense, scale = projection.to_dense(), D**-0.5
    for column in range(0, d, max(1, d // 8)):
        found = add_rows(projection, torch.eye(d)[column], torch.zeros(D), device)
        torch.testing.assert_close(found.cpu().double(), dense[:, column], rtol=0, atol=3e-6 * scale * d**0.5)
    for row in range(0, D, max(1, D // 8)):
        found = adjoint(projection, [(row, torch.ones(1))], device)
        torch.testing.assert_close(found.cpu().double(), dense[row], rtol=0, atol=3e-6 * scale * d**0.5)


@each_device
@pytest.mark.parametrize(("d", "D"), SMALL + LARGE)
def test_float32_error(d: int, D: int, device: str) -> None:
    projection = FastfoodProjection(d=d, D=D, seed=2)
    theta_d, theta = normal(d).float(), normal(D, seed=1).float()
    assert (
        relative_error(add_rows(projection, theta_d, torch.zeros(D), device), projection.matvec(theta_d.double()))
        <= 1e-6
    )
    exact = projection.rmatvec(theta.double())
    # a sum of D numbers may cancel: its error is told beside the length of what was summed
    assert float((adjoint(projection, [(0, theta)], device).cpu() - exact).norm()) <= 1e-6 * max(
        float(exact.norm()), float(theta.double().norm()) * (d / D) ** 0.5
    )


@each_device
@pytest.mark.parametrize(("d", "D"), [(1, 5000), (16, 9000), (1000, 20_011), (4000, 8300), (5000, 9000)])
def test_bfloat16_error(d: int, D: int, device: str) -> None:
    """At most 1.2 times that of the float64 result rounded once, on P theta_d and on theta.

    Triton's interpreter cuts bfloat16 off instead of rounding it: there the sum before its one rounding is taken.
    """
    projection = FastfoodProjection(d=d, D=D, seed=2)
    theta_d = normal(d).float()
    moves = projection.matvec(theta_d.double())
    for base in (torch.zeros(D, dtype=torch.bfloat16), normal(D, seed=1).to(torch.bfloat16)):
        exact = base.double() + moves
        out_dtype = torch.float32 if device == "cpu" else torch.bfloat16
        found = add_rows(projection, theta_d, base, device, out_dtype=out_dtype).to(torch.bfloat16)
        assert relative_error(found, exact) <= 1.2 * relative_error(exact.to(torch.bfloat16), exact)
    gradient = normal(D, seed=3).to(torch.bfloat16)
    exact = projection.rmatvec(gradient.double())
    assert relative_error(adjoint(projection, [(0, gradient)], device), exact) <= 1e-4


@each_device
@pytest.mark.parametrize("d", [3, 60, 1000, 5000])
@pytest.mark.parametrize("start", [0, 5, 4090, 8192])
def test_layers_and_ranges_of_rows(d: int, start: int, device: str) -> None:
    """Layers end in the middle of tiles and blocks, one holds a single row; a range starts anywhere."""
    projection = FastfoodProjection(d=d, D=15_000, seed=5)
    theta_d, base = normal(d).float(), normal(15_000, seed=1).float()
    stops, scales = [4000, 4001, 9000, 15_000], [1.0, -2.0, 0.5, 0.0]
    exact = projection.matvec(theta_d.double())
    for low, high, scale in zip([0, *stops], stops, scales, strict=False):
        exact[low:high] *= scale
    exact = (base.double() + exact)[start:14_000]
    found = add_rows(projection, theta_d, base[start:14_000], device, start=start, scales=scales, stops=stops)
    assert relative_error(found, exact) <= 1e-6


@each_device
@pytest.mark.parametrize("d", [1, 13, 300, 5000])
def test_the_adjoint_of_any_pieces(d: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffled, of two dtypes, with holes, more than a launch takes, cut in the middle of blocks and tiles."""
    monkeypatch.setattr(fused_module, "PIECES_AT_ONCE", 3)
    projection = FastfoodProjection(d=d, D=12_000, seed=4)
    theta = normal(12_000, seed=2).to(torch.bfloat16)
    cuts = [(5000, 5001), (5001, 9000), (0, 3), (3, 4096), (4096, 4096), (9990, 12_000)]
    pieces = [(low, theta[low:high].float() if low % 2 else theta[low:high]) for low, high in cuts]
    vector = torch.zeros(12_000, dtype=torch.float64)
    for low, high in cuts:
        vector[low:high] = theta[low:high].double()
    assert relative_error(adjoint(projection, pieces, device), projection.rmatvec(vector)) <= 1e-4
    assert adjoint(projection, [], device).tolist() == [0] * d


@each_device
def test_the_same_bits_on_every_run(device: str) -> None:
    projection = FastfoodProjection(d=300, D=20_011)
    theta = normal(20_011).float()
    first, second = (adjoint(projection, [(0, theta)], device) for _ in range(2))
    assert torch.equal(first, second)


@each_device
@pytest.mark.parametrize("d", [8, 1000])
def test_no_move_leaves_theta_0_and_nan_shows(d: int, device: str) -> None:
    projection, base = FastfoodProjection(d=d, D=5000), normal(5000).to(torch.bfloat16)
    assert torch.equal(add_rows(projection, torch.zeros(d), base, device).cpu(), base)
    assert add_rows(projection, torch.full((d,), torch.nan), base, device).isnan().all()


@each_device
def test_rows_beyond_32_bits(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=60, D=2**32, seed=1)
    # The flags of 2^26 blocks would take a minute, and none of those in question is set.
    no_flags = torch.zeros(1, dtype=torch.uint8, device=device)
    monkeypatch.setattr(fused_module, "affine_blocks", lambda *_, **__: no_flags)
    kernels = FusedFastfood(projection, torch.device(device))
    start, theta_d, values = 2**32 - 3000, normal(60), normal(3000, seed=1)
    out = torch.zeros(3000, device=device)
    one, stop = torch.ones(1, device=device), torch.tensor([2**32], device=device)
    kernels.add_rows(kernels.shared(theta_d.to(device)), start, base=out, out=out, scales=one, stops=stop)
    assert relative_error(out, projection.rows(theta_d, start, 2**32)) <= 1e-6
    found = kernels.shared.transpose(kernels.adjoint([(start, values.float().to(device))]))
    assert relative_error(found, projection.adjoint([(start, values)], like=values)) <= 1e-6


@pytest.mark.parametrize("width", [4, 8, 16, 64, 256])
def test_affine_blocks_are_those_of_the_full_test(width: int) -> None:
    key = (12345, 67890)
    numbers = torch.arange(3000)
    expected = is_affine(apply_rounds(key, numbers, torch.arange(width), width)) & (width >= 8)
    assert torch.equal(affine_blocks(key, blocks=3000, width=width), expected.to(torch.uint8))


@each_device
def test_the_projection_chooses_them(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=30, D=5000)
    theta_d, theta = normal(30).float(), normal(5000).float()
    expected, gradient = projection.matvec(theta_d), projection.rmatvec(theta)
    monkeypatch.setattr(choice, "FUSED_DEVICES", {device})
    torch.testing.assert_close(projection.matvec(theta_d.to(device)).cpu(), expected, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(projection.rmatvec(theta.to(device)).cpu(), gradient, rtol=1e-5, atol=1e-6)
    for scale in (0.5, torch.tensor(0.5, device=device)):
        out = torch.zeros(5000, device=device)
        projection.add_rows(theta_d.to(device), 0, base=out, out=out, scale=scale)
        torch.testing.assert_close(out.cpu(), 0.5 * expected, rtol=1e-5, atol=1e-7)
    assert choice.fused_fastfood(projection, torch.device(device), [torch.float32]) is not None
    assert choice.fused_fastfood(projection, torch.device(device), [torch.float64]) is None


@each_device
def test_blocks_too_wide_for_the_kernels_take_the_plain_path(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=choice.WIDEST + 1, D=140_000)
    theta_d, theta = normal(projection.d).float(), normal(140_000, seed=1).float()
    expected, gradient = projection.matvec(theta_d.double()), projection.rmatvec(theta.double())
    monkeypatch.setattr(choice, "FUSED_DEVICES", {device})
    with pytest.warns(UserWarning, match="65537 is more than the GPU kernels take"):
        found, reduced = projection.matvec(theta_d.to(device)), projection.rmatvec(theta.to(device))
    assert relative_error(found, expected) <= 1e-6 and relative_error(reduced, gradient) <= 1e-6


def test_without_triton_one_warning_and_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    projection = FastfoodProjection(d=30, D=1001)
    expected = projection.matvec(torch.arange(30.0))
    monkeypatch.setattr(choice, "FUSED_DEVICES", {"cpu"})
    monkeypatch.delitem(sys.modules, "lit_idim.projections.gpu.fused")
    monkeypatch.setitem(sys.modules, "triton", None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        for _ in range(2):
            assert torch.equal(projection.matvec(torch.arange(30.0)), expected)
    assert len(warned) == 1 and "lit-idim[triton]" in str(warned[0].message)
