"""A random part of a train set that a training does not see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.data.examples import Examples
from lit_idim.errors import UserError
from lit_idim.randomness import keyed_permutation

# Tasks whose train examples are phrases, cut out of longer examples of the same split.
PHRASE_TASKS = ("sst2",)


@dataclass(frozen=True, eq=False)
class Holdout:
    """A split in two.

    Attributes:
        sample: positions of the examples to train on, ascending, int64 (n,).
        held_out: those of the others, ascending, int64 (k,).
        sample_wholes: of the sample those that are a group's maximal phrase, int64 (g,); all where not grouped.
        held_out_wholes: the same of the held-out examples, int64 (h,).
    """

    sample: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]
    sample_wholes: npt.NDArray[np.int64]
    held_out_wholes: npt.NDArray[np.int64]


def split_holdout(examples: Examples, *, fraction: float, seed: int, grouped: bool) -> Holdout:
    """Splits examples at random, the same for the same examples, fraction and seed.

    Grouped, for examples that are phrases of one another: a group is a maximal phrase, one that is no contiguous span
    of words of a longer one, and a fraction of the groups is drawn. An example is held out only if all maximal phrases
    that contain it are drawn, so that no held-out text is a span of a sample text; the held-out share of the examples
    is then below the fraction, since short phrases occur in many groups. Words are what blanks separate.

    Args:
        examples: of the train split.
        fraction: of the examples, or groups, to hold out.
        seed: names the draw.
        grouped: whether the examples are phrases of one another.

    Raises:
        UserError: if the fraction is not between 0 and 1, leaves one part without examples, or pairs are to be grouped.

    Example:
        >>> examples = Examples(list("abcdefghij"), None, None, np.arange(10))
        >>> parts = split_holdout(examples, fraction=0.2, seed=0, grouped=False)
        >>> len(parts.sample), len(parts.held_out)
        (8, 2)
    """
    if not 0 < fraction < 1:
        raise UserError(f"fraction: expected a share of the examples between 0 and 1, got {fraction}; pass 0.1")
    if not grouped:
        num_drawn = round(fraction * len(examples))
        is_held_out = np.zeros(len(examples), dtype=bool)
        is_held_out[_draw(seed, len(examples), num_drawn)] = True
        num_groups, is_whole = len(examples), np.ones(len(examples), dtype=bool)
    else:
        if examples.second is not None:
            raise UserError("grouped: expected examples of one text each, got pairs; pass grouped=False")
        spans = maximal_phrases(examples.first)
        num_groups, num_drawn = len(spans), round(fraction * len(spans))
        drawn = set(_draw(seed, num_groups, num_drawn).tolist())
        kept = set[str]().union(*(contained for place, contained in enumerate(spans.values()) if place not in drawn))
        phrases = [_words(text) for text in examples.first]
        is_held_out = np.array([phrase not in kept for phrase in phrases], dtype=bool)
        first = dict(zip(reversed(phrases), reversed(range(len(phrases))), strict=True))
        is_whole = np.array([phrase in spans and first[phrase] == n for n, phrase in enumerate(phrases)], dtype=bool)
    sample, held_out = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    if not len(sample) or not len(held_out):
        raise UserError(
            f"fraction: {fraction} of {num_groups} {'groups' if grouped else 'examples'} leaves {len(sample)} examples "
            f"to train on and {len(held_out)} held out; pass another fraction, or more examples"
        )
    return Holdout(
        sample=sample,
        held_out=held_out,
        sample_wholes=np.flatnonzero(~is_held_out & is_whole),
        held_out_wholes=np.flatnonzero(is_held_out & is_whole),
    )


def maximal_phrases(texts: list[str]) -> dict[str, set[str]]:
    """The maximal phrases of a collection, longest first, each with all texts that are spans of it, itself included.

    Time is proportional to the spans of the maximal phrases, about a second for the 67,000 phrases of SST-2.

    Args:
        texts: any number of times each.

    Example:
        >>> maximal_phrases(["a good film", "good film", "film", "a bad"])["a good film"] == {
        ...     "a good film", "good film", "film"
        ... }
        True
    """
    phrases = {_words(text) for text in texts}
    contained: set[str] = set()
    maximal: dict[str, set[str]] = {}
    # Of equally long phrases none contains another; what is no span of a maximal phrase so far is maximal itself.
    for phrase in sorted(phrases, key=lambda phrase: (-phrase.count(" "), phrase)):
        if phrase in contained:
            continue
        maximal[phrase] = {span for span in _spans(phrase) if span in phrases} | {phrase}
        contained |= maximal[phrase]
    return maximal


def _spans(phrase: str) -> list[str]:
    """All contiguous runs of words."""
    words = phrase.split(" ")
    return [" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)]


def _words(text: str) -> str:
    return " ".join(text.split())


def _draw(seed: int, num_groups: int, num_drawn: int) -> npt.NDArray[np.int64]:
    return keyed_permutation(seed, "data.holdout", num_groups)[:num_drawn]
