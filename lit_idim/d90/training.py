"""The trainings that a search asks for, and what it learns from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class TrainingId(NamedTuple):
    """A training of a cell.

    Attributes:
        d: trained numbers; None for full fine-tuning.
        rate: learning rate, as its place on a ladder of factors of 3.2: for a subspace, steps from the rate that the
            rule gives for d; in full, steps from the first of `full_learning_rates`.
        replicate: number of the seeds.
    """

    d: int | None
    rate: int
    replicate: int


class Request(NamedTuple):
    """A training to be run, up to its early evaluation only or to its end."""

    training: TrainingId
    early: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a training has shown so far.

    Attributes:
        score: dev score of the finished training; None if it was stopped early, diverged or failed.
        early_score: dev score at the early evaluation, where there was one; never counts as final.
        ended: whether no more can come: finished, diverged or failed.
        cost: share of a whole training that was run.
    """

    score: float | None = None
    early_score: float | None = None
    ended: bool = True
    cost: float = 1.0

    def answers(self, request: Request) -> bool:
        """Whether the training has gone as far as the request asks."""
        return self.ended or (request.early and self.early_score is not None)


Results = Mapping[TrainingId, Result]


def final_scores(results: Results, *, full: bool) -> dict[tuple[int | None, int], list[float]]:
    """Final scores by d and rate, of full fine-tuning or of the subspaces, replicates in order.

    A learning rate at which most replicates of a d diverged has failed there: it has no scores.
    """
    scores: dict[tuple[int | None, int], list[float]] = {}
    num_broken: dict[tuple[int | None, int], int] = {}
    for training, result in sorted(results.items(), key=lambda item: place(item[0])):
        if (training.d is None) != full or not result.ended:
            continue
        group = (training.d, training.rate)
        if result.score is None:
            num_broken[group] = num_broken.get(group, 0) + 1
        else:
            scores.setdefault(group, []).append(result.score)
    return {group: values for group, values in scores.items() if len(values) >= num_broken.get(group, 0)}


def further(results: Results, d: int | None, rate: int, taken: Iterable[Request] = ()) -> TrainingId:
    """One training more at d and this rate: the next replicate that is neither known nor taken.

    >>> further({TrainingId(10, 0, 0): Result(score=0.5)}, 10, 0)
    TrainingId(d=10, rate=0, replicate=1)
    """
    known = set(results) | {request.training for request in taken}
    replicate = 0
    while TrainingId(d, rate, replicate) in known:
        replicate += 1
    return TrainingId(d, rate, replicate)


def total_cost(results: Iterable[Result]) -> float:
    """In whole trainings."""
    return sum(result.cost for result in results)


def place(training: TrainingId) -> tuple[int, int, int]:
    """Where a training stands among those of a cell: in full first, then by d, rate and replicate."""
    return (training.d or 0, training.rate, training.replicate)
