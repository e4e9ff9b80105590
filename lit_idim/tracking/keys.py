"""Names of the numbers, tables and pictures that a study sends to W&B; a dashboard draws them by the same names.

What stands before the first slash is the section of a workspace. Every number but those of `study/` is drawn against a
number that is sent with it, its step metric.
"""

import re
from typing import Literal

Axis = Literal["pretraining_step", "num_parameters"]
D90Number = Literal["d90", "d90_low", "d90_high"]

AXES: tuple[Axis, ...] = ("pretraining_step", "num_parameters")
D90_NUMBERS: tuple[D90Number, ...] = ("d90", "d90_low", "d90_high")

NUM_TRAININGS, TRAINING_SECONDS = "study/num_trainings", "study/training_seconds"
NUM_CELLS_DONE, NUM_CELLS_REACHED = "study/num_cells_done", "study/num_cells_reached"


def table_key(stem: str) -> str:
    """A CSV table of the study.

    >>> table_key("d90")
    'tables/d90'
    """
    return f"tables/{stem}"


def figure_key(stem: str) -> str:
    """A figure of the study."""
    return f"figures/{stem}"


def chart_key(axis: Axis) -> str:
    """d90 with all its lines in one chart.

    >>> chart_key("num_parameters")
    'charts/d90_vs_num_parameters'
    """
    return f"charts/{d90_section('d90', axis)}"


def d90_section(number: D90Number, axis: Axis) -> str:
    """Section of a d90, or of an end of its interval, against an axis.

    >>> d90_section("d90_low", "num_parameters")
    'd90_low_vs_num_parameters'
    """
    return f"{number}_vs_{axis}"


def d90_key(number: D90Number, axis: Axis, *line: str) -> str:
    """A d90, or an end of its interval, of one line of the chart.

    >>> d90_key("d90", "pretraining_step", "multiberts-seed_0", "mrpc", "said")
    'd90_vs_pretraining_step/multiberts-seed_0/mrpc/said'

    Args:
        number: which.
        axis: its step metric.
        line: model, task and method; against "num_parameters", where models are points, task and method.
    """
    return "/".join([d90_section(number, axis), *map(_clean, line)])


def score_key(model: str, checkpoint: str, task: str, method: str) -> str:
    """The dev scores of a cell's trainings in subspaces; their step metric is `d`.

    >>> score_key("bert@main", "final", "mrpc", "did")
    'score_against_d/bert_main/final/mrpc/did'
    """
    return "/".join(["score_against_d", *map(_clean, (model, checkpoint, task, method))])


def full_score_key(model: str, task: str) -> str:
    """The full score of a series on a task; its step metric is `pretraining_step`."""
    return "/".join(["full_score_vs_pretraining_step", _clean(model), _clean(task)])


def _clean(name: str) -> str:
    """A name as W&B takes it for a part of a key."""
    return re.sub(r"[^\w.-]+", "_", name)
