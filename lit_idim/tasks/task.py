"""What a task is: its labels, its metrics, and where its splits are published."""

from dataclasses import dataclass
from typing import Literal

Metric = Literal["accuracy", "f1", "matthews", "pearson", "spearman", "pearson_spearman_mean"]
FileFormat = Literal["tsv", "jsonl", "quoted_csv"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split of a task.

    Attributes:
        name: The name in this package: `train`, `dev`, `test`, and `dev_mismatched`, `test_mismatched` for MNLI.
        hub_splits: Names of the splits on the Hugging Face hub that make it up, in order.
        files: Names of the published files that make it up, in order, relative to the task's folder.
        labelled: Whether the labels are published; a split without can only be predicted.
        columns_without_header: Column names of a TSV that has no header line; None where the first line names them.
        submission_name: Stem of the file that the GLUE server expects for the split's predictions.
    """

    name: str
    hub_splits: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    labelled: bool = True
    columns_without_header: tuple[str, ...] | None = None
    submission_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A sentence or sentence-pair task, classification or regression.

    Attributes:
        name: The name on the command line and in tables.
        title: The name in print, which is also the folder of the published files.
        text_columns: One column (single sentences) or two (pairs), as on the hub.
        metrics: Every metric reported for the task.
        headline_metric: The metric that is the task's score in a d90 measurement.
        splits: All splits, `train` and `dev` first.
        label_names: The label words of the published files in class order; empty for regression.
        label_range: Lowest and highest score of a regression task; None for classification.
        hub_dataset, hub_config, label_column: Where the hub keeps the task.
        folder_names: Further names that the task's local folder goes by, compared without case and punctuation.
        file_format: Format of the published files; None for a task that is generated.
        data_folder: Folder with the splits, of a user's task; None where the user names one beside the task.
        file_text_columns, file_label_column, file_label_words: Names in the published files, where they differ.
        max_malformed_fraction: Share of lines with a wrong number of columns that a published file is known to have:
            up to it such lines are left out with a warning, above it (0 for most tasks: at the first) reading fails.
        citation: The paper to cite.
        license_note: What is known of the licence.
    """

    name: str
    title: str
    text_columns: tuple[str, ...]
    metrics: tuple[Metric, ...]
    headline_metric: Metric
    splits: tuple[Split, ...]
    label_names: tuple[str, ...] = ()
    label_range: tuple[float, float] | None = None
    hub_dataset: str | None = None
    hub_config: str | None = None
    label_column: str = "label"
    folder_names: tuple[str, ...] = ()
    file_format: FileFormat | None = "tsv"
    data_folder: str | None = None
    file_text_columns: tuple[str, ...] | None = None
    file_label_column: str | None = None
    file_label_words: tuple[str, ...] | None = None
    max_malformed_fraction: float = 0.0
    citation: str = ""
    license_note: str = ""

    @property
    def is_regression(self) -> bool:
        """Whether the label is a score rather than a class."""
        return self.label_range is not None

    @property
    def num_labels(self) -> int:
        """Number of logits: the number of classes, 1 for regression."""
        return 1 if self.is_regression else len(self.label_names)

    @property
    def is_pair(self) -> bool:
        """Whether an example is a pair of texts."""
        return len(self.text_columns) == 2

    @property
    def is_generated(self) -> bool:
        """Whether the examples are drawn by `lit_idim.toy`, without files or network."""
        return self.file_format is None

    @property
    def brings_data(self) -> bool:
        """Whether its examples need no `data_dir`: they are generated, or in a folder of their own."""
        return self.is_generated or self.data_folder is not None

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of all splits."""
        return tuple(split.name for split in self.splits)

    @property
    def labels_in_files(self) -> tuple[str, ...]:
        """The words that stand for the classes in the published files, in class order."""
        return self.file_label_words or self.label_names
