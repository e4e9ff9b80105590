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
from lit_idim.study.run_options import RunOptions, run_as_asked
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
    result = run_as_asked(settings, options, pretraining_step=pretraining_step)
    if result is None:
        return 0
    sizes = model_sizes(result.rows, settings)
    compared = rows_at(result.rows, step)
    if not compared:
        raise UserError(f"pretraining_step: no model has been measured at step {step} yet; run it without --plot_only")
    trends = [
        trend for target in settings.search.targets for trend in size_trends(compared, sizes, VARIANT_OF_TARGET[target])
    ]
    write_size_trends(options.out / "trends.csv", trends)
    variant = VARIANT_OF_TARGET[settings.search.targets[0]]
    shown = [trend for trend in trends if trend.variant == variant]
    d90_vs_num_parameters(compared, sizes, options.out / "figures", trends=shown, variant=variant)
    print(summarize_sizes(result.rows, sizes, trends, variant=variant))
    print(f"written to {options.out}")
    return result.exit_code


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(model_size, default_config="configs/model_size/toy.yaml"))
