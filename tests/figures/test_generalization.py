import numpy as np
from matplotlib.lines import Line2D

from lit_idim.figures.generalization import (
    draw_bounds,
    draw_description_length,
    draw_generalization,
    save_generalization_figures,
)
from lit_idim.generalization.row import GeneralizationRow


def row_of(step=1000, task="toy-opinion", **changes):
    values = {
        "model": "toy-L2-H128",
        "checkpoint": f"step-{step}",
        "pretraining_step": step,
        "num_parameters": 497_410,
        "task": task,
        "method": "said",
        "status": "reached",
        "d90": 40.0,
        "d90_low": 30.0,
        "d90_high": 55.0,
        "d": 40,
        "num_examples": 3600,
        "num_train_examples": 3600,
        "num_held_out": 400,
        "num_dev_examples": 1000,
        "full_train_accuracy": 0.99,
        "full_dev_accuracy": 0.96,
        "full_generalization_gap": 0.75,
        "subspace_train_accuracy": 0.9,
        "subspace_dev_accuracy": 0.88,
        "subspace_generalization_gap": 0.17,
        "num_bits": 200,
        "sample_error": 0.11,
        "held_out_error": 0.12,
        "dev_error": 0.13,
        "delta": 0.05,
        "hoeffding_bound": 0.25,
        "kl_bound": 0.2,
        "majority_error": 0.49,
        "is_non_vacuous": True,
        "asymptotic_shape": 0.105,
    }
    return GeneralizationRow(**(values | changes))


ROWS = [
    row_of(),
    row_of(2000, d90=25.0, d90_low=None, num_bits=150, kl_bound=0.5, hoeffding_bound=0.55, is_non_vacuous=False),
    row_of(1000, "toy-topic", d90=300.0, d90_low=200.0, d90_high=500.0, num_bits=900, asymptotic_shape=0.29),
    GeneralizationRow(
        model="toy-L2-H128", checkpoint="step-0", pretraining_step=0, num_parameters=497_410, task="toy-opinion",
        method="said", status="above_range", d90=None, d90_low=100_000.0, d90_high=None, reason="d90 is above range",
    ),
]  # fmt: skip


def marks(figure, gid):
    return [line for line in figure.findobj(Line2D) if line.get_gid() == gid]


def test_points_of_full_fine_tuning_are_filled_and_those_of_the_subspace_hollow(check_texts):
    figure = draw_generalization(ROWS)
    check_texts(figure)
    full, subspace = marks(figure, "full"), marks(figure, "subspace")
    assert len(full) == len(subspace) == 2 * 3  # two panels, three measured cells
    assert all(line.get_markerfacecolor() == "white" for line in subspace)
    assert {float(np.ravel(line.get_ydata())[0]) for line in full} == {0.96, 0.75}


def test_a_certified_subspace_stands_at_its_own_d():
    figure = draw_generalization([row_of(d=100)])
    assert {float(np.ravel(line.get_xdata())[0]) for line in marks(figure, "full")} == {40.0}
    assert {float(np.ravel(line.get_xdata())[0]) for line in marks(figure, "subspace")} == {100.0}
    assert all(axes.get_xlim()[1] > 100 for part in figure.subfigs for axes in part.axes)


def test_a_bound_that_says_nothing_is_hollow_and_none_lies_below_the_diagonal(check_texts):
    figure = draw_bounds(ROWS)
    check_texts(figure)
    bounds = marks(figure, "kl_bound")
    assert sum(line.get_markerfacecolor() == "white" for line in bounds) == 2  # the same one in both panels
    assert len(marks(figure, "hoeffding_bound")) == len(bounds) == 6
    vacuous = draw_bounds([row_of(kl_bound=1.0, hoeffding_bound=2.9, is_non_vacuous=False)])
    assert len(marks(vacuous, "kl_bound")) == 2 and not marks(vacuous, "hoeffding_bound")
    assert len(marks(figure, "diagonal")) == 1 and len(marks(figure, "majority_error")) == 2


def test_bits_have_a_line_a_task_over_steps(check_texts):
    figure = draw_description_length(ROWS)
    check_texts(figure)
    lines = [line for line in marks(figure, "num_bits") if line.get_linestyle() == "-"]
    assert [list(line.get_ydata()) for line in lines] == [[200.0, 150.0], [900.0]]


def test_models_without_steps_leave_the_axis_of_steps_empty():
    figure = draw_description_length([row_of(pretraining_step=None)])
    assert [line.get_linestyle() for line in marks(figure, "num_bits")] == ["None"]


def test_files(tmp_path):
    assert save_generalization_figures(ROWS[3:], tmp_path) == []
    names = [path.name for path in save_generalization_figures(ROWS, tmp_path)]
    assert names[::2] == ["generalization.png", "bounds.png", "description_length.png"]
