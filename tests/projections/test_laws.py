"""Every projection obeys the laws of P, whatever D and d: a new one joins by its line in the registry."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.projections import PROJECTIONS, Projection, make_projection
from lit_idim.projections.chunked import ChunkedProjection

SHAPES = [(1, 1), (1, 7), (2, 9), (3, 10), (5, 37), (16, 64), (37, 1001), (130, 2003), (64, 64)]
each_projection = pytest.mark.parametrize("name", PROJECTIONS)
each_shape = pytest.mark.parametrize(("d", "D"), SHAPES)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@each_projection
@each_shape
def test_products_agree_with_the_dense_matrix(name: str, d: int, D: int) -> None:
    projection = make_projection(name, d=d, D=D, seed=3)
    dense, theta_d, theta = projection.to_dense(), normal(d), normal(D)
    assert dense.shape == (D, d)
    torch.testing.assert_close(projection.matvec(theta_d), dense @ theta_d)
    torch.testing.assert_close(projection.rmatvec(theta), dense.T @ theta)
    torch.testing.assert_close(projection.matvec(theta_d) @ theta, theta_d @ projection.rmatvec(theta))


@each_projection
@each_shape
def test_ranges_of_rows_agree_with_the_whole(name: str, d: int, D: int) -> None:
    projection = make_projection(name, d=d, D=D, seed=3)
    theta_d, theta = normal(d), normal(D)
    cuts = sorted({0, D // 7, D // 3, D // 2, D})
    whole = projection.matvec(theta_d)
    for low, high in pairwise(cuts):
        torch.testing.assert_close(projection.rows(theta_d, low, high), whole[low:high])
    pieces = [(low, theta[low:high]) for low, high in pairwise(cuts)]
    torch.testing.assert_close(
        projection.adjoint(pieces[1:], like=theta),
        projection.adjoint([(0, torch.cat([torch.zeros(cuts[1], dtype=torch.float64), theta[cuts[1] :]]))], like=theta),
    )
    torch.testing.assert_close(projection.adjoint(pieces, like=theta), projection.rmatvec(theta))


@each_projection
def test_the_seed_is_0_where_none_is_given(name: str) -> None:
    given, default = make_projection(name, d=3, D=10, seed=0), PROJECTIONS[name](d=3, D=10)
    assert default.seed == 0 and torch.equal(default.to_dense(), given.to_dense())


@each_projection
def test_slices_are_written_as_one_by_one(name: str) -> None:
    projection = make_projection(name, d=37, D=1001, seed=3)
    theta_d, bases = normal(37).float(), [normal(size, seed=size).float() for size in (1, 130, 64)]
    places = [(0, 1.0), (1, 0.5), (937, torch.tensor(-2.0))]
    outs, expected = ([torch.full_like(base, torch.nan) for base in bases] for _ in range(2))
    slices = [(start, base, out, scale) for (start, scale), base, out in zip(places, bases, outs, strict=True)]
    projection.add_slices(theta_d, slices)
    for (start, scale), base, out in zip(places, bases, expected, strict=True):
        projection.add_rows(theta_d, start, base=base, out=out, scale=scale)
    assert all(torch.equal(out, one) for out, one in zip(outs, expected, strict=True))


@each_projection
def test_expectation_of_the_gram_matrix_is_the_identity(name: str) -> None:
    """Mean over draws of P^T P: each entry within 5 standard errors of the identity's."""
    d, D, draws = 5, 43, 400
    grams = torch.stack([_gram(make_projection(name, d=d, D=D, seed=seed)) for seed in range(draws)])
    standard_error = grams.std(0) / draws**0.5
    deviation = (grams.mean(0) - torch.eye(d, dtype=torch.float64)).abs()
    assert (deviation <= 5 * standard_error + 1e-12).all(), deviation / standard_error


def _gram(projection: Projection) -> torch.Tensor:
    dense = projection.to_dense()
    return dense.T @ dense


@each_projection
def test_rows_carry_equal_weight(name: str) -> None:
    """E|row|^2 = d/D for each row, those of a cut last block included (spread over draws, 5 standard errors).

    The strata of "sparse" differ by one row in about sqrt(D).
    """
    d, D, draws = 6, 21, 400
    norms = torch.stack(
        [make_projection(name, d=d, D=D, seed=seed).to_dense().square().sum(1) for seed in range(draws)]
    )
    deviation = (norms.mean(0) - d / D).abs()
    unequal_strata = d / D * D**-0.5 * 1.25 if name == "sparse" else 1e-12
    assert (deviation <= 5 * norms.std(0) / draws**0.5 + unequal_strata).all()


@each_projection
def test_columns_spread_like_a_random_matrix(name: str) -> None:
    """P does not collapse: the singular values stay near those of a Gaussian matrix, 1 +- sqrt(d/D)."""
    d, D = 100, 6400
    singular = torch.linalg.svdvals(make_projection(name, d=d, D=D, seed=1).to_dense())
    edge = (d / D) ** 0.5
    assert 1 - 2 * edge < singular.min() < 1 < singular.max() < 1 + 2 * edge


@each_projection
def test_derivatives_of_first_and_second_order(name: str) -> None:
    projection = make_projection(name, d=5, D=23)
    theta_d, theta = normal(5).requires_grad_(), normal(23).requires_grad_()
    for function, argument in ((projection.matvec, theta_d), (projection.rmatvec, theta)):
        assert torch.autograd.gradcheck(function, (argument,))
        assert torch.autograd.gradgradcheck(function, (argument,))


