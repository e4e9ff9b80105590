"""d90 of the checkpoints of a pretraining, by task and method: how the intrinsic dimension falls with pretraining.

    lightning run studies/pretrain_curve.py                                          # the toy series, no download
    lightning run studies/pretrain_curve.py --config configs/pretrain_curve/multiberts.yaml --dry-run

After Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), section 5.1. Run again, it goes on where it was: every
training is a row of `ledger.sqlite` in the folder of the outputs, or of the database that --ledger names.
"""

import sys

import torch

from lit_idim.commands.study import run_study
from lit_idim.study.run import StudyResult
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.settings import StudySettings
from lit_idim.study.summary import summarize


def pretrain_curve(settings: StudySettings, options: RunOptions) -> int:
    """Measures d90 of every checkpoint on every task with every method, and draws it against pretraining step."""

    def find(result: StudyResult) -> Findings:
        return Findings(text=summarize(result.rows, settings))

    return run_as_asked("pretrain_curve", settings, options, find)


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(pretrain_curve, default_config="configs/pretrain_curve/toy.yaml"))
