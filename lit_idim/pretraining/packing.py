"""Packing full sentences into sequences of one length (Liu et al. 2019, section 4.2, FULL-SENTENCES)."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.errors import UserError
from lit_idim.pretraining.corpus import DOCUMENT_END

Tokens = npt.NDArray[np.unsignedinteger[Any]]

MIN_SEQUENCE_LENGTH = 8
_LINES_AT_ONCE = 20_000
_ROWS_AT_ONCE = 4096
_SENTENCE_END = re.compile(
    r"(?<=[.!?])\s+|(?<=[.!?][\"'\u201d\u2019)])\s+"
)  # quotation marks and brackets close after the stop


def pack_corpus(lines: Iterable[str], tokenizer: Any, *, sequence_length: int) -> Tokens:
    """Consecutive sentences, as many as fit, in sequences `<s> ... </s> <pad>*`; `</s>` also ends a document.

    No sentence is split unless it is longer than a sequence. Sentences are told by their punctuation.

    Args:
        lines: text with `DOCUMENT_END` between documents.
        tokenizer: of transformers, with a backend of `tokenizers`.
        sequence_length: tokens of a sequence, <s>, </s> and padding included.

    Returns:
        Token ids of shape (num_sequences, sequence_length).

    Raises:
        UserError: if `sequence_length` is too short to be of use.
    """
    if sequence_length < MIN_SEQUENCE_LENGTH:
        raise UserError(f"sequence_length: expected at least {MIN_SEQUENCE_LENGTH} tokens, got {sequence_length}")
    bos, eos, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    dtype = np.min_scalar_type(max(len(tokenizer), np.iinfo(np.uint16).max))
    chunks: list[Tokens] = []
    rows = _rows(_sentences(lines, tokenizer), bos=bos, eos=eos, room=sequence_length)
    # A text that happens to hold "<mask>" or "</s>" holds these characters, not the tokens.
    tokenizer.backend_tokenizer.encode_special_tokens = True
    try:
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            chunk = np.full((len(batch), sequence_length), pad, dtype=dtype)
            for i, row in enumerate(batch):
                chunk[i, : len(row)] = row
            chunks.append(chunk)
    finally:
        tokenizer.backend_tokenizer.encode_special_tokens = False
    return np.concatenate(chunks)


def _sentences(lines: Iterable[str], tokenizer: Any) -> Iterator[list[int] | None]:
    """Token ids of the sentences; None after each document."""
    remaining = iter(lines)
    while texts := list(islice(remaining, _LINES_AT_ONCE)):
        pieces: list[str | None] = []
        for line in texts:
            if line == DOCUMENT_END:
                pieces.append(None)
                continue
            # Within a line a sentence starts with the space before it, as its words would in the whole line.
            first, *others = _SENTENCE_END.split(line)
            pieces += [first, *(f" {sentence}" for sentence in others if sentence)]
        encoded = iter(
            tokenizer.backend_tokenizer.encode_batch_fast(
                [piece for piece in pieces if piece is not None], add_special_tokens=False
            )
        )
        for piece in pieces:
            yield None if piece is None else next(encoded).ids


def _rows(sentences: Iterable[list[int] | None], *, bos: int, eos: int, room: int) -> Iterator[list[int]]:
    row = [bos]
    for sentence in sentences:
        if sentence is None:
            if row[-1] != eos and 1 < len(row) < room - 1:
                row.append(eos)
            continue
        for start in range(0, len(sentence), room - 2):
            part = sentence[start : start + room - 2]
            if len(row) + len(part) + 1 > room:
                yield row if row[-1] == eos else [*row, eos]
                row = [bos]
            row += part
    if len(row) > 1:
        yield row if row[-1] == eos else [*row, eos]
