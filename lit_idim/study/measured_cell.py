"""A cell as far as the ledger knows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lit_idim.d90 import CellFacts, FullScore, Result, SearchSettings, TrainingId, error_at_chance, replay
from lit_idim.ledger import TrainingRecord
from lit_idim.study.cell import BASELINE, Cell
from lit_idim.study.results import early_update, results_of, training_of


@dataclass(frozen=True, kw_only=True)
class MeasuredCell:
    """A cell as far as it has been measured.

    Attributes:
        model: name of the series.
        checkpoint: within it.
        pretraining_step: of the checkpoint.
        task: name of the task.
        method: "did", "said" or "head".
        records: its trainings, those in full of a d90 included.
        reason: why it failed.
    """

    model: str
    checkpoint: str
    pretraining_step: int | None
    task: str
    method: str
    records: Mapping[TrainingId, TrainingRecord] = field(default_factory=dict)
    reason: str | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether a head alone is trained."""
        return self.method == BASELINE

    @property
    def line(self) -> tuple[str, str, str]:
        """What the cells of one series, task and method have in common."""
        return self.model, self.task, self.method

    @property
    def num_parameters(self) -> int | None:
        """D; None without a training."""
        return next((record.num_parameters for record in self.records.values()), None)

    def facts(self, final_full: FullScore | None) -> CellFacts:
        """For the search; of a cell with trainings."""
        first = next(iter(self.records.values()))
        num_lambdas = max((record.num_lambdas for record in self.records.values()), default=0)
        return CellFacts(
            chance=first.chance_score,
            chance_error=error_at_chance(first.chance_score, first.num_dev_examples),
            num_lambdas=num_lambdas,
            final_full=final_full,
            has_subspaces=not self.is_baseline,
        )

    def asked(self, search: SearchSettings, final_full: FullScore | None) -> tuple[bool, dict[TrainingId, Result]]:
        """Whether the search has ended, and the results of the trainings that it asked for in complete rounds."""
        if not self.records:
            return False, {}
        num_updates = next(iter(self.records.values())).num_updates
        early = early_update(search, num_updates)
        missing, asked = replay(search, self.facts(final_full), results_of(self.records.values(), early))
        return not missing, asked


def measured_cells(cells: Iterable[Cell], records: Iterable[TrainingRecord]) -> list[MeasuredCell]:
    """Cells with those of a ledger's trainings that are theirs; trainings in full belong to every subspace.

    Where weights, data or the metric have changed between runs on the ledger, only the trainings with the latest ones
    count.
    """
    groups: dict[tuple[str, str, str], dict[tuple[str | None, ...], list[TrainingRecord]]] = {}
    for record in records:
        place = (record.model, record.checkpoint, record.task)
        source = (*(record.checksums.get(name) for name in ("weights", "train", "dev")), record.metric)
        groups.setdefault(place, {}).setdefault(source, []).append(record)

    def found(cell: Cell, method: str) -> dict[TrainingId, TrainingRecord]:
        sources = groups.get((cell.series.name, cell.checkpoint, cell.task), {})
        latest = max(sources.values(), key=lambda group: max(record.started_at for record in group), default=[])
        return {training_of(record): record for record in latest if record.method == method}

    return [
        MeasuredCell(
            model=cell.series.name,
            checkpoint=cell.checkpoint,
            pretraining_step=cell.pretraining_step,
            task=cell.task,
            method=cell.method,
            records=({} if cell.is_baseline else found(cell, "full")) | found(cell, cell.method),
        )
        for cell in cells
    ]
