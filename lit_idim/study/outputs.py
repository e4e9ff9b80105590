"""Everything that a study leaves behind, made from its ledger."""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lit_idim.d90 import Estimate
from lit_idim.d90.crossing import curve_values
from lit_idim.errors import UserError
from lit_idim.figures.d90_vs_pretraining_step import d90_vs_pretraining_step
from lit_idim.figures.full_score_vs_step import full_score_vs_step
from lit_idim.figures.score_against_d import CellKey, Curve, score_against_d
from lit_idim.ledger import TrainingRecord
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.dev_resampling import dev_labels
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.provenance import write_manifest
from lit_idim.study.row_details import has_ended
from lit_idim.study.rows import Labels, rows_of
from lit_idim.study.seeds import subset_seed
from lit_idim.study.settings import StudySettings
from lit_idim.study.tables import write_d90, write_trials

_POINTS_OF_A_CURVE = 200
_NATS_OF_A_CURVE = 2.0
VARIANT_OF_TARGET: dict[str, D90Variant] = {
    "full_fraction": "d90",
    "chance_corrected": "d90_chance_corrected",
    "final": "d90_final_target",
}


def search_failed(row: D90Row, settings: StudySettings) -> bool:
    """Whether there is no d90 of the first target, or of d90 itself if the search aims at it, for want of scores.

    A second target may lack its last checkpoint, which is that checkpoint's failure.
    """
    targets = settings.search.targets
    failed = row.status_of(VARIANT_OF_TARGET[targets[0]]) == "failed"
    return has_ended(row) and (failed or (row.status == "failed" and "full_fraction" in targets))


def labels_of(settings: StudySettings) -> Labels:
    """Dev labels by task, as far as the data are there."""
    labels = {}
    for task in settings.task_names:
        seed = subset_seed(settings.study_seed, task)
        try:
            labels[task] = dev_labels(task, settings.data_dir, settings.training_of(task).max_dev_examples, seed)
        except UserError:
            continue  # the interval over dev examples then stays empty
    return labels


def write_tables(
    folder: Path,
    study: str,
    settings: StudySettings,
    cells: Iterable[MeasuredCell],
    records: list[TrainingRecord],
    labels: Labels,
) -> tuple[list[D90Row], dict[CellKey, Estimate]]:
    """Writes `trials.csv`, `d90.csv` and `manifest.json`.

    Args:
        folder: of the study.
        study: its name.
        settings: of the study.
        cells: as measured so far.
        records: of all trainings in the ledger.
        labels: of the dev examples by task.

    Returns:
        The rows of `d90.csv`, and the estimates behind them.
    """
    rows, estimates = rows_of(cells, settings, labels)
    write_trials(folder / "trials.csv", records)
    write_d90(folder / "d90.csv", rows)
    write_manifest(folder, study, settings, records)
    return rows, estimates


def draw_figures(
    folder: Path,
    settings: StudySettings,
    rows: list[D90Row],
    curves: dict[CellKey, Curve],
    records: list[TrainingRecord],
) -> list[Path]:
    """Draws d90 and the full score of series against pretraining step, and the scores against d behind every d90.

    The d90 of the first target that the search aims at is in `d90_vs_pretraining_step`; those of the others are in
    files of their own.
    """
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    if not rows:
        return []
    written = []
    shown = VARIANT_OF_TARGET[settings.search.targets[0]]
    of_steps = [row for row in rows if row.pretraining_step is not None]
    for variant in VARIANT_OF_TARGET.values() if of_steps else ():
        stem = "d90_vs_pretraining_step" if variant == shown else f"{variant}_vs_pretraining_step"
        if variant == "d90" != shown:
            stem = "d90_full_fraction_vs_pretraining_step"
        written += d90_vs_pretraining_step(of_steps, figures, variant=variant, stem=stem)
    if any(row.full_score is not None for row in of_steps):
        written += full_score_vs_step(of_steps, figures)
    aimed = [of_variant(row, shown) for row in rows]
    words = {"d90": None, "d90_chance_corrected": "chance-corrected target", "d90_final_target": "final target"}[shown]
    written += score_against_d(records, aimed, figures, curves=curves, target_words=words, variant=shown)
    return written


def of_variant(row: D90Row, variant: D90Variant) -> D90Row:
    """The row with the d90 of a variant in place of d90: what a figure of that variant draws."""
    if variant == "d90":
        return row
    d90, low, high = row.interval_of(variant)
    is_final = variant == "d90_final_target"
    return replace(
        row,
        d90=d90,
        d90_low=low,
        d90_high=high,
        status=row.status_of(variant) or "failed",
        target_score=row.final_target_score if is_final else row.chance_corrected_target_score,
    )


def fitted_curves(rows: list[D90Row], estimates: dict[CellKey, Estimate]) -> dict[CellKey, Curve]:
    """The curves behind the d90 of the first target, as far as there are any."""
    return {key: curve for key, estimate in estimates.items() if (curve := _curve(estimate, rows, key)) is not None}


def _curve(estimate: Estimate, rows: list[D90Row], key: CellKey) -> Curve | None:
    """The fitted curve where it is meant to hold: around the crossing, within the range of d."""
    if estimate.curve is None or estimate.target is None:
        return None
    row = next(row for row in rows if (row.model, row.checkpoint, row.task, row.method) == key)
    crossing = estimate.curve.crossing
    low, high = math.log(row.d_min), math.log(row.d_max)
    centre = min(max(crossing.x, low), high)
    x = np.linspace(max(low, centre - _NATS_OF_A_CURVE), min(high, centre + _NATS_OF_A_CURVE), _POINTS_OF_A_CURVE)
    return x, curve_values(x, crossing, target=estimate.target.score, chance=row.chance_score or 0.0)
