from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lit_idim.d90.rate_rule import BestRate, fit_rate_rule
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.figures.learning_rates import draw_learning_rates, learning_rates
from lit_idim.ledger import TrainingRecord
from lit_idim.study.best_rates import best_rates, describe_rules, write_best_rates

from .records import D, record_of


def ladder(
    scores: list[float | None], *, center: float = 0.1, method: str = "said", **changes: Any
) -> list[TrainingRecord]:
    rates = [center * RATE_RATIO ** (step - 1) for step in range(len(scores))]
    return [record_of(method, rate, score, **changes) for rate, score in zip(rates, scores, strict=True)]


FULL = [record_of("full", 3e-4, 0.8), record_of("full", 1e-3, 0.9), record_of("full", 3e-3, None, status="diverged")]


def test_the_best_rates_of_a_study() -> None:
    found = best_rates([*FULL, *ladder([0.7, 0.85, 0.7])])
    assert (found.num_at_edge, found.num_unlearned, found.num_seeds) == (0, 0, 1)
    (point,) = found.points
    assert (point.model, point.cell, point.D, point.coordinates) == ("toy", "toy sst2", D, 100)
    assert point.full_rate == pytest.approx(1e-3) and point.rate == pytest.approx(0.1)
    assert found.describe_rest().startswith("1 values of d, one seed a rate. Left out: 0 whose")


def test_scores_within_a_standard_error_are_as_good() -> None:
    """Of 1000 dev examples at 0.85: 0.0113."""
    (point,) = best_rates([*FULL, *ladder([0.7, 0.85, 0.84, 0.7])]).points
    assert (point.lowest, point.highest) == pytest.approx((0.1, 0.1 * RATE_RATIO))
    assert point.rate == pytest.approx(0.1 * RATE_RATIO**0.5)
    (point,) = best_rates([*FULL, *ladder([0.7, 0.85, 0.838, 0.7])]).points
    assert point.lowest == point.highest == pytest.approx(0.1)
    alike = [record_of("full", rate, 0.9) for rate in (1e-4, 1e-3, 4e-3)]
    (point,) = best_rates([*alike, *ladder([0.7, 0.85, 0.7])]).points
    assert point.full_rate == pytest.approx((1e-4 * 4e-3) ** 0.5)


def test_the_search_s_start_is_told_by_the_places_on_its_ladder() -> None:
    trainings = [replace(one, rate=rate) for rate, one in enumerate(ladder([0.7, 0.85, 0.7]), start=-2)]
    (point,) = best_rates([*FULL, *trainings]).points
    assert point.start_rate == pytest.approx(0.1 * RATE_RATIO)


def test_names_tell_what_differs() -> None:
    other = [one for method in ("did", "said") for one in (*FULL, *ladder([0.7, 0.85, 0.7], method=method))]
    later = [replace(one, key=f"{one.key} later", checkpoint="step-8000") for one in other]
    assert [point.cell for point in best_rates(other + later).points] == [
        f"toy/step-{step} sst2 {method}" for step in (4000, 8000) for method in ("did", "said")
    ]


def test_trainings_of_another_kind_are_not_averaged() -> None:
    """Of several ledgers: as many updates, the same data and weights."""
    few = [replace(one, key=f"{one.key} few", num_updates=50) for one in (*FULL, *ladder([0.7, 0.7, 0.85, 0.7]))]
    found = best_rates([*FULL, *ladder([0.7, 0.85, 0.7]), *few, *few])
    assert [(point.cell, point.rate) for point in found.points] == [
        ("toy sst2 100 updates", pytest.approx(0.1)),
        ("toy sst2 50 updates", pytest.approx(0.1 * RATE_RATIO)),
    ]
    other_data = [replace(one, key=f"{one.key} other", checksums={"train": "ff"}) for one in ladder([0.7, 0.85, 0.7])]
    assert best_rates([*FULL, *other_data]).points == ()  # nothing was trained in full on them


def test_replicates_are_averaged_and_what_mostly_diverged_is_the_worst() -> None:
    first = ladder([0.7, 0.85, 0.80])
    second = ladder([0.7, 0.75, 0.95], replicate=1)
    diverged = [record_of("said", RATE_RATIO, None, status="diverged")]
    found = best_rates([*FULL, *first, *second, *diverged])
    (point,) = found.points
    assert point.rate == pytest.approx(0.1 * RATE_RATIO) and found.num_seeds == 2  # no score beyond: no parabola
    assert best_rates([*FULL, *diverged, *second, *first]) == found
    lost = [record_of("said", 0.1 * RATE_RATIO, None, status="diverged", replicate=number) for number in (2, 3, 4)]
    assert best_rates([*FULL, *first, *second, *diverged, *lost]).points[0].rate == pytest.approx(0.1)
    assert best_rates([*FULL, *first, *second, *diverged, *lost[:2]]).points[0].rate != pytest.approx(0.1)


