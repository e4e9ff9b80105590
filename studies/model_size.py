"""d90 of pretrained models against their size: how the intrinsic dimension falls as models grow.

    lightning run studies/model_size.py                                                       # toy ladder, no download
    lightning run studies/model_size.py --config configs/model_size/bert_miniatures.yaml --dry-run

After Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), section 5.2. Beside the tables and figures that every
study writes, d90 against pretraining step with a line a model among them, there are `trends.csv`, rank correlation and
slope with bootstrap intervals, and `figures/d90_vs_num_parameters.png`.
"""

import sys

import torch

from lit_idim.commands.study import run_study
from lit_idim.errors import UserError
from lit_idim.figures.d90_vs_num_parameters import d90_vs_num_parameters
from lit_idim.study.model_sizes import model_sizes
from lit_idim.study.outputs import VARIANT_OF_TARGET
from lit_idim.study.run import StudyResult
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.settings import StudySettings
from lit_idim.study.size_step import fix_step, rows_at
from lit_idim.study.size_table import summarize_sizes, write_size_trends
from lit_idim.study.size_trend import size_trends


def model_size(settings: StudySettings, options: RunOptions, pretraining_step: int | None = None) -> int:
    """Measures d90 of models of several sizes and families, and draws it against their number of parameters.

    Args:
        settings: What is measured.
        options: How.
        pretraining_step: At which the checkpoints of series are compared; the last one that all of them have if null.
            Without --steps only this one is measured.
    """
    settings, step = fix_step(settings, pretraining_step)
    variants = [VARIANT_OF_TARGET[target] for target in settings.search.targets]

    def find(result: StudyResult) -> Findings:
        sizes = model_sizes(result.rows, settings)
        compared = rows_at(result.rows, step)
        if not compared:
            raise UserError(f"pretraining_step: no model is measured at step {step} yet; run it without --plot_only")
        trends = [trend for variant in variants for trend in size_trends(compared, sizes, variant)]
        write_size_trends(options.out / "trends.csv", trends)
        shown = [trend for trend in trends if trend.variant == variants[0]]
        d90_vs_num_parameters(compared, sizes, options.out / "figures", trends=shown, variant=variants[0])
        return Findings(text=summarize_sizes(result.rows, sizes, trends, variant=variants[0]))

    return run_as_asked("model_size", settings, options, find, pretraining_step=pretraining_step)


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(model_size, default_config="configs/model_size/toy.yaml"))
