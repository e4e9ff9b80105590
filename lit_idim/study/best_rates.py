"""The best learning rates among the trainings of a study, and what they say of the rule, as text and table."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from statistics import mean

import numpy as np

from lit_idim.d90.rate_rule import BestRate, RateRule, best_rate, steps_off, with_exponent
from lit_idim.ledger import TrainingRecord
from lit_idim.ledger.record import FINAL
from lit_idim.study.tables import write_table
from lit_idim.training.optimization import subspace_learning_rate

LEARNED_SHARE = 0.5  # of what full fine-tuning gains over chance; what gains less does not tell which rate is best
EXPONENTS = (0.5, 0.75, 1.0)
Rule = Callable[[BestRate], float]


def best_rates(records: Iterable[TrainingRecord]) -> tuple[list[BestRate], int, int]:
    """Of every cell and d that was trained at three learning rates or more.

    Replicates are averaged; a rate of which all were dropped early or diverged counts as worse than the others.

    Args:
        records: of the subspaces and of full fine-tuning, of one or several studies.

    Returns:
        The best rates, in order of cell and d; how many d were left out since the best rate was at the edge of those
        tried; and how many since they gained less than half of what full fine-tuning gains.
    """
    full: dict[tuple[str, ...], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    tried: dict[tuple[str, ...], dict[tuple[int, int], dict[float, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    facts: dict[tuple[str, ...], tuple[int, float]] = {}
    for record in records:
        place = (record.model, record.checkpoint, record.task)
        facts[place] = (record.num_parameters, record.chance_score)
        scores = [record.score] if record.status in FINAL and record.score is not None else []
        if record.method == "full":
            full[place][record.learning_rate] += scores
        elif record.d is not None and record.status != "failed":
            of_cell = tried[(record.model, record.checkpoint, record.task, record.method)]
            of_cell[record.d, record.num_lambdas][record.learning_rate] += scores
    names = _short_names(tried)
    found, num_at_edge, num_unlearned = [], 0, 0
    for cell in sorted(tried):
        in_full = {rate: mean(scores) for rate, scores in full[cell[:3]].items() if scores}
        if not in_full:
            continue
        full_rate = max(in_full, key=lambda rate: in_full[rate])
        num_parameters, chance = facts[cell[:3]]
        least = chance + LEARNED_SHARE * (in_full[full_rate] - chance)
        for (d, num_lambdas), ladder in sorted(tried[cell].items()):
            if len(ladder) < 3:
                continue
            scores_by_rate = {rate: mean(scores) if scores else None for rate, scores in ladder.items()}
            reached = max((score for score in scores_by_rate.values() if score is not None), default=chance)
            if reached <= least:
                num_unlearned += 1
            elif (rate := best_rate(scores_by_rate)) is None:
                num_at_edge += 1
            else:
                found.append(
                    BestRate(
                        cell=names[cell], D=num_parameters, coordinates=d - num_lambdas, full_rate=full_rate, rate=rate
                    )
                )
    return found, num_at_edge, num_unlearned


def rule_in_use(point: BestRate) -> float:
    """What the search starts from (`lit_idim.training.subspace_learning_rate`)."""
    return subspace_learning_rate(point.full_rate, D=point.D, d=point.coordinates)


def describe_rules(points: Sequence[BestRate], fitted: RateRule) -> str:
    """How far the rule in use, the fitted one and those of given exponents lie from the best rates, as a table."""
    low, high = fitted.exponent_interval
    few, many = fitted.factor_interval
    rules: list[tuple[str, Rule]] = [
        ("in use: 2 r (D/d)^0.75, at most 20 r (D/d)^0.5", rule_in_use),
        (
            f"fitted: {fitted.factor:.2g} r (D/d)^{fitted.exponent:.2f}",
            lambda point: fitted.rate(point.full_rate, point.ratio),
        ),
    ]
    for exponent in EXPONENTS:
        factor = with_exponent(points, exponent)
        rules.append((f"{factor:.2g} r (D/d)^{exponent:g}", _power(factor, exponent)))
    lines = [("learning rate of theta_d", "off, mean", "off, rms", "within a step")]
    for name, rule in rules:
        off = steps_off(points, rule)
        within = f"{np.count_nonzero(np.abs(off) <= 1)} of {len(off)}"
        lines.append((name, f"{round(off.mean(), 2) + 0.0:+.2f}", f"{np.sqrt(np.mean(off**2)):.2f}", within))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.append(
        f"off: rule above best rate, in steps of 3.2; {fitted.interval_level:.0%} intervals of the fit over "
        f"{fitted.num_cells} cells, {fitted.num_points} points: exponent {low:.2f} to {high:.2f}, factor {few:.2g} to "
        f"{many:.2g}"
    )
    return "\n".join(text)


def write_best_rates(path: Path, points: Iterable[BestRate]) -> None:
    """Writes a row a point; every field of `BestRate` is a column."""
    columns = [entry.name for entry in fields(BestRate)]
    write_table(path, columns, ([getattr(point, name) for name in columns] for point in points))


def _short_names(cells: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Names of (model, checkpoint, task, method), without a checkpoint or method that is the only one."""
    checkpoints = {model: {cell[1] for cell in cells if cell[0] == model} for model, *_ in cells}
    has_methods = len({cell[3] for cell in cells}) > 1
    return {
        (model, checkpoint, task, method): (f"{model}/{checkpoint}" if len(checkpoints[model]) > 1 else model)
        + (f" {task} {method}" if has_methods else f" {task}")
        for model, checkpoint, task, method in cells
    }


def _power(factor: float, exponent: float) -> Rule:
    return lambda point: float(point.full_rate * factor * point.ratio**exponent)
