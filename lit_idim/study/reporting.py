"""`report.html` of a study, from what it has measured or from its ledger alone, also while it runs."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lit_idim.errors import UserError
from lit_idim.figures.score_against_d import CellKey, Curve
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.report import ReportContent, ReportFigure, ReportTable, write_report
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import load_cells
from lit_idim.study.config_file import CONFIG_FILE, read_config
from lit_idim.study.d90_row import D90Row
from lit_idim.study.measured_cell import measured_cells
from lit_idim.study.outputs import VARIANT_OF_TARGET, fitted_curves
from lit_idim.study.row_details import has_ended
from lit_idim.study.rows import rows_of
from lit_idim.study.run import LEDGER_FILE, as_output_error
from lit_idim.study.settings import StudySettings
from lit_idim.study.size_step import common_step, rows_at
from lit_idim.study.summary import trend_sentences
from lit_idim.study.written_rows import with_dev_intervals, with_failures, written_rows

REPORT_FILE = "report.html"

_TABLES = {
    "table1": "Beside the published numbers",
    "trends": "Trends with model size",
    "generalization": "d90, generalization and bounds",
    "best_rates": "The best learning rate of every d",
}
_FIGURES = {
    "figure1": "Scores against d by model, after Figure 1 of the paper.",
    "generalization": "Dev accuracy and relative generalization gap against d90.",
    "bounds": "Bounds on the error beside the error that was measured.",
    "description_length": "Bits of the certified subspaces against pretraining step and model size.",
    "learning_rates": "Best learning rates of subspaces against D/d, and the rule in use.",
    "full_score_vs_step": "Full score, and score of a head trained alone, against pretraining step.",
    "d90_chance_corrected_vs_pretraining_step": "d90 of the chance-corrected target against pretraining step.",
    "d90_final_target_vs_pretraining_step": "d90 of the final target against pretraining step.",
    "d90_full_fraction_vs_pretraining_step": "d90 of the share of the full score against pretraining step.",
}


def write_study_report(
    folder: Path,
    settings: StudySettings,
    rows: Sequence[D90Row],
    records: Sequence[TrainingRecord],
    curves: Mapping[CellKey, Curve],
    *,
    pretraining_step: int | None = None,
    path: Path | None = None,
) -> Path:
    """Writes `report.html` of what a study has measured; its further tables and figures are those in the folder.

    Args:
        folder: of the study.
        settings: of the study.
        rows: of `d90.csv`.
        records: trainings that the rows rest on.
        curves: fitted scores by cell.
        pretraining_step: at which a study of sizes compares; the last one that all series have if None.
        path: of the report; `report.html` in the folder if None.

    Returns:
        Path of the report.

    Raises:
        UserError: if the folder cannot be written.
    """
    manifest = _manifest(folder)
    cells = load_cells(settings)
    num_cells = sum(not cell.is_baseline for cell in cells)
    path = path or folder / REPORT_FILE
    step = common_step(cells) if pretraining_step is None else pretraining_step
    compares_sizes = manifest.get("study") == "model_size"
    with as_output_error(path.parent):
        content = ReportContent(
            study=str(manifest.get("study", "")),
            variant=VARIANT_OF_TARGET[settings.search.targets[0]],
            rows=rows,
            records=list({record.key: record for record in records}.values()),  # methods share those in full
            curves=curves,
            tables=[table for stem in _TABLES if (table := _table(folder, stem)) is not None],
            figures=[figure for stem in _FIGURES if (figure := _figure(folder, stem)) is not None],
            config=(folder / CONFIG_FILE).read_text(encoding="utf-8") if (folder / CONFIG_FILE).is_file() else "",
            manifest=manifest,
            trends=trend_sentences(rows, settings),
            is_complete=len(rows) >= num_cells and all(has_ended(row) for row in rows),
            num_cells=num_cells,
            written_at=datetime.now(timezone.utc),
            headline_rows=rows_at(rows, step) if compares_sizes else None,
        )
        return write_report(path, content)


def report_from_ledger(folder: Path, *, ledger: str | None = None, path: Path | None = None) -> Path:
    """Writes `report.html` from a study's ledger as it is now.

    Args:
        folder: of the study's outputs.
        ledger: address, where it is not what the folder's `config.yaml` names.
        path: of the report; `report.html` in the folder if None.

    Raises:
        UserError: if there is no study or no ledger, either is damaged, or the folder cannot be written.
    """
    config = read_config(folder)
    settings, step = config.settings, config.pretraining_step
    with Ledger.read(ledger or config.ledger or folder / LEDGER_FILE, settings=settings_to_agree(settings)) as book:
        records = book.records()
    written = written_rows(folder)
    cells = with_failures(measured_cells(load_cells(settings), records), settings, written)
    rows, estimates = rows_of(cells, settings, {})
    used = [record for cell in cells for record in cell.records.values()]
    curves = fitted_curves(rows, estimates)
    rows = with_dev_intervals(rows, written)
    return write_study_report(folder, settings, rows, used, curves, pretraining_step=step, path=path)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); start the study again, which writes it anew") from error
    return found


def _table(folder: Path, stem: str) -> ReportTable | None:
    path = folder / f"{stem}.csv"
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return ReportTable(title=_TABLES[stem], header=header, rows=rows, note=_dated(path))


def _figure(folder: Path, stem: str) -> ReportFigure | None:
    """The smaller one of the figure's two files."""
    paths = [path for end in ("svg", "png") if (path := folder / "figures" / f"{stem}.{end}").is_file()]
    if not paths:
        return None
    path = min(paths, key=lambda path: path.stat().st_size)
    return ReportFigure(path=path, alt=_FIGURES[stem], note=_dated(path))


def _dated(path: Path) -> str:
    written = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return f"{path.name}, written {written:%Y-%m-%d %H:%M} UTC."