@pytest.mark.parametrize(
    ("trainings", "expected"),
    [
        (ladder([0.7, 0.8, 0.85]), (1, 0)),
        (ladder([0.7, 0.85, 0.85]), (1, 0)),
        (ladder([0.5, 0.69, 0.5]), (0, 1)),  # half of the gain of full fine-tuning is at 0.7
        (ladder([None, None, None]), (0, 1)),
        (ladder([0.7, 0.85]), (0, 0)),  # two rates tell nothing
        (ladder([0.7, 0.85, 0.7], status="failed"), (0, 0)),
        (ladder([0.7, 0.85, 0.7], task="mrpc"), (0, 0)),  # without full fine-tuning
    ],
)
def test_what_is_left_out(trainings: list[TrainingRecord], expected: tuple[int, int]) -> None:
    found = best_rates([*FULL, *trainings])
    assert found.points == () and (found.num_at_edge, found.num_unlearned) == expected


@pytest.mark.parametrize("in_full", [0.48, 0.53])
def test_where_full_fine_tuning_learns_nothing_no_rate_is_best(in_full: float) -> None:
    """The chance score is 0.5, its standard error 0.016."""
    found = best_rates([record_of("full", 1e-3, in_full), *ladder([0.5, 0.54, 0.5])])
    assert found.points == () and found.num_unlearned == 1


POINTS = [
    BestRate(
        model=f"model {n}",
        cell=f"cell {n}",
        D=D * n,
        coordinates=d,
        full_rate=1e-3,
        start_rate=round(2e-3 * (D * n / d) ** 0.75 * RATE_RATIO, 5),
        rate=2e-3 * (D * n / d) ** 0.75,
        lowest=1e-3 * (D * n / d) ** 0.75,
        highest=4e-3 * (D * n / d) ** 0.75,
    )
    for n in (1, 2, 3)
    for d in (1000, 10_000)
]


def test_the_table_of_rules() -> None:
    text = describe_rules(POINTS, fit_rate_rule(POINTS))
    heading, *lines = text.splitlines()
    assert heading.split("  ")[0] == "learning rate of theta_d"
    in_use = "in use: 2 r (D/d)^0.75, at most 20 r (D/d)^0.5 *"
    assert " ".join(lines[0].split()) == f"{in_use} +1.00 1.00 6 of 6"  # a step, but for the rounding of rates
    assert lines[1].startswith("fitted: 2 r (D/d)^0.75 ") and lines[1].endswith("6 of 6")
    assert [line.split(" r ")[1].split()[0] for line in lines[2:5]] == ["(D/d)^0.5", "(D/d)^0.75", "(D/d)^1"]
    assert "3 models, 6 points: exponent 0.75 to 0.75, factor 2 to 2" in lines[6]
    assert lines[7].endswith("with the lowest the exponent is 0.75, with the highest 0.75")


def test_table_and_figure(tmp_path: Path) -> None:
    write_best_rates(tmp_path / "best_rates.csv", POINTS)
    header, *rows = (tmp_path / "best_rates.csv").read_text().splitlines()
    assert header == "model,cell,D,coordinates,full_rate,start_rate,rate,lowest,highest" and len(rows) == 6
    figure = draw_learning_rates(POINTS, fit_rate_rule(POINTS))
    assert isinstance(figure, Figure)
    (axes,) = figure.subfigs[1].axes
    drawn = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    assert set(drawn) == {"cell 1", "cell 2", "cell 3", "2 (D/d)^0.75, fitted", "the rule in use"}
    assert drawn["cell 2"].tolist() == [pytest.approx([point.ratio, point.rate / 1e-3]) for point in POINTS[2:4]]
    assert drawn["the rule in use"] == pytest.approx(drawn["2 (D/d)^0.75, fitted"])
    bars = [segment[:, 1].tolist() for lines in axes.collections for segment in lines.get_segments()]
    assert bars == [pytest.approx([point.lowest / 1e-3, point.highest / 1e-3]) for point in POINTS]
    assert [path.name for path in learning_rates(POINTS, fit_rate_rule(POINTS), tmp_path)] == [
        "learning_rates.png",
        "learning_rates.svg",
    ]
