"""Run folders of fairseq2, read without fairseq2."""

from lit_idim.series.fairseq2.source import Fairseq2Source

__all__ = ["Fairseq2Source"]
