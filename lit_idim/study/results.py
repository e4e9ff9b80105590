"""Between the ledger's rows and the results that a search learns from."""

from collections.abc import Iterable
from dataclasses import replace

from lit_idim.d90 import Result, SearchSettings, TrainingId
from lit_idim.ledger import TrainingRecord


def early_update(search: SearchSettings, num_updates: int) -> int:
    """The update after which a search may drop a learning rate.

    >>> early_update(SearchSettings(early_fraction=0.34), 100)
    34
    """
    return min(max(1, round(search.early_fraction * num_updates)), num_updates - 1)


def search_of(search: SearchSettings, *, is_last: bool, num_parameters: int | None = None) -> SearchSettings:
    """The search of a cell.

    At the last checkpoint of a series the final target is that of its own full score, and no d exceeds D.

    >>> search_of(SearchSettings(targets=("final", "full_fraction")), is_last=True).targets
    ('full_fraction',)
    >>> search_of(SearchSettings(d_max=10_000), is_last=False, num_parameters=4_000).d_max
    4000

    Args:
        search: of the study.
        is_last: whether the cell is the last checkpoint of its series.
        num_parameters: D; None where it is unknown.

    Raises:
        UserError: if D does not exceed d_min.
    """
    if num_parameters is not None and num_parameters < search.d_max:
        search = replace(search, d_max=num_parameters)
    if not is_last:
        return search
    own = ("full_fraction" if kind == "final" else kind for kind in search.targets)
    return replace(search, targets=tuple(dict.fromkeys(own)))


def training_of(record: TrainingRecord) -> TrainingId:
    """The training within its cell."""
    return TrainingId(record.d, record.rate, record.replicate)


def result_of(record: TrainingRecord, early_update: int) -> Result:
    """What a search learns from a training.

    Args:
        record: finished or not.
        early_update: of the early evaluation.
    """
    early = dict(record.evaluations).get(early_update)
    share = record.num_updates_done / record.num_updates
    if record.status == "paused":
        return Result(early_score=early, ended=False, cost=share)
    return Result(score=record.score, early_score=early, cost=share)


def results_of(records: Iterable[TrainingRecord], early_update: int) -> dict[TrainingId, Result]:
    """By training."""
    return {training_of(record): result_of(record, early_update) for record in records}
