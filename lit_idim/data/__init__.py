"""Examples of a task, tokenised once and batched by length."""

from lit_idim.data.batching import EvaluationBatchSampler, TrainingBatchSampler
from lit_idim.data.datamodule import GLUEDataModule
from lit_idim.data.examples import Examples

__all__ = ["EvaluationBatchSampler", "Examples", "GLUEDataModule", "TrainingBatchSampler"]
