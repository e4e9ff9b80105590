import pytest
import torch

from lit_idim.projections import FastfoodProjection, pieces
from lit_idim.projections.pieces import join_neighbours


def test_small_neighbours_become_one() -> None:
    joined = list(join_neighbours([(3, torch.ones(2, 2)), (7, torch.zeros(3)), (10, torch.ones(1))]))
    assert [(start, values.tolist()) for start, values in joined] == [(3, [1, 1, 1, 1, 0, 0, 0, 1])]


@pytest.mark.parametrize(
    ("second", "second_start"),
    [
        pytest.param(torch.ones(3), 5, id="gap"),
        pytest.param(torch.ones(3), 0, id="descending"),
        pytest.param(torch.ones(3, dtype=torch.bfloat16), 4, id="another dtype"),
    ],
)
def test_others_stay_apart(second: torch.Tensor, second_start: int) -> None:
    first = torch.ones(4)
    joined = list(join_neighbours([(0, first), (second_start, second)]))
    assert [start for start, _ in joined] == [0, second_start]
    assert joined[0][1].data_ptr() == first.data_ptr() and joined[1][1].dtype == second.dtype


def test_a_large_piece_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MAX_JOINED", 6)
    parts = [torch.ones(4), torch.ones(4), torch.ones(2), torch.ones(7)]
    joined = list(join_neighbours([(0, parts[0]), (4, parts[1]), (8, parts[2]), (10, parts[3])]))
    assert [(start, len(values)) for start, values in joined] == [(0, 4), (4, 6), (10, 7)]
    assert joined[0][1].data_ptr() == parts[0].data_ptr() and joined[2][1].data_ptr() == parts[3].data_ptr()


def test_no_pieces_are_none() -> None:
    assert list(join_neighbours([])) == []
    assert FastfoodProjection(d=3, D=10).adjoint([], like=torch.ones(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("limit", [1, 9, 2**20])
def test_the_adjoint_of_any_pieces_is_that_of_the_vector(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffled, with a hole of zeros, joined or not: blocks of 16 rows are cut in the middle."""
    monkeypatch.setattr(pieces, "MAX_JOINED", limit)
    projection = FastfoodProjection(d=13, D=103, seed=4)
    theta = torch.randn(103, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta[40:47] = 0
    cuts = [(47, 60), (60, 103), (0, 7), (7, 7), (7, 21), (21, 40)]
    found = projection.adjoint([(low, theta[low:high]) for low, high in cuts], like=theta)
    torch.testing.assert_close(found, projection.to_dense().T @ theta)
