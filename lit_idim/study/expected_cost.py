"""What a study will cost, before it runs.

Training takes about 6 N floating-point operations a token, 2 N of them forwards and 4 N backwards, and an evaluation
2 N a token, where N counts the parameters without embedding tables (Kaplan et al. 2020, arXiv 2001.08361, section 2.1
and Table 1). A training in a subspace takes 6 N as well, for P^T needs the gradient of all D weights; that of a head
alone takes 2 N. Left out are attention over the positions (below 5% at 128 tokens and width 768), the embeddings, P
itself (O(D log d) an update) and padding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lit_idim.errors import UserError
from lit_idim.families import ParameterCount

TRAINING_FLOPS = 6  # a parameter and token
EVALUATION_FLOPS = 2
# A third of the 312 that an A100 reaches at most in bfloat16: an assumption, not a measurement.
GPU_TERAFLOPS_PER_SECOND = 100.0
# At most, by a core of an Intel Xeon with `mini`, in float32: 7e12 operations of a training in 72 s at best, in
# studies/results/2026-11-29-mini-sst2-did.
CPU_CORE_TERAFLOPS_PER_SECOND = 0.1
_SECONDS_PER_HOUR = 3600

_HEADINGS = ("series", "step", "task", "method", "D", "m", "updates", "trainings", "hours")
_TEXTS = ("series", "task", "method")


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell of a study as far as its cost is concerned.

    Attributes:
        series: of checkpoints.
        pretraining_step: of the checkpoint; None of a model that is no series.
        task: that is learned.
        method: "did", "said" or "head".
        count: D, D without embeddings and m of the classifier; None if unknown.
        num_updates: of one training; None if unknown, as where it follows from examples that are not downloaded.
        batch_size: training examples of an update.
        tokens_per_example: on average, after truncation.
        num_dev_examples: of one evaluation; None if unknown.
        num_full_trainings: expected trainings without a d, of all D parameters or of the head, counted in whole ones.
        num_subspace_trainings: expected trainings in subspaces, counted in whole ones.
        evaluations_per_training: on the dev split: 1 if the last update alone is scored.
        is_baseline: whether a head alone is trained: the encoder's weights get no gradient.
    """

    series: str
    pretraining_step: int | None
    task: str
    method: str
    count: ParameterCount | None
    num_updates: int | None
    batch_size: int
    tokens_per_example: float
    num_dev_examples: int | None
    num_full_trainings: float
    num_subspace_trainings: float
    evaluations_per_training: int = 1
    is_baseline: bool = False

    def __post_init__(self) -> None:
        for name in ("num_updates", "batch_size", "tokens_per_example", "num_dev_examples"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name}: expected a positive number, got {value}")
        for name in ("num_full_trainings", "num_subspace_trainings", "evaluations_per_training"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name}: expected a number of at least 0, got {getattr(self, name)}")

    @property
    def num_trainings(self) -> float:
        """Expected trainings, in full and in subspaces."""
        return self.num_full_trainings + self.num_subspace_trainings

    @property
    def unknowns(self) -> tuple[str, ...]:
        """What is not known of the cell, each with its reason."""
        reasons = (
            (self.count, "D unknown: checkpoint not downloaded and no family_model"),
            (self.num_updates, "updates unknown: training examples not downloaded"),
            (self.num_dev_examples, "dev examples unknown: not downloaded"),
        )
        return tuple(reason for known, reason in reasons if known is None)


@dataclass(frozen=True, kw_only=True)
class ExpectedCost:
    """What all trainings of one cell, or of several, amount to.

    Attributes:
        num_trainings: whole trainings.
        num_updates: of all of them together.
        training_tokens: that they train on, each as often as it is read.
        evaluation_tokens: that they are scored on.
        flops: floating-point operations.
    """

    num_trainings: float
    num_updates: float
    training_tokens: float
    evaluation_tokens: float
    flops: float

    def hours(self, teraflops_per_second: float) -> float:
        """Duration on one device that sustains so many 10^12 operations a second.

        Raises:
            UserError: if the speed is not positive.
        """
        if not 0 < teraflops_per_second < float("inf"):
            raise UserError(f"teraflops_per_second: expected a positive number, got {teraflops_per_second}")
        return self.flops / (teraflops_per_second * 1e12) / _SECONDS_PER_HOUR


