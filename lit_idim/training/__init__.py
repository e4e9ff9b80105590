"""Training: the module, its metrics and optimizers, and the one place that builds a Trainer."""

from lit_idim.training.base_models import BaseModels
from lit_idim.training.checks import METHODS, Method
from lit_idim.training.classifier import SubspaceClassifier
from lit_idim.training.distributed import shut_down_process_group
from lit_idim.training.metrics import TaskMetrics
from lit_idim.training.optimization import subspace_learning_rate
from lit_idim.training.predictions import GLUESubmissionWriter
from lit_idim.training.segment import Segment
from lit_idim.training.trainer import build_trainer, quiet_lightning

__all__ = [
    "METHODS",
    "BaseModels",
    "GLUESubmissionWriter",
    "Method",
    "Segment",
    "SubspaceClassifier",
    "TaskMetrics",
    "build_trainer",
    "quiet_lightning",
    "shut_down_process_group",
    "subspace_learning_rate",
]
