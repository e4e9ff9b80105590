"""`--dry-run`: the cells of a study, their D, and what they are expected to cost."""

import functools

from lit_idim.data.sources import load_examples
from lit_idim.errors import UserError
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.study.cell import Cell, load_cells
from lit_idim.study.expected_cost import PlannedCell, format_cells_table
from lit_idim.study.expected_trainings import expected_trainings
from lit_idim.study.run import check_names
from lit_idim.study.settings import StudySettings
from lit_idim.tasks import get_task

# Training and dev examples as published, and the mean number of tokens of an example (RoBERTa's tokenizer, rounded; for
# the toy tasks counted, for the others from the lengths that the papers of the data sets state).
_SIZES = {
    "cola": (8_551, 1_043, 12),
    "sst2": (67_349, 872, 20),
    "mrpc": (3_668, 408, 60),
    "stsb": (5_749, 1_500, 35),
    "qqp": (363_846, 40_430, 35),
    "mnli": (392_702, 9_815, 45),
    "qnli": (104_743, 5_463, 55),
    "rte": (2_490, 277, 75),
    "wnli": (635, 71, 40),
    "anli": (162_865, 3_200, 110),
    "yelp_polarity": (560_000, 38_000, 160),
}


def describe_plan(settings: StudySettings, *, teraflops_per_second: float) -> str:
    """The study as a table, from the registry and the cache alone: nothing is downloaded or trained.

    Args:
        settings: of the study.
        teraflops_per_second: sustained speed that hours are computed with.

    Raises:
        UserError: if a series, a step or a task does not exist.
    """
    check_names(settings)
    cells = load_cells(settings)
    planned = [_planned(settings, cell) for cell in sorted(cells, key=_place)]
    return format_cells_table(planned, teraflops_per_second=teraflops_per_second)


def _place(cell: Cell) -> tuple[str, str, str, int]:
    return (cell.series.name, cell.task, cell.method, cell.step)


def _planned(settings: StudySettings, cell: Cell) -> PlannedCell:
    training, search = settings.training_of(cell.task), settings.search
    num_train, num_dev, tokens = _sizes(cell.task)
    known_train = _least(num_train, training.max_train_examples)
    without_d, in_subspaces = expected_trainings(cell, search)
    try:
        count = count_checkpoint_parameters(cell.series, cell.step, get_task(cell.task).num_labels)
    except UserError:
        count = None
    needs_size = training.num_updates is None
    return PlannedCell(
        series=cell.series.name,
        pretraining_step=cell.pretraining_step,
        task=cell.task,
        method=cell.method,
        count=count,
        num_updates=None if needs_size and known_train is None else training.updates(known_train or 1),
        batch_size=training.batch_size,
        tokens_per_example=min(tokens, training.max_length),
        num_dev_examples=_least(num_dev, training.max_dev_examples),
        num_full_trainings=without_d,
        num_subspace_trainings=in_subspaces,
        evaluations_per_training=1 if known_train is None else training.evaluations(known_train),
        is_baseline=cell.is_baseline,
    )


@functools.cache
def _sizes(task: str) -> tuple[int | None, int | None, float]:
    definition = get_task(task)
    if definition.brings_data:
        train, dev = load_examples(definition, "train"), load_examples(definition, "dev")
        words = [len(text.split()) for text in train.first[:200]]
        pairs = 2 if train.second is not None else 1
        return len(train), len(dev), pairs * sum(words) / len(words) + 2 * pairs
    return _SIZES.get(task, (None, None, 64))


def _least(number: int | None, most: int | None) -> int | None:
    if number is None:
        return None
    return number if most is None else min(number, most)