def expect_cost(cell: PlannedCell) -> ExpectedCost | None:
    """The cost of a cell: `6 N` operations a training token and `2 N` an evaluation token, N without embeddings.

    Training a head alone takes `2 N`.

    Returns:
        None if something that it depends on is unknown (`cell.unknowns`).

    Example:
        >>> count = ParameterCount(D=1_100, D_without_embeddings=1_000, m=3)
        >>> cell = PlannedCell(series="tiny", pretraining_step=0, task="sst2", method="said", count=count,
        ...     num_updates=10, batch_size=4, tokens_per_example=5, num_dev_examples=20, num_full_trainings=1,
        ...     num_subspace_trainings=2)
        >>> expect_cost(cell)
        ExpectedCost(num_trainings=3, num_updates=30, training_tokens=600, evaluation_tokens=300, flops=4200000)
    """
    if cell.count is None or cell.num_updates is None or cell.num_dev_examples is None:
        return None
    updates = cell.num_trainings * cell.num_updates
    training_tokens = updates * cell.batch_size * cell.tokens_per_example
    evaluations = cell.num_trainings * cell.evaluations_per_training
    evaluation_tokens = evaluations * cell.num_dev_examples * cell.tokens_per_example
    flops_of_training = EVALUATION_FLOPS if cell.is_baseline else TRAINING_FLOPS
    weighted = flops_of_training * training_tokens + EVALUATION_FLOPS * evaluation_tokens
    return ExpectedCost(
        num_trainings=cell.num_trainings,
        num_updates=updates,
        training_tokens=training_tokens,
        evaluation_tokens=evaluation_tokens,
        flops=cell.count.D_without_embeddings * weighted,
    )


def sum_costs(costs: Iterable[ExpectedCost]) -> ExpectedCost:
    """The cost of several cells together."""
    listed = list(costs)
    return ExpectedCost(
        num_trainings=sum(cost.num_trainings for cost in listed),
        num_updates=sum(cost.num_updates for cost in listed),
        training_tokens=sum(cost.training_tokens for cost in listed),
        evaluation_tokens=sum(cost.evaluation_tokens for cost in listed),
        flops=sum(cost.flops for cost in listed),
    )


def format_cells_table(cells: Sequence[PlannedCell], *, teraflops_per_second: float = GPU_TERAFLOPS_PER_SECOND) -> str:
    """The cells of a study with what they are expected to cost, as lines of text.

    Args:
        cells: in the order of the lines.
        teraflops_per_second: that one device sustains, in 10^12 operations a second; the text calls it an assumption.

    Returns:
        A heading, a line a cell, and a summary: totals, how they are computed, and what could not be told.

    Raises:
        UserError: if the speed is not positive.
    """
    costs = [expect_cost(cell) for cell in cells]
    rows = [_row(cell, cost, teraflops_per_second) for cell, cost in zip(cells, costs, strict=True)]
    widths = [max(len(row[i]) for row in (_HEADINGS, *rows)) for i in range(len(_HEADINGS))]
    lines = [_line(_HEADINGS, widths)]
    for row, cell in zip(rows, cells, strict=True):
        lines.append("  ".join([_line(row, widths), "; ".join(cell.unknowns)]).rstrip())
    known = [cost for cost in costs if cost is not None]
    total = sum_costs(known)
    missing = len(cells) - len(known)
    but = f" without the {missing} whose cost is unknown, so that the study takes longer" if missing else ""
    heads = sum(cell.is_baseline for cell in cells)
    beside = f" and {heads} heads alone" if heads else ""
    lines.append(
        f"{len(cells) - heads} cells{beside}, {_number(sum(cell.num_trainings for cell in cells))} trainings expected"
    )
    lines.append(
        f"total{but}: {_number(total.num_updates)} updates, {total.training_tokens:.2g} training tokens, "
        f"{total.flops:.2g} floating-point operations, {_hours(total.hours(teraflops_per_second))} hours"
    )
    lines.append(
        f"assumed: one device that sustains {teraflops_per_second:g} TFLOP/s (--teraflops_per_second; a core of a CPU "
        f"about {CPU_CORE_TERAFLOPS_PER_SECOND:g}); {TRAINING_FLOPS} operations a training "
        f"token and parameter without embeddings, {EVALUATION_FLOPS} an evaluation token or one of a head alone "
        "(Kaplan et al. 2020, arXiv 2001.08361)"
    )
    return "\n".join(lines)


def _row(cell: PlannedCell, cost: ExpectedCost | None, teraflops_per_second: float) -> tuple[str, ...]:
    return (
        cell.series,
        "" if cell.pretraining_step is None else str(cell.pretraining_step),
        cell.task,
        cell.method,
        "?" if cell.count is None else f"{cell.count.D:,}",
        "?" if cell.count is None else str(cell.count.m),
        "?" if cell.num_updates is None else f"{cell.num_updates:,}",
        _number(cell.num_trainings),
        "?" if cost is None else _hours(cost.hours(teraflops_per_second)),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        f"{word:<{width}}" if heading in _TEXTS else f"{word:>{width}}"
        for heading, word, width in zip(_HEADINGS, row, widths, strict=True)
    ]
    return "  ".join(padded)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else f"{value:,.1f}"


def _hours(value: float) -> str:
    """Three digits, so that seconds on a tiny model do not read as nothing."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
