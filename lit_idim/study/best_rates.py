"""The best learning rates among the trainings of studies, and what they say of the rule, as text and table."""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean, median

import numpy as np

from lit_idim.d90.rate_rule import BestRate, RateRule, fit_rate_rule, good_rates, steps_off, with_exponent
from lit_idim.d90.settings import RATE_RATIO
from lit_idim.ledger import TrainingRecord
from lit_idim.ledger.record import FINAL
from lit_idim.study.tables import write_table
from lit_idim.text import aligned

LEARNED_SHARE = 0.5  # of what full fine-tuning gains over chance; what gains less does not tell which rate is best
SIGNAL_STANDARD_ERRORS = 2  # that full fine-tuning must lie above chance
EXPONENTS = (0.5, 0.75, 1.0)
ROUNDING_STEPS = 1e-3  # learning rates have six digits
Rule = Callable[[BestRate], float]
Cell = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Best rates, and what gave none.

    Attributes:
        points: in order of cell and d.
        num_at_edge: values of d whose best rates reach an end of those tried.
        num_unlearned: values of d that gain less than half of what full fine-tuning does, or where that gains nothing.
        num_seeds: most replicates of a rate.
    """

    points: tuple[BestRate, ...]
    num_at_edge: int
    num_unlearned: int
    num_seeds: int

    def describe_rest(self) -> str:
        """What the points are of, and what is left out, in sentences."""
        seeds = "one seed" if self.num_seeds <= 1 else f"up to {self.num_seeds} seeds"
        return (
            f"{len(self.points)} values of d, {seeds} a rate. Left out: {self.num_at_edge} whose best rates reach an "
            f"end of those tried, {self.num_unlearned} with less than half of the gain of full fine-tuning."
        )


def best_rates(records: Iterable[TrainingRecord]) -> Found:
    """Of every cell and d that was trained at three learning rates or more.

    Replicates are averaged. A rate that was dropped early, or at which more trainings diverged than finished, counts as
    worse than the others. Scores within one standard error of the best, of so many dev examples, are as good.

    Args:
        records: of the subspaces and of full fine-tuning, of one or several studies; each key counts once.
    """
    full: dict[Cell, list[TrainingRecord]] = defaultdict(list)
    tried: dict[Cell, dict[tuple[int, int], list[TrainingRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in {record.key: record for record in records if record.status != "failed"}.values():
        if record.method == "full":
            full[_kind(record)].append(record)
        elif record.d is not None:
            cell = (*_kind(record), record.method, record.projection or "")
            tried[cell][record.d, record.num_lambdas].append(record)
    names = _short_names(tried)
    points: list[BestRate] = []
    num_at_edge = num_unlearned = 0
    num_seeds = 1
    for cell in sorted(tried):
        in_full = {rate: score for rate, score in _scores(full[cell[:-2]]).items() if score is not None}
        if not in_full:
            continue
        some = full[cell[:-2]][0]
        full_rate, least = _best_in_full(in_full, some)
        for (d, num_lambdas), trainings in sorted(tried[cell].items()):
            scores = _scores(trainings)
            if len(scores) < 3:
                continue
            known = [score for score in scores.values() if score is not None]
            if not known or least is None or max(known) <= least:
                num_unlearned += 1
                continue
            rates = good_rates(scores, _standard_error(max(known), some.num_dev_examples))
            if rates is None:
                num_at_edge += 1
                continue
            num_seeds = max(num_seeds, 1 + max(training.replicate for training in trainings))
            start = median(training.learning_rate / RATE_RATIO**training.rate for training in trainings)
            points.append(
                BestRate(
                    model=some.model,
                    cell=names[cell],
                    D=some.num_parameters,
                    coordinates=d - num_lambdas,
                    full_rate=full_rate,
                    start_rate=start,
                    rate=rates.middle,
                    lowest=rates.lowest,
                    highest=rates.highest,
                )
            )
    return Found(points=tuple(points), num_at_edge=num_at_edge, num_unlearned=num_unlearned, num_seeds=num_seeds)


def describe_rules(points: Sequence[BestRate], fitted: RateRule) -> str:
    """How far the rule in use, the fitted one and those of given exponents lie from the best rates, as a table."""
    low, high = fitted.exponent_interval
    few, many = fitted.factor_interval
    rules: list[tuple[str, Rule]] = [
        ("in use: 2 r (D/d)^0.75, at most 20 r (D/d)^0.5 *", lambda point: point.start_rate),
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
        within = f"{np.count_nonzero(np.abs(off) <= 1 + ROUNDING_STEPS)} of {len(off)}"
        lines.append((name, f"{round(off.mean(), 2) + 0.0:+.2f}", f"{np.sqrt(np.mean(off**2)):.2f}", within))
    text = aligned(lines)
    ends = [fit_rate_rule(points, choice=choice).exponent for choice in ("lowest", "highest")]
    text.append(
        "off: rule above best rate, in steps of 3.2; r: the best rate in full; *: there the middle of those set for it"
    )
    text.append(
        f"{fitted.interval_level:.0%} intervals by a jackknife over {fitted.num_models} models, {fitted.num_points} "
        f"points: exponent {low:.2f} to {high:.2f}, factor {few:.2g} to {many:.2g}"
    )
    text.append(
        "where several rates are as good as the best, their middle counts; with the lowest the exponent is "
        f"{ends[0]:.2f}, with the highest {ends[1]:.2f}"
    )
    return "\n".join(text)


def write_best_rates(path: Path, points: Iterable[BestRate]) -> None:
    """Writes a row a point; every field of `BestRate` is a column."""
    columns = [entry.name for entry in fields(BestRate)]
    write_table(path, columns, ([getattr(point, name) for name in columns] for point in points))


def _kind(record: TrainingRecord) -> Cell:
    """Model, checkpoint, task, and what else full fine-tuning and subspaces must have in common to be compared."""
    data = [record.checksums.get(name, "") for name in ("weights", "train", "dev")]
    sizes = (record.num_updates, record.batch_size, record.num_parameters)
    return (record.model, record.checkpoint, record.task, *map(str, sizes), *data)


def _scores(trainings: Iterable[TrainingRecord]) -> dict[float, float | None]:
    by_rate: dict[float, list[TrainingRecord]] = defaultdict(list)
    for training in trainings:
        by_rate[training.learning_rate].append(training)
    return {rate: _score(replicates) for rate, replicates in by_rate.items()}


def _score(replicates: Sequence[TrainingRecord]) -> float | None:
    scores = [one.score for one in replicates if one.status in FINAL and one.score is not None]
    num_diverged = sum(one.status == "diverged" for one in replicates)
    return mean(scores) if scores and len(scores) >= num_diverged else None


def _best_in_full(scores: Mapping[float, float], some: TrainingRecord) -> tuple[float, float | None]:
    """The middle of the learning rates that are as good as the best, and which score a subspace must exceed.

    The latter is None where full fine-tuning has learned nothing.
    """
    best = max(scores.values())
    error = _standard_error(best, some.num_dev_examples)
    good = [rate for rate, score in scores.items() if score >= best - error]
    gain = best - some.chance_score
    has_signal = gain >= SIGNAL_STANDARD_ERRORS * error
    return math.sqrt(min(good) * max(good)), some.chance_score + LEARNED_SHARE * gain if has_signal else None


def _standard_error(score: float, num_dev_examples: int) -> float:
    """Of a share of so many examples; that of a correlation is of the same order."""
    share = min(max(score, 0.0), 1.0)
    return math.sqrt(share * (1 - share) / num_dev_examples)


def _short_names(cells: Collection[Cell]) -> dict[Cell, str]:
    """Model and task, with the checkpoint, the method or the number of updates where there are several."""
    checkpoints = {model: {cell[1] for cell in cells if cell[0] == model} for model, *_ in cells}
    updates = {cell[:3]: {other[3] for other in cells if other[:3] == cell[:3]} for cell in cells}
    has_methods = len({cell[-2] for cell in cells}) > 1
    names = {}
    for cell in cells:
        words = [f"{cell[0]}/{cell[1]}" if len(checkpoints[cell[0]]) > 1 else cell[0], cell[2]]
        words += [cell[-2]] if has_methods else []
        words += [f"{cell[3]} updates"] if len(updates[cell[:3]]) > 1 else []
        names[cell] = " ".join(words)
    return names


def _power(factor: float, exponent: float) -> Rule:
    return lambda point: float(point.full_rate * factor * point.ratio**exponent)
