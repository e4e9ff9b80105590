"""RoBERTa checkpoints of fairseq v1 as a series: read without running anything in them, and converted."""
