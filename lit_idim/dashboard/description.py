"""What a dashboard has to know of a study."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CellName:
    """The names of a cell, as its numbers are sent under them.

    Attributes:
        model: series or model.
        checkpoint: within it.
        pretraining_step: None of a model that is no series.
        task: name of the task.
        method: "did" or "said".
    """

    model: str
    checkpoint: str
    pretraining_step: int | None
    task: str
    method: str


@dataclass(frozen=True, kw_only=True)
class StudyDescription:
    """A study.

    Attributes:
        name: as its runs carry it in `config.study`.
        cells: whose d90 is measured; heads alone are none.
        group: of its runs; None stands for all groups, that is for all studies of this name.
        variant: which d90 is sent under that name.
        target_fraction: share of the full score that is asked for.
        tables: stems of its CSV files.
        figures: stems of its pictures.
        summary: a line a d90 and the trends with pretraining step, as text; "" if there are none yet.
        size_trends: the trends with model size, a line each.
    """

    name: str
    cells: tuple[CellName, ...]
    group: str | None = None
    variant: str = "d90"
    target_fraction: float = 0.9
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    summary: str = field(default="", repr=False)
    size_trends: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order of the cells."""
        return tuple(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Model, task and method of every line of d90 against pretraining step: those with two steps or more."""
        steps: dict[tuple[str, str, str], set[int]] = {}
        for cell in self.cells:
            if cell.pretraining_step is not None:
                steps.setdefault((cell.model, cell.task, cell.method), set()).add(cell.pretraining_step)
        return tuple(line for line, known in steps.items() if len(known) > 1)