@each_projection
def test_float32_and_bfloat16_agree_with_float64(name: str) -> None:
    projection = make_projection(name, d=300, D=20_011, seed=2)
    theta_d, theta = normal(300), normal(20_011)
    forward, backward = projection.matvec(theta_d), projection.rmatvec(theta)
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 5e-3)):
        exact_forward = projection.matvec(theta_d.to(dtype).double())
        exact_backward = projection.rmatvec(theta.to(dtype).double())
        assert _relative_error(projection.matvec(theta_d.to(dtype)), exact_forward) < tolerance
        assert _relative_error(projection.rmatvec(theta.to(dtype)), exact_backward) < tolerance
    assert forward.norm() > 0 and backward.norm() > 0


def _relative_error(value: torch.Tensor, exact: torch.Tensor) -> float:
    return float((value.double() - exact).norm() / exact.norm())


@each_projection
def test_accuracy_does_not_fall_with_d(name: str) -> None:
    projection = make_projection(name, d=5000, D=5003, seed=2)
    theta_d = normal(5000)
    exact = projection.matvec(theta_d)
    assert _relative_error(projection.matvec(theta_d.float()), exact) < 1e-6


@each_projection
def test_a_sum_has_the_same_bits_however_it_is_cut(name: str) -> None:
    projection = make_projection(name, d=20, D=5003, seed=2)
    theta = normal(5003).float()
    pieces = [(row, theta[row : row + 7]) for row in range(0, 5003, 7)]
    cut = projection.adjoint(pieces, like=theta)
    torch.testing.assert_close(cut, projection.rmatvec(theta), rtol=1e-6, atol=1e-6)
    if isinstance(projection, ChunkedProjection):
        assert torch.equal(cut, projection.rmatvec(theta))


@each_projection
def test_adding_to_a_base_rounds_once(name: str) -> None:
    projection = make_projection(name, d=30, D=5003, seed=2)
    theta_d, base = normal(30).float(), normal(5003).to(torch.bfloat16)
    out = torch.empty_like(base)
    projection.add_rows(theta_d, 0, base=base, out=out, scale=0.5)
    exact = base.double() + 0.5 * projection.matvec(theta_d.double())
    assert ((out.double() - exact).abs() <= exact.abs() * 2.0**-8 * 1.001).all()
    in_place = base.clone()
    projection.add_rows(theta_d, 0, base=in_place, out=in_place, scale=torch.tensor(0.5))
    assert torch.equal(in_place, out)
    projection.add_rows(torch.zeros(30), 0, base=base, out=out)
    assert torch.equal(out, base)


@each_projection
def test_the_same_bits_for_every_number_of_threads(name: str) -> None:
    projection = make_projection(name, d=100, D=100_003, seed=2)
    theta_d, theta = normal(100).float(), normal(100_003).float()
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append((projection.matvec(theta_d), projection.rmatvec(theta)))
    finally:
        torch.set_num_threads(before)
    for forward, backward in results[1:]:
        assert torch.equal(forward, results[0][0])
        assert torch.equal(backward, results[0][1])


CHECKSUMS = {
    "fastfood": (1, "06d0a195720f0957"),
    "dense": (1, "695d5e8427e4017b"),
    "sparse": (1, "b357c5fd677fdfc6"),
    "onehot": (1, "57dd4a7b670194e3"),
    "fastfood_literal": (1, "be97bea20cf42a3f"),
}


@each_projection
def test_the_generator_is_the_one_of_record(name: str) -> None:
    """A change of the generator breaks every saved subspace: it needs a new version and a new line here."""
    projection = make_projection(name, d=37, D=1001, seed=5)
    assert (projection.version, projection.checksum()) == CHECKSUMS[name]


@each_projection
def test_checksum_tells_the_draw(name: str) -> None:
    reference = make_projection(name, d=37, D=1001, seed=5).checksum()
    for d, D, seed in ((36, 1001, 5), (37, 1002, 5), (37, 1001, 6)):
        assert make_projection(name, d=d, D=D, seed=seed).checksum() != reference


@each_projection
def test_another_process_makes_the_same_projection(name: str) -> None:
    program = (
        "import torch; from lit_idim.projections import make_projection;"
        f"p = make_projection({name!r}, d=37, D=1001, seed=5);"
        "print(p.checksum(), p.matvec(torch.arange(37.)).double().sum().item())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    projection = make_projection(name, d=37, D=1001, seed=5)
    checksum, total = out.stdout.split()
    assert checksum == projection.checksum()
    assert float(total) == projection.matvec(torch.arange(37.0)).double().sum().item()


@each_projection
def test_different_seeds_are_uncorrelated(name: str) -> None:
    first, second = (make_projection(name, d=50, D=20_000, seed=seed).to_dense().flatten() for seed in (0, 1))
    correlation = float(first @ second / (first.norm() * second.norm()))
    assert abs(correlation) < 5 / len(first) ** 0.5 * max(1.0, float(1 / (first != 0).double().mean()) ** 0.5)


@each_projection
def test_bad_sizes_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="d must not exceed D.*d=11, D=10"):
        make_projection(name, d=11, D=10)
    with pytest.raises(UserError, match="at least 1.*d=0"):
        make_projection(name, d=0, D=10)
    with pytest.raises(UserError, match=r"shape \(3,\).*\(4,\)"):
        make_projection(name, d=3, D=10).matvec(torch.zeros(4))


def test_unknown_projection_is_refused() -> None:
    with pytest.raises(UserError, match="fastfood, dense.*got 'kronecker'"):
        make_projection("kronecker", d=1, D=2)
