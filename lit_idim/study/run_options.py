"""How a study is run, as opposed to what it measures: the options that all studies share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_idim.study.expected_cost import GPU_TERAFLOPS_PER_SECOND
from lit_idim.study.plan import describe_plan
from lit_idim.study.run import StudyResult, draw_again, measure
from lit_idim.study.settings import StudySettings


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """None of them changes a number that is measured; only `threads` changes last bits.

    Attributes:
        out: folder for the outputs.
        ledger: address of a ledger to share, as postgresql://user@host/database; ledger.sqlite in `out` if null.
        workers: processes that run trainings side by side.
        threads: CPU threads of each of them; torch's default if null.
        dry_run: only list the cells, D, and what they are expected to cost.
        plot_only: only write tables and figures anew from the ledger.
        teraflops_per_second: sustained speed that --dry_run computes hours with.
    """

    out: Path
    ledger: str | None = None
    workers: int = 1
    threads: int | None = None
    dry_run: bool = False
    plot_only: bool = False
    teraflops_per_second: float = GPU_TERAFLOPS_PER_SECOND


def run_as_asked(settings: StudySettings, options: RunOptions, **of_the_study: Any) -> StudyResult | None:
    """Runs a study or goes on with it, draws it again, or prints what it would do.

    Args:
        settings: what is measured.
        options: how.
        of_the_study: further arguments of its command, for `config.yaml`.

    Returns:
        What was measured; None after `dry_run`, which prints the plan.

    Raises:
        UserError: for bad settings, an unusable folder or ledger.
    """
    if options.dry_run:
        print(describe_plan(settings, teraflops_per_second=options.teraflops_per_second))
        return None
    if options.plot_only:
        return draw_again(settings, options.out, ledger=options.ledger)
    return measure(
        settings,
        options.out,
        ledger=options.ledger,
        workers=options.workers,
        threads=options.threads,
        of_the_study=of_the_study,
    )
