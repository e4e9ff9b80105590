"""Masked-language-model pretraining of RoBERTa from scratch."""

from lit_idim.pretraining.run import pretrain
from lit_idim.pretraining.settings import EncoderShape, PretrainingSettings

__all__ = ["EncoderShape", "PretrainingSettings", "pretrain"]
