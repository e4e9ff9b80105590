"""Slices of a vector of length D, as the gradients of a model's tensors come."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

Piece = tuple[int, Tensor]
"""A slice of a vector of length D: its first row, and its numbers in row order (any shape)."""

Slice = tuple[int, Tensor, Tensor, float | Tensor]
"""Rows of theta to write: the first row, what is added to, where to write (both (n,), of one dtype), and the scale."""

MAX_JOINED = 2**20


def join_neighbours(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces as vectors, small neighbours of one dtype copied into one.

    A block of P that two pieces share is then computed once; in a small model most blocks are shared. A joined vector
    has at most MAX_JOINED numbers, and a larger piece is never copied to join it.

    Example:
        >>> [(start, len(values)) for start, values in join_neighbours([(0, torch.ones(2, 2)), (4, torch.ones(3))])]
        [(0, 7)]
    """
    run: list[Piece] = []
    for start, piece in pieces:
        values = piece.reshape(-1)
        if run and not _joins(run, start, values):
            yield _join(run)
            run = []
        run.append((start, values))
    if run:
        yield _join(run)


def _joins(run: Sequence[Piece], start: int, values: Tensor) -> bool:
    last_start, last = run[-1]
    # numel and not len, which is a function in Python: a small model's step is short
    if last_start + last.numel() != start or last.dtype != values.dtype:
        return False
    return start - run[0][0] + values.numel() <= MAX_JOINED


def _join(run: Sequence[Piece]) -> Piece:
    return run[0] if len(run) == 1 else (run[0][0], torch.cat([values for _, values in run]))
