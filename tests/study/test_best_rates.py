from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lit_idim.d90.rate_rule import BestRate, fit_rate_rule
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.figures.learning_rates import draw_learning_rates, learning_rates
from lit_idim.ledger import TrainingRecord
from lit_idim.study.best_rates import best_rates, describe_rules, rule_in_use, write_best_rates
from lit_idim.training.optimization import subspace_learning_rate

D = 400_004


def record(method: str, rate: float, score: float | None, **changes: Any) -> TrainingRecord:
    values: dict[str, Any] = {
        "key": f"{method} {rate} {sorted(changes.items())}",
        "model": "toy",
        "checkpoint": "step-4000",
        "pretraining_step": 4000,
        "num_parameters": D,
        "task": "sst2",
        "method": method,
        "projection": None if method == "full" else "fastfood",
        "d": None if method == "full" else 104,
        "num_lambdas": 0 if method == "full" else 4,
        "learning_rate": rate,
        "rate": 0,
        "replicate": 0,
        "status": "paused" if score is None else "finished",
        "metric": "accuracy",
        "score": score,
        "chance_score": 0.5,
        "evaluations": (),
        "num_updates": 100,
        "num_updates_done": 100,
        "num_examples": 3200,
        "batch_size": 32,
        "num_train_examples": 4000,
        "num_dev_examples": 1000,
        "seconds": 1.0,
        "seeds": {},
        "versions": {},
        "checksums": {},
        "outcomes": None,
        "state": None,
        "device": "cpu",
        "started_at": "2026-11-28T12:00:00+00:00",
    }
    return TrainingRecord(**(values | changes))


def ladder(
    scores: list[float | None], *, center: float = 0.1, method: str = "said", **changes: Any
) -> list[TrainingRecord]:
    rates = [center * RATE_RATIO ** (step - 1) for step in range(len(scores))]
    return [record(method, rate, score, **changes) for rate, score in zip(rates, scores, strict=True)]


FULL = [record("full", 3e-4, 0.8), record("full", 1e-3, 0.9), record("full", 3e-3, None, status="diverged")]


def test_the_best_rates_of_a_study() -> None:
    found, num_at_edge, num_unlearned = best_rates([*FULL, *ladder([0.7, 0.85, 0.7])])
    assert (num_at_edge, num_unlearned) == (0, 0)
    (point,) = found
    assert (point.cell, point.D, point.coordinates) == ("toy sst2", D, 100)
    assert point.full_rate == 1e-3 and point.rate == pytest.approx(0.1)
    assert rule_in_use(point) == subspace_learning_rate(1e-3, D=D, d=100)


def test_names_tell_what_differs() -> None:
    other = [one for method in ("did", "said") for one in (*FULL, *ladder([0.7, 0.85, 0.7], method=method))]
    later = [replace(one, checkpoint="step-8000") for one in other]
    assert [point.cell for point in best_rates(other + later)[0]] == [
        f"toy/step-{step} sst2 {method}" for step in (4000, 8000) for method in ("did", "said")
    ]


def test_replicates_are_averaged_and_diverged_rates_are_the_worst() -> None:
    first = ladder([0.7, 0.85, 0.80])
    second = ladder([0.7, 0.75, 0.95], replicate=1)
    diverged = [record("said", RATE_RATIO, None, status="diverged")]
    (point,) = best_rates([*FULL, *first, *second, *diverged])[0]
    assert point.rate == pytest.approx(0.1 * RATE_RATIO)  # its upper neighbour has no score
    again = best_rates([*FULL, *diverged, *second, *first])[0]
    assert again == [point]


@pytest.mark.parametrize(
    ("trainings", "expected"),
    [
        (ladder([0.7, 0.8, 0.85]), (1, 0)),
        (ladder([0.5, 0.69, 0.5]), (0, 1)),  # half of the gain of full fine-tuning is at 0.7
        (ladder([None, None, None]), (0, 1)),
        (ladder([0.7, 0.85]), (0, 0)),  # two rates tell nothing
        (ladder([0.7, 0.85, 0.7], status="failed"), (0, 0)),
        (ladder([0.7, 0.85, 0.7], task="mrpc"), (0, 0)),  # without full fine-tuning
    ],
)
def test_what_is_left_out(trainings: list[TrainingRecord], expected: tuple[int, int]) -> None:
    found, *counts = best_rates([*FULL, *trainings])
    assert found == [] and tuple(counts) == expected


POINTS = [
    BestRate(cell=f"cell {n}", D=D * n, coordinates=d, full_rate=1e-3, rate=2e-3 * (D * n / d) ** 0.75)
    for n in (1, 2, 3)
    for d in (1000, 10_000)
]


def test_the_table_of_rules() -> None:
    text = describe_rules(POINTS, fit_rate_rule(POINTS))
    heading, *lines = text.splitlines()
    assert heading.split("  ")[0] == "learning rate of theta_d"
    in_use = "in use: 2 r (D/d)^0.75, at most 20 r (D/d)^0.5"
    assert " ".join(lines[0].split()) == f"{in_use} +0.00 0.00 6 of 6"
    assert lines[1].startswith("fitted: 2 r (D/d)^0.75 ") and lines[1].endswith("6 of 6")
    assert [line.split(" r ")[1].split()[0] for line in lines[2:5]] == ["(D/d)^0.5", "(D/d)^0.75", "(D/d)^1"]
    assert "3 cells, 6 points: exponent 0.75 to 0.75, factor 2 to 2" in lines[5]


def test_table_and_figure(tmp_path: Path) -> None:
    write_best_rates(tmp_path / "best_rates.csv", POINTS)
    header, *rows = (tmp_path / "best_rates.csv").read_text().splitlines()
    assert header == "cell,D,coordinates,full_rate,rate" and len(rows) == 6
    figure = draw_learning_rates(POINTS, fit_rate_rule(POINTS))
    assert isinstance(figure, Figure)
    (axes,) = figure.subfigs[1].axes
    drawn = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    assert set(drawn) == {"cell 1", "cell 2", "cell 3", "2 (D/d)^0.75, fitted", "the rule in use"}
    assert drawn["cell 2"].tolist() == [pytest.approx([point.ratio, point.rate / 1e-3]) for point in POINTS[2:4]]
    assert drawn["the rule in use"] == pytest.approx(drawn["2 (D/d)^0.75, fitted"])
    assert [path.name for path in learning_rates(POINTS, fit_rate_rule(POINTS), tmp_path)] == [
        "learning_rates.png",
        "learning_rates.svg",
    ]
