from collections.abc import Callable

import pytest

from lit_idim.toy.draws import Draws
from lit_idim.toy.reviews import draw_review
from lit_idim.toy.usage import PROSE, TASK, Usage


@pytest.mark.parametrize("usage", [PROSE, TASK])
def test_the_score_is_the_sum_of_the_opinions_read(usage: Usage, read_score: Callable[[str], int]) -> None:
    draws = Draws(0, "reviews")
    scores = []
    for _ in range(300):
        review = draw_review(draws, usage)
        assert read_score(review.sentence) == review.score
        scores.append(review.score)
    assert set(scores) == {-5, -3, -1, 1, 3, 5}
    assert 110 < sum(score > 0 for score in scores) < 190
