"""Which tensor of a checkpoint is the embedding of its tokens, told by name."""

from collections.abc import Iterable

# As transformers' models name it, from the most to the least shared: T5 and BART tie `shared` to all others.
_EMBEDDING_NAMES = (
    "shared.weight",
    "word_embeddings.weight",
    "word_embedding.weight",
    "tok_embeddings.weight",
    "embed_tokens.weight",
    "embed_in.weight",
    "wte.weight",
)


def find_embedding(names: Iterable[str]) -> str | None:
    """The name of the embedding of tokens; None if no name is known.

    Example:
        >>> find_embedding(["lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"])
        'roberta.embeddings.word_embeddings.weight'
    """
    names = sorted(names)
    for ending in _EMBEDDING_NAMES:
        for name in names:
            if name == ending or name.endswith(f".{ending}"):
                return name
    return None
