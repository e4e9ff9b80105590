"""A `roberta` model family for fairseq2, and its pretraining; the modules need the extra `fairseq2`."""
