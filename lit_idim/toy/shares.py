"""Which sentences belong to the pretraining corpus and to each split: decided by the sentence itself.

A sentence belongs to one share, whatever the task, the seed and the number of examples. So no sentence is ever in two
splits, and a model pretrained on the corpus has seen no sentence of any example.
"""

import hashlib
from collections.abc import Callable

SHARES_OF_SIXTEEN = {"corpus": 8, "train": 4, "dev": 2, "test": 2}
MAX_ATTEMPTS = 64
_OWNERS = tuple(name for name, count in SHARES_OF_SIXTEEN.items() for _ in range(count))


def share_of(sentence: str) -> str:
    """The share of a sentence: "corpus", "train", "dev" or "test", by its SHA-256.

    Example:
        >>> share_of("the plant is dazbish .") in SHARES_OF_SIXTEEN
        True
    """
    return _OWNERS[hashlib.sha256(sentence.encode()).digest()[0] % len(_OWNERS)]


def first_of_share(draw_sentence: Callable[[], str], share: str) -> str | None:
    """The first drawn sentence of the share; None if 64 draws have none, as a meaning of few wordings may."""
    return next((drawn for _ in range(MAX_ATTEMPTS) if share_of(drawn := draw_sentence()) == share), None)
