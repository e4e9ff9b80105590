import dataclasses

import pytest

from lit_idim.errors import UserError
from lit_idim.families import ParameterCount, find_model
from lit_idim.study.expected_cost import PlannedCell, expect_cost, format_cells_table, sum_costs

# RoBERTa-base with two labels; its tables are (50,265 + 514 + 1) x 768 numbers.
ROBERTA_BASE = ParameterCount(D=124_647_170, D_without_embeddings=85_648_130, m=14)
CELL = PlannedCell(
    series="probe-across-time-roberta",
    pretraining_step=20_000,
    task="sst2",
    method="said",
    count=ROBERTA_BASE,
    num_updates=1_000,
    batch_size=32,
    tokens_per_example=50,
    num_dev_examples=800,
    num_full_trainings=5,
    num_subspace_trainings=35,
)


def test_the_count_is_the_registered_one():
    assert find_model("roberta-base").count_parameters(2) == ROBERTA_BASE


def test_the_cost_is_the_one_computed_by_hand():
    cost = expect_cost(CELL)
    assert cost.num_trainings == 40
    assert cost.num_updates == 40_000
    assert cost.training_tokens == 64_000_000  # 40,000 x 32 x 50
    assert cost.evaluation_tokens == 1_600_000  # 40 x 800 x 50
    # 85,648,130 x (6 x 64,000,000 + 2 x 1,600,000)
    assert cost.flops == pytest.approx(85_648_130 * 387_200_000)
    # 3.3163e16 operations at 1e14 a second are 331.6 seconds.
    assert cost.hours(100) == pytest.approx(331.63 / 3600, rel=1e-4)
    assert cost.hours(50) == pytest.approx(2 * cost.hours(100))


def test_scoring_every_epoch_costs_evaluations_alone():
    once, thrice = expect_cost(CELL), expect_cost(dataclasses.replace(CELL, evaluations_per_training=3))
    assert thrice.evaluation_tokens == 3 * once.evaluation_tokens and thrice.training_tokens == once.training_tokens
    assert thrice.flops - once.flops == pytest.approx(2 * ROBERTA_BASE.D_without_embeddings * 3_200_000)


def test_costs_add_up():
    both = sum_costs([expect_cost(CELL), expect_cost(dataclasses.replace(CELL, num_updates=3_000))])
    assert (both.num_trainings, both.num_updates, both.training_tokens) == (80, 160_000, 256_000_000)
    assert sum_costs([]).flops == 0


def test_a_line_a_cell_then_totals_and_the_assumption():
    heading, first, second, cells, total, assumed = format_cells_table(
        [CELL, dataclasses.replace(CELL, task="mnli", pretraining_step=200_000, num_updates=12_000)]
    ).splitlines()
    assert heading.split() == ["series", "step", "task", "method", "D", "m", "updates", "trainings", "hours"]
    assert " ".join(first.split()) == "probe-across-time-roberta 20000 sst2 said 124,647,170 14 1,000 40 0.0921"
    assert " ".join(second.split()) == "probe-across-time-roberta 200000 mnli said 124,647,170 14 12,000 40 1.1"
    assert cells == "2 cells, 80 trainings expected"
    # 40 x 13,000 updates; 8.32e8 tokens; 85,648,130 x (6 x 8.32e8 + 2 x 3.2e6) = 4.281e17; / 1e14 / 3600 = 1.19
    assert total == "total: 520,000 updates, 8.3e+08 training tokens, 4.3e+17 floating-point operations, 1.19 hours"
    assert assumed.startswith("assumed: one device that sustains 100 TFLOP/s (--teraflops_per_second; a core of a CPU")
    assert "; 6 operations a training token" in assumed
    assert "Kaplan et al. 2020" in assumed


def test_what_is_not_known_is_said_and_not_counted():
    unknown = dataclasses.replace(CELL, series="miniberta-1", count=None, num_updates=None)
    assert expect_cost(unknown) is None
    lines = format_cells_table([CELL, unknown], teraflops_per_second=200).splitlines()
    assert " ".join(lines[2].split()[:9]) == "miniberta-1 20000 sst2 said ? ? ? 40 ?"
    assert lines[2].endswith(
        "D unknown: checkpoint not downloaded and no family_model; updates unknown: training examples not downloaded"
    )
    assert lines[4].startswith("total without the 1 whose cost is unknown, so that the study takes longer: 40,000 upd")
    assert "sustains 200 TFLOP/s" in lines[5] and lines[1].endswith("0.0461")
    without_dev = dataclasses.replace(CELL, num_dev_examples=None)
    assert without_dev.unknowns == ("dev examples unknown: not downloaded",) and expect_cost(without_dev) is None


def test_nothing_planned_is_nothing_expected():
    assert "0 cells, 0 trainings expected" in format_cells_table([])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a positive number, got 0"),
        ({"num_updates": -1}, "num_updates: expected a positive number, got -1"),
        ({"num_full_trainings": -1}, "num_full_trainings: expected a number of at least 0, got -1"),
        ({"tokens_per_example": float("nan")}, "tokens_per_example: expected a positive number, got nan"),
    ],
)
def test_impossible_numbers_are_refused(changed, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(CELL, **changed)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_an_impossible_speed_is_refused(speed):
    with pytest.raises(UserError, match="teraflops_per_second: expected a positive number"):
        format_cells_table([CELL], teraflops_per_second=speed)
