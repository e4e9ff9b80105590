"""d90 of whole pretrained models on sentence prediction, DID and SAID: Table 1 and Figure 1 of the paper.

    lightning run studies/sentence_prediction.py                                            # toy models, no download
    lightning run studies/sentence_prediction.py --config configs/sentence_prediction/paper.yaml --dry-run

After Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), section 4.1. Beside the tables and figures that every
study writes there are `table1.csv` and `table1.md`, the paper's numbers beside those measured, and
`figures/figure1.png`.
"""

import sys

import torch

from lit_idim.commands.study import run_study
from lit_idim.figures.scores_by_model import scores_by_model
from lit_idim.study.outputs import VARIANT_OF_TARGET, of_variant
from lit_idim.study.published_table import compare, markdown, write_comparison
from lit_idim.study.run import StudyResult
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.settings import StudySettings


def sentence_prediction(settings: StudySettings, options: RunOptions) -> int:
    """Measures d90 of pretrained models with DID and SAID, beside the numbers that the paper has of them."""

    def find(result: StudyResult) -> Findings:
        lines = compare(result.rows)
        write_comparison(options.out, "table1", lines)
        # Points, fit and target of the figure are those of the target that the search aims at.
        variant = VARIANT_OF_TARGET[settings.search.targets[0]]
        shown = [of_variant(row, variant) for row in result.rows]
        figures = options.out / "figures"
        scores_by_model(result.records, shown, figures, curves=result.curves, variant=variant, stem="figure1")
        return Findings(text=markdown(lines))

    return run_as_asked("sentence_prediction", settings, options, find)


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(sentence_prediction, default_config="configs/sentence_prediction/toy.yaml"))
