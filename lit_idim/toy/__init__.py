"""A small generated language: corpus, tasks and tokenizer that need neither files nor a network."""

from lit_idim.toy.corpus import toy_corpus
from lit_idim.toy.tasks import toy_examples
from lit_idim.toy.tokenizer import build_toy_tokenizer

__all__ = ["build_toy_tokenizer", "toy_corpus", "toy_examples"]
