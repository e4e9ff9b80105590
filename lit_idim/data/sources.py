"""Where examples come from: the generated language, a local folder, or the hub."""

from pathlib import Path

from lit_idim.data.examples import Examples
from lit_idim.data.hub import load_from_hub
from lit_idim.data.local import load_from_folder
from lit_idim.tasks import Task, get_split


def load_examples(task: Task, split_name: str, data_dir: str | None = None) -> Examples:
    """All examples of a split.

    Args:
        task: The task; one of the toy tasks is generated.
        split_name: `train`, `dev`, `test`, or a further split of the task.
        data_dir: Local folder with the task; None for the hub. Not used for a toy task or one with a folder of its own.

    Raises:
        UserError: if the split is unknown, cannot be found, or is malformed.
    """
    split = get_split(task, split_name)
    if task.is_generated:
        # Imported here: the generator returns Examples, so at module level the two would import each other.
        from lit_idim.toy import toy_examples

        return toy_examples(task.name, split.name)
    if task.data_folder is not None:
        return load_from_folder(task, split, Path(task.data_folder))
    if data_dir is not None:
        return load_from_folder(task, split, Path(data_dir).expanduser())
    return load_from_hub(task, split)
