"""Made-up examples of the paper's six tasks, in the columns and splits of the hub: the words tell the label."""

import functools
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import datasets
import pyarrow
import pyarrow.parquet

NUM_TRAIN, NUM_DEV, NUM_TEST = 200, 80, 20
PLEASANT = ("lovely", "splendid", "cheerful", "delicious", "graceful")
UNPLEASANT = ("dreadful", "gloomy", "bitter", "clumsy", "stale")
THINGS = ("kettle", "garden", "violin", "harbour", "lantern", "orchard", "blanket", "ladder")
PLACES = ("mill", "bridge", "tower", "market", "valley", "station")


@dataclass(frozen=True)
class Row:
    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class HubTask:
    """A configuration of a dataset repository, with its rows by split."""

    repository: str
    config: str
    text_columns: tuple[str, ...]
    label_names: tuple[str, ...]
    splits: dict[str, list[Row]] = field(repr=False)

    def parquet(self, split: str) -> bytes:
        """The file of a split; unpublished labels are -1."""
        rows = self.splits[split]
        is_hidden = split.startswith("test") and self.repository == "nyu-mll/glue"
        columns: dict[str, list[object]] = {
            name: [row.texts[position] for row in rows] for position, name in enumerate(self.text_columns)
        }
        columns["label"] = [-1 if is_hidden else row.label for row in rows]
        columns["idx"] = list(range(len(rows)))
        features = datasets.Features(
            dict.fromkeys(self.text_columns, datasets.Value("string"))
            | {"label": datasets.ClassLabel(names=list(self.label_names)), "idx": datasets.Value("int32")}
        )
        file = io.BytesIO()
        # The schema holds the names of the classes, as in files that `datasets` writes.
        pyarrow.parquet.write_table(pyarrow.table(columns, schema=features.arrow_schema), file)
        return file.getvalue()


def _opinion(random_: random.Random, label: int) -> tuple[str, ...]:
    word = random_.choice(PLEASANT if label else UNPLEASANT)
    return (f"The {random_.choice(THINGS)} near the {random_.choice(PLACES)} was {word}.",)


def _review(random_: random.Random, label: int) -> tuple[str, ...]:
    return (" ".join(_opinion(random_, label)[0] for _ in range(4)),)


def _pair(random_: random.Random, label: int) -> tuple[str, ...]:
    first, second = random_.sample(THINGS, 2)
    place = random_.choice(PLACES)
    return (f"She left the {first} at the {place}.", f"At the {place} she left the {first if label else second}.")


def _inference(random_: random.Random, label: int) -> tuple[str, ...]:
    first, second = random_.sample(THINGS, 2)
    place = random_.choice(PLACES)
    claims = (
        f"There is a {first} at the {place}.",
        f"Someone bought a {second}.",
        f"There is no {first} at the {place}.",
    )
    return (f"The {first} stands at the {place}.", claims[label])


def _rows(name: str, split: str, write: Callable[[random.Random, int], tuple[str, ...]], num_labels: int) -> list[Row]:
    number = NUM_TRAIN if split.startswith("train") else NUM_TEST if split.startswith("test") else NUM_DEV
    drawn = random.Random(f"{name} {split}")
    labels = [position % num_labels for position in range(number)]
    drawn.shuffle(labels)
    return [Row(texts=write(drawn, label), label=label) for label in labels]


def _task(
    name: str,
    repository: str,
    config: str,
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    splits: tuple[str, ...],
    write: Callable[[random.Random, int], tuple[str, ...]],
) -> HubTask:
    rows = {split: _rows(name, split, write, len(labels)) for split in splits}
    return HubTask(repository=repository, config=config, text_columns=columns, label_names=labels, splits=rows)


_NLI = ("entailment", "neutral", "contradiction")
_SPLITS = ("train", "validation", "test")
_MNLI_SPLITS = ("train", "validation_matched", "validation_mismatched", "test_matched", "test_mismatched")
_ANLI_SPLITS = tuple(f"{split}_r{number}" for split in ("train", "dev", "test") for number in (1, 2, 3))
_GLUE = "nyu-mll/glue"
TASKS = {
    "mrpc": _task("mrpc", _GLUE, "mrpc", ("sentence1", "sentence2"), ("not_equivalent", "equivalent"), _SPLITS, _pair),
    "qqp": _task("qqp", _GLUE, "qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), _SPLITS, _pair),
    "sst2": _task("sst2", _GLUE, "sst2", ("sentence",), ("negative", "positive"), _SPLITS, _opinion),
    "mnli": _task("mnli", _GLUE, "mnli", ("premise", "hypothesis"), _NLI, _MNLI_SPLITS, _inference),
    "anli": _task("anli", "facebook/anli", "plain_text", ("premise", "hypothesis"), _NLI, _ANLI_SPLITS, _inference),
    "yelp_polarity": _task(
        "yelp_polarity", "fancyzhx/yelp_polarity", "plain_text", ("text",), ("1", "2"), ("train", "test"), _review
    ),
}


@functools.cache
def dataset_files(repository: str) -> dict[str, bytes]:
    """A dataset repository as `Dataset.push_to_hub` lays it out: parquet files and a README that names them."""
    files = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}
    lines = ["---", "configs:"]
    for task in (task for task in TASKS.values() if task.repository == repository):
        lines += [f"- config_name: {task.config}", "  data_files:"]
        for split in task.splits:
            files[f"{task.config}/{split}-00000-of-00001.parquet"] = task.parquet(split)
            lines += [f"  - split: {split}", f"    path: {task.config}/{split}-*"]
    files["README.md"] = "\n".join([*lines, "---", "Made up for a test.", ""]).encode()
    return files


REPOSITORIES = tuple(dict.fromkeys(task.repository for task in TASKS.values()))
