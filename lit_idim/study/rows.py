"""The row of `d90.csv` of a cell, from its trainings alone."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.d90 import (
    LEVEL,
    TARGET_KINDS,
    Estimate,
    FullScore,
    Result,
    SearchSettings,
    TargetKind,
    TrainingId,
    estimate_d90,
    full_score,
)
from lit_idim.study.d90_row import D90Row
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.results import search_of
from lit_idim.study.row_details import (
    dev_interval,
    full_learning_rate,
    full_std,
    head_columns,
    learning_rates,
    notes,
    num_grid_values_skipped,
    tolerance_met,
)
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task

Labels = Mapping[str, npt.NDArray[np.generic]]
_NOT_YET = "not measured yet"
_NOT_SEARCHED = "no search aimed at it; add full_fraction to search.targets"


def rows_of(
    cells: Iterable[MeasuredCell], settings: StudySettings, labels: Labels
) -> tuple[list[D90Row], dict[tuple[str, str, str, str], Estimate]]:
    """The rows of a study and the estimates behind them by model, checkpoint, task and method.

    Rows are in the order of their model's D, then its name, task, method and pretraining step.

    The estimates are those of the first target that the search aims at. A cell without a training has no row, unless it
    failed. Baselines have no rows of their own: their scores stand in those of their checkpoint and task.

    Args:
        cells: measured.
        settings: of the study.
        labels: of the dev examples by task; without a task's the interval over dev examples stays empty.
    """
    cells = list(cells)
    measured = [cell for cell in cells if cell.records or cell.reason is not None]
    heads = {(cell.model, cell.checkpoint, cell.task): cell for cell in measured if cell.is_baseline}
    sizes = _smallest_sizes(measured)
    listed = sorted(
        (cell for cell in measured if not cell.is_baseline),
        key=lambda cell: (sizes[cell.model], *cell.line, cell.pretraining_step or 0, cell.checkpoint),
    )
    lasts = _lasts(cells)
    finals = {line: _final(cell, settings.search) for line, cell in lasts.items()}
    rows, estimates = [], {}
    for cell in listed:
        row, estimate = _row(
            cell,
            settings,
            is_last=cell is lasts[cell.line],
            of_last=finals[cell.line],
            labels=labels.get(cell.task),
            head=heads.get((cell.model, cell.checkpoint, cell.task)),
        )
        rows.append(row)
        estimates[(cell.model, cell.checkpoint, cell.task, cell.method)] = estimate
    return rows, estimates


def _smallest_sizes(cells: Iterable[MeasuredCell]) -> dict[str, float]:
    """D of each model, which tasks change by their heads; infinite where nothing was measured yet."""
    sizes: dict[str, float] = {}
    for cell in cells:
        size = math.inf if cell.num_parameters is None else cell.num_parameters
        sizes[cell.model] = min(size, sizes.get(cell.model, math.inf))
    return sizes


def _lasts(cells: Iterable[MeasuredCell]) -> dict[tuple[str, str, str], MeasuredCell]:
    """The last checkpoint of every line, measured or not."""
    ascending = sorted(cells, key=lambda cell: cell.pretraining_step or 0)
    return {cell.line: cell for cell in ascending if not cell.is_baseline}


@dataclass(frozen=True, kw_only=True)
class _Final:
    """The full score of the last checkpoint of a line: the reference of the final target.

    Attributes:
        full: None where there is none.
        is_settled: whether it stays as it is, since the search of that cell has ended.
    """

    full: FullScore | None
    is_settled: bool


def _final(last: MeasuredCell, search: SearchSettings) -> _Final:
    if last.reason is not None:
        return _Final(full=None, is_settled=True)
    of_last = search_of(search, is_last=True, num_parameters=last.num_parameters)
    has_ended, asked = last.asked(of_last, None)
    return _Final(full=full_score(asked), is_settled=has_ended)


def _row(
    cell: MeasuredCell,
    settings: StudySettings,
    *,
    is_last: bool,
    of_last: _Final,
    labels: npt.NDArray[np.generic] | None,
    head: MeasuredCell | None,
) -> tuple[D90Row, Estimate]:
    training = settings.training_of(cell.task)
    search = search_of(settings.search, is_last=is_last, num_parameters=cell.num_parameters)
    aims_at_final = "final" in search.targets  # of no last checkpoint
    final = of_last.full if of_last.is_settled or is_last else None
    has_ended, asked = cell.asked(search, final if aims_at_final else None)
    has_ended = has_ended and (of_last.is_settled or not aims_at_final)
    records = [cell.records[training] for training in asked]
    first = records[0] if records else None
    full = full_score(asked)
    by_kind = {kind: _estimate(cell, kind, asked, search, final) for kind in ("full_fraction", "chance_corrected")}
    by_kind["final"] = _estimate(cell, "final", asked, search, final)
    estimate, main = by_kind["full_fraction"], by_kind[search.targets[0]]
    of_head, notes_on_head = head_columns(head, search)
    least_d = search.d_min if first is None else max(search.d_min, cell.facts(None).num_lambdas + 1)
    is_open = not has_ended and cell.reason is None
    told = TARGET_KINDS if main.status == "failed" else settings.search.targets
    dev_low, dev_high = dev_interval(main, full, cell.records, asked, labels, search, least_d, settings.study_seed)
    row = D90Row(
        model=cell.model,
        checkpoint=cell.checkpoint,
        pretraining_step=cell.pretraining_step,
        num_parameters=None if first is None else first.num_parameters,
        task=cell.task,
        method=cell.method,
        projection=settings.projection,
        metric=get_task(cell.task).headline_metric if first is None else first.metric,
        full_score=None if full is None else full.mean,
        full_score_std=full_std(full, asked),
        full_learning_rate=full_learning_rate(full, cell.records),
        chance_score=None if first is None else first.chance_score,
        target_score=_target(estimate),
        d90=estimate.d90,
        d90_low=estimate.low,
        d90_high=estimate.high,
        interval_level=LEVEL,
        status=estimate.status,
        reason=_reason(main, estimate, is_open, "full_fraction" in told),
        d90_first_crossing=estimate.first_crossing if search.protocol == "grid" else None,
        **_variant("d90_chance_corrected", by_kind["chance_corrected"], "chance_corrected" in told),
        **_variant("d90_final_target", by_kind["final"], "final" in told),
        d_min=least_d,
        d_max=search.d_max,
        protocol=search.protocol,
        tolerance_met=tolerance_met(main, search, asked, least_d),
        **learning_rates(main, cell.records, asked),
        num_updates=None if first is None else first.num_updates,
        batch_size=training.batch_size,
        num_train_examples=None if first is None else first.num_train_examples,
        num_dev_examples=None if first is None else first.num_dev_examples,
        num_trainings=len(records),
        num_examples=sum(record.num_examples for record in records),
        seconds=round(sum(record.seconds for record in records), 3),
        d90_dev_low=dev_low,
        d90_dev_high=dev_high,
        interval_includes="seeds, learning rate, target",
        full_score_se=None if full is None else full.standard_error,
        **of_head,
        chance_corrected_target_score=_target(by_kind["chance_corrected"]),
        final_target_score=_target(by_kind["final"]),
        num_diverged=sum(record.status == "diverged" for record in records),
        grid_values_skipped=0 if first is None else num_grid_values_skipped(search, cell.facts(None)),
        target_fraction=search.target_fraction,
        notes="; ".join([*notes(cell, has_ended, asked, full, search, least_d, main), *notes_on_head]),
    )
    return row, main


def _estimate(
    cell: MeasuredCell,
    kind: TargetKind,
    asked: Mapping[TrainingId, Result],
    search: SearchSettings,
    final: FullScore | None,
) -> Estimate:
    if cell.reason is not None or not asked:
        return Estimate(status="failed", reason=cell.reason or _NOT_YET)
    facts = cell.facts(final)
    return estimate_d90(
        asked,
        kind=kind,
        chance=facts.chance,
        settings=search,
        final_full=final,
        num_lambdas=facts.num_lambdas,
    )


def _target(estimate: Estimate) -> float | None:
    return None if estimate.target is None else estimate.target.score


def _reason(main: Estimate, estimate: Estimate, is_open: bool, may_fail: bool) -> str | None:
    """Why there is no d90 of the first target, where its search failed; else why there is none of d90 itself."""
    failed = next((one for one in (main, estimate) if one.status == "failed"), None)
    if failed is None:
        return estimate.reason
    if is_open:
        return _NOT_YET
    return failed.reason if may_fail else _NOT_SEARCHED


def _variant(name: str, estimate: Estimate, may_fail: bool) -> dict[str, Any]:
    # The trainings that a search asked for may tell nothing of a target that it did not aim at: that is no failure.
    return {
        name: estimate.d90,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_status": None if estimate.status == "failed" and not may_fail else estimate.status,
    }
