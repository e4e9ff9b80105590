"""The two tasks of the paper's pretraining study that GLUE does not have: ANLI and Yelp polarity."""

from lit_idim.tasks.task import Split, Task


def _anli_split(name: str) -> Split:
    """Rounds 1, 2 and 3 together, as AZG20 section 5.1 uses ANLI."""
    return Split(
        name=name,
        hub_splits=tuple(f"{name}_r{number}" for number in (1, 2, 3)),
        files=tuple(f"R{number}/{name}.jsonl" for number in (1, 2, 3)),
    )


ANLI = Task(
    name="anli",
    title="ANLI",
    text_columns=("premise", "hypothesis"),
    label_names=("entailment", "neutral", "contradiction"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=(_anli_split("train"), _anli_split("dev"), _anli_split("test")),
    hub_dataset="facebook/anli",
    hub_config="plain_text",
    folder_names=("anli_v1.0", "anli_v0.1"),
    file_format="jsonl",
    file_text_columns=("context", "hypothesis"),
    file_label_words=("e", "n", "c"),
    citation="Nie et al. 2020, Adversarial NLI (ACL, arXiv 1910.14599)",
    license_note="CC BY-NC 4.0",
)

YELP_POLARITY = Task(
    name="yelp_polarity",
    title="Yelp polarity",
    text_columns=("text",),
    label_names=("1", "2"),  # 1: one or two stars, 2: three or four
    metrics=("accuracy",),
    headline_metric="accuracy",
    # Published without a validation split, so that the 38,000 test reviews are the only ones that AZG20 can have
    # evaluated on; dev and test are the same examples.
    splits=(
        Split(name="train", hub_splits=("train",), files=("train.csv",)),
        Split(name="dev", hub_splits=("test",), files=("test.csv",)),
        Split(name="test", hub_splits=("test",), files=("test.csv",)),
    ),
    hub_dataset="fancyzhx/yelp_polarity",
    hub_config="plain_text",
    folder_names=("yelp_review_polarity_csv", "yelp_review_polarity", "yelp"),
    file_format="quoted_csv",
    citation="Zhang, Zhao and LeCun 2015, Character-level Convolutional Networks (NeurIPS, arXiv 1509.01626)",
    license_note="Yelp dataset agreement, academic use",
)

FURTHER_TASKS = (ANLI, YELP_POLARITY)
