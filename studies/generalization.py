"""d90 beside generalization: accuracy, gap, and a compression bound on the error that every bit is counted for.

    lightning run studies/generalization.py                                                   # toy series, no download
    lightning run studies/generalization.py --config configs/generalization/sst2.yaml --dry-run

After Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), section 5.3; the bound is of the kind of Lotfi et al.
2022 (arXiv 2211.13609). After the d90 of every cell a subspace of that many numbers is trained on a sample of the train
set, rounded, written as a file, read back and evaluated (`lit_idim.certificate`). Beside the tables and figures that
every study writes there are `generalization.csv`, the files in `certificates/`, and the figures `generalization`,
`bounds` and `description_length`.
"""

import sys

import torch

from lit_idim.certificate import CertificateSettings
from lit_idim.commands.study import run_study
from lit_idim.figures.generalization import save_generalization_figures
from lit_idim.generalization import certify_study, require_certifiable, summarize_generalization
from lit_idim.study.run import StudyResult
from lit_idim.study.run_options import Findings, RunOptions, run_as_asked
from lit_idim.study.settings import StudySettings


def generalization(
    settings: StudySettings,
    options: RunOptions,
    certificate: CertificateSettings = CertificateSettings(),  # noqa: B008 (frozen)
    certificate_d: int | None = None,
) -> int:
    """Measures d90 of checkpoints, and certifies what subspaces of that many numbers learn.

    Args:
        settings: What is measured.
        options: How.
        certificate: How certificates are made.
        certificate_d: Trained numbers of the certified subspaces; those of each d90, rounded up, if null. Fewer
            may be bounded lower.
    """
    require_certifiable(settings, certificate_d, devices_per_training=options.devices_per_training)

    def find(result: StudyResult) -> Findings:
        cells = certify_study(result, settings, certificate, options, d=certificate_d)
        rows = [cell.row for cell in cells]
        save_generalization_figures(rows, options.out / "figures")
        return Findings(text=summarize_generalization(rows), has_failed=any(cell.has_failed for cell in cells))

    code = run_as_asked("generalization", settings, options, find, certificate=certificate, certificate_d=certificate_d)
    if options.dry_run:
        share = 2 + len(certificate.relative_steps) / 2
        print(f"and about {share:g} trainings more for each certificate, in this process alone")
    return code


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(generalization, default_config="configs/generalization/toy.yaml"))
