"""d90 as published, to stand beside what is measured here."""

from dataclasses import dataclass
from typing import Literal

SOURCE = "Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), Table 1"


@dataclass(frozen=True, kw_only=True)
class PublishedD90:
    """One number of the table.

    Attributes:
        title: the model as the paper names it.
        models: names in `lit_idim.families` that are this model; the paper does not say whether its BERT knows case.
        task: name of the task.
        method: "did" or "said".
        d90: smallest d of a grid whose best score reached 90% of full fine-tuning, in trained numbers; no interval was
            published.
    """

    title: str
    models: tuple[str, ...]
    task: str
    method: Literal["did", "said"]
    d90: int


_MODELS = {
    "BERT-Base": ("bert-base-uncased", "bert-base-cased"),
    "BERT-Large": ("bert-large-uncased", "bert-large-cased"),
    "RoBERTa-Base": ("roberta-base",),
    "RoBERTa-Large": ("roberta-large",),
}
# MRPC and QQP of each model, in the order above.
_NUMBERS: dict[Literal["did", "said"], tuple[tuple[int, int], ...]] = {
    "said": ((1608, 8030), (1037, 1200), (896, 896), (207, 774)),
    "did": ((1861, 9295), (2493, 1389), (1000, 1389), (322, 774)),
}

TABLE_1 = tuple(
    PublishedD90(title=title, models=models, task=task, method=method, d90=d90)
    for method, numbers in _NUMBERS.items()
    for (title, models), pair in zip(_MODELS.items(), numbers, strict=True)
    for task, d90 in zip(("mrpc", "qqp"), pair, strict=True)
)
"""Table 1 of `SOURCE`."""
