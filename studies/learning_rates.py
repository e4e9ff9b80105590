"""The learning rate of theta_d: which rate is best for which d, and the rule in D/d that the search starts from.

    lightning run studies/learning_rates.py                                                   # toy models, no download
    lightning run studies/learning_rates.py --ledgers '[outputs/pretrain_curve/ledger.sqlite]'

Every d of a coarse grid is trained at six learning rates, 3.2 apart. Beside the tables and figures that every study
writes there are `best_rates.csv` and `figures/learning_rates.png`, and a table of how far the rule in use
(`lit_idim.training.subspace_learning_rate`) and others lie from the best rates.
"""

import sys
from collections.abc import Sequence

import torch

from lit_idim.commands.study import run_study
from lit_idim.d90.rate_rule import fit_rate_rule
from lit_idim.errors import UserError
from lit_idim.figures.learning_rates import learning_rates as draw
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.study.best_rates import best_rates, describe_rules, write_best_rates
from lit_idim.study.run import StudyResult
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.settings import StudySettings


def learning_rates(settings: StudySettings, options: RunOptions, ledgers: Sequence[str] = ()) -> int:
    """Fits the rule for the learning rate of a subspace over models, tasks and d.

    Args:
        settings: What is measured.
        options: How.
        ledgers: Of other studies, as of --ledger, whose trainings count, too.
    """
    others: list[TrainingRecord] = []
    for address in ledgers:
        with Ledger.read(address) as book:
            others += book.records()

    def find(result: StudyResult) -> Findings:
        found = best_rates([*result.records, *others])
        write_best_rates(options.out / "best_rates.csv", found.points)
        rest = found.describe_rest()
        try:
            fitted = fit_rate_rule(found.points)
        except UserError as error:
            return Findings(text=f"{rest}\n{error}")
        draw(found.points, fitted, options.out / "figures", further=rest)
        return Findings(text=f"{describe_rules(found.points, fitted)}\n{rest}")

    return run_as_asked("learning_rates", settings, options, find, ledgers=list(ledgers))


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(learning_rates, default_config="configs/learning_rates/toy.yaml"))
