"""How trained subspaces generalize: accuracies, gaps and certificates of the cells of a study."""

from lit_idim.generalization.cells import CertifiedCell, certify_study
from lit_idim.generalization.checks import require_certifiable
from lit_idim.generalization.row import GENERALIZATION_COLUMNS, GeneralizationRow
from lit_idim.generalization.summary import summarize_generalization

__all__ = [
    "GENERALIZATION_COLUMNS",
    "CertifiedCell",
    "GeneralizationRow",
    "certify_study",
    "require_certifiable",
    "summarize_generalization",
]
