"""Splits from the Hugging Face hub, through `datasets` and its cache."""

from lit_idim.data.examples import Examples, concatenate
from lit_idim.data.optional_import import import_optional
from lit_idim.data.tables import examples_from_dataset
from lit_idim.errors import UserError
from lit_idim.tasks import Split, Task


def load_from_hub(task: Task, split: Split) -> Examples:
    """The examples of a split, downloaded at the first call and taken from the cache of `datasets` afterwards.

    Raises:
        UserError: without the package `datasets`, or without network and cache; the message names what to pass instead.
    """
    datasets = import_optional("datasets", package="datasets", purpose="Loading a task from the Hugging Face hub")
    parts = []
    for name in split.hub_splits:
        try:
            dataset = datasets.load_dataset(task.hub_dataset, task.hub_config, split=name)
        except (OSError, ValueError) as error:
            files = ", ".join(split.files)
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(
                f"data_dir: none was given, and split {name!r} of {task.hub_dataset} ({task.hub_config}) could neither "
                f"be downloaded from the Hugging Face hub nor found in its cache ({reason}). Connect to the "
                f"network once, or pass data_dir=FOLDER with the original files ({task.title}/: {files}), parquet "
                f"files, or a datasets.save_to_disk folder."
            ) from error
        parts.append(examples_from_dataset(task, split, dataset, f"{task.hub_dataset} {task.hub_config} {name}"))
    return concatenate(parts, f"{task.hub_dataset} {task.hub_config}")
