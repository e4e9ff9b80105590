"""At which pretraining step the models of a study are compared by size."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lit_idim.errors import UserError
from lit_idim.study.cell import Cell, load_cells
from lit_idim.study.d90_row import D90Row
from lit_idim.study.settings import StudySettings


def fix_step(settings: StudySettings, pretraining_step: int | None) -> tuple[StudySettings, int | None]:
    """The settings of a study of model sizes, and the step at which its series are compared.

    Args:
        settings: with `steps` None, only `pretraining_step` is measured where that is given.
        pretraining_step: one of the steps; the last one that all series have if None.

    Returns:
        The settings, and the step; None without a series.

    Raises:
        UserError: if there is no such step, or none in common.
    """
    if pretraining_step is not None and settings.steps is None:
        settings = replace(settings, steps=(pretraining_step,))
    cells = load_cells(settings)
    steps = _steps_of_series(cells)
    if not steps:
        if pretraining_step is not None:
            raise UserError(
                f"pretraining_step: the models of this study have none; leave out {pretraining_step}, or pass --series"
            )
        return settings, None
    common = set.intersection(*steps.values())
    if pretraining_step is None:
        if not common:
            raise UserError("pretraining_step: the series have no step in common; choose others, or the same --steps")
        return settings, common_step(cells)
    if pretraining_step not in common:
        raise UserError(
            f"pretraining_step: expected one of {', '.join(map(str, sorted(common)))}, the steps that are measured of "
            f"every series; got {pretraining_step}"
        )
    return settings, pretraining_step


def common_step(cells: Iterable[Cell]) -> int | None:
    """The last step that all series have; None without a series, or without a step in common."""
    steps = _steps_of_series(cells)
    return max(set.intersection(*steps.values()), default=None) if steps else None


def _steps_of_series(cells: Iterable[Cell]) -> dict[str, set[int]]:
    steps: dict[str, set[int]] = {}
    for cell in cells:
        if not cell.series.is_single:
            steps.setdefault(cell.series.name, set()).add(cell.step)
    return steps


def rows_at(rows: Iterable[D90Row], pretraining_step: int | None) -> Sequence[D90Row]:
    """The rows of that step, and those of models without steps."""
    return [row for row in rows if row.pretraining_step in (None, pretraining_step)]
