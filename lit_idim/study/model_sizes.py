"""How large each model of a study is, with and without its embeddings, and which family it is of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lit_idim.errors import UserError
from lit_idim.families import find_model
from lit_idim.series import Series, load_series, single_model
from lit_idim.series.single import ONLY_STEP
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.study.d90_row import D90Row
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task

SizeAxis = Literal["num_parameters", "num_parameters_without_embeddings"]
SizeKey = tuple[str, str, str]
"""Model, checkpoint and task: the head is a part of D, and has a row a class."""


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """The size of a classifier on one checkpoint.

    Attributes:
        model: name of the series or model.
        checkpoint: name of the checkpoint within it.
        family: models of one recipe in several sizes that it is one of; its own name if it is of none.
        num_parameters: D, as the row has it, or as counted for a row without one; None if neither is known.
        num_parameters_without_embeddings: D less the tables of tokens, positions and segments; None if not known.
        reason: why a number is not known; None if both are.
    """

    model: str
    checkpoint: str
    family: str
    num_parameters: int | None
    num_parameters_without_embeddings: int | None
    reason: str | None = None


def model_sizes(rows: Iterable[D90Row], settings: StudySettings) -> dict[SizeKey, ModelSize]:
    """The size of the model of each row, from configs alone: no weights are read, and the network is not used.

    D without embeddings is that of the checkpoint's config.json, or else of its series' `family_model`. It is left out
    if their D is not the D that was measured: what is counted is then another model.

    Args:
        rows: of `d90.csv`.
        settings: of the study, which names the series and models.

    Raises:
        UserError: if a row is of a model that the study does not name, or a series or task does not exist.
    """
    named = [*map(load_series, settings.series), *map(single_model, settings.models)]
    by_name = {series.name: series for series in named}
    sizes: dict[SizeKey, ModelSize] = {}
    for row in rows:
        key = size_key(row)
        if row.model not in by_name:
            raise UserError(
                f"model {row.model!r} of the table is not one of the study's: expected {', '.join(sorted(by_name))}; "
                "add it to series or models"
            )
        # The methods of a checkpoint and task share D; one of them may have failed before D was known.
        if key not in sizes or (sizes[key].reason is not None and row.num_parameters is not None):
            sizes[key] = _size(row, by_name[row.model])
    return sizes


def size_key(row: D90Row) -> SizeKey:
    """Where `model_sizes` has the size of a row."""
    return row.model, row.checkpoint, row.task


def size_of(row: D90Row, sizes: Mapping[SizeKey, ModelSize], x: SizeAxis) -> int | None:
    """One of the sizes of a row; None where it is not known."""
    size = sizes.get(size_key(row))
    if size is None:
        return None
    return size.num_parameters if x == "num_parameters" else size.num_parameters_without_embeddings


def family_of(series: Series) -> str:
    """The family that a series names, or its model's; its own name if it has none: nothing is read out of names.

    Example:
        >>> [family_of(load_series(name)) for name in ("toy-L2-H128", "pythia-70m-deduped", "smollm3-3b")]
        ['toy', 'pythia', 'smollm3-3b']
    """
    if series.family is not None:
        return series.family
    try:
        return find_model(series.family_model or series.name).family
    except UserError:
        return series.name


def _size(row: D90Row, series: Series) -> ModelSize:
    D, without, reason = row.num_parameters, None, None
    try:
        step = ONLY_STEP if row.pretraining_step is None else row.pretraining_step
        count = count_checkpoint_parameters(series, step, get_task(row.task).num_labels)
    except UserError as error:  # a damaged config.json fails its own row, not the figure of all
        count, reason = None, str(error)
    if count is not None and D not in (None, count.D):
        reason = f"the config tells D = {count.D:,}, but D = {D:,} was measured"
    elif count is not None:
        D, without = count.D, count.D_without_embeddings
    elif reason is None:
        reason = "the checkpoint is not on this machine, and its series names no family_model"
    return ModelSize(
        model=row.model,
        checkpoint=row.checkpoint,
        family=family_of(series),
        num_parameters=D,
        num_parameters_without_embeddings=without,
        reason=reason,
    )
