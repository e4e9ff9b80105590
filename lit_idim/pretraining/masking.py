"""Dynamic masking (Devlin et al. 2019; Liu et al. 2019): another choice of positions every time a sequence is seen.

Shapes: B sequences of T tokens, K masked positions.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.randomness import hash_words, stream_key

Ids = npt.NDArray[np.int64]

MASKED_SHARE = 0.15
REPLACED_BY_MASK_SHARE = 0.8
REPLACED_BY_RANDOM_SHARE = 0.1
_NUM_WORDS = 2**32


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What masking has to know of a tokenizer.

    Attributes:
        size: number of tokens.
        pad: id of <pad>.
        mask: id of <mask>.
        special: ids that are never masked and never drawn as a random token.
    """

    size: int
    pad: int
    mask: int
    special: tuple[int, ...]


def mask_tokens(ids: Ids, vocabulary: Vocabulary, *, seed: int, step: int, first_row: int = 0) -> tuple[Ids, Ids]:
    """Chooses 15% of the tokens and replaces 80% of them by <mask>, 10% by a random token, 10% by themselves.

    The choice for a sequence is a function of (seed, step, its row in the step's batch): the same on every device and
    however the batch is dealt out.

    Args:
        ids: token ids, shape (B, T).
        vocabulary: of the tokenizer.
        seed: seed of the run.
        step: update, from 0.
        first_row: row of `ids[0]` in the batch of the whole step.

    Returns:
        The ids with replacements, shape (B, T), and the flat positions of the chosen tokens, shape (K,), ascending.

    Example:
        >>> ids = np.arange(5, 105).reshape(10, 10)
        >>> masked, positions = mask_tokens(ids, Vocabulary(size=105, pad=1, mask=4, special=(1, 4)), seed=0, step=0)
        >>> bool((np.flatnonzero(masked != ids)[:, None] == positions).any(axis=1).all())
        True
    """
    counters = first_row * ids.shape[1] + np.arange(ids.size, dtype=np.int64)
    eligible = ~np.isin(ids.ravel(), vocabulary.special)
    choice = hash_words(stream_key(seed, f"masking/{step}"), counters)
    positions = np.flatnonzero(eligible & (choice < int(MASKED_SHARE * _NUM_WORDS)))

    fate = hash_words(stream_key(seed, f"replacement/{step}"), counters[positions])
    draw = hash_words(stream_key(seed, f"random_token/{step}"), counters[positions])
    ordinary = np.setdiff1d(np.arange(vocabulary.size), vocabulary.special)
    original = ids.ravel()[positions]
    by_mask = fate < int(REPLACED_BY_MASK_SHARE * _NUM_WORDS)
    by_random = ~by_mask & (fate < int((REPLACED_BY_MASK_SHARE + REPLACED_BY_RANDOM_SHARE) * _NUM_WORDS))
    masked = ids.ravel().copy()
    masked[positions] = np.where(
        by_mask, vocabulary.mask, np.where(by_random, ordinary[(draw * len(ordinary)) >> 32], original)
    )
    return masked.reshape(ids.shape), positions
