"""Checkpoints of fairseq v1 RoBERTa pretrainings as a series.

Shapes: V is the number of dictionary entries, H the width, F the width of the feed-forward layers, T the number of
positions (those that padding takes included).
"""
