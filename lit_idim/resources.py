"""Where the folders that ship beside the code are: in an installed package and in a checkout alike."""

from pathlib import Path

from lit_idim.errors import UserError

RESOURCE_FOLDERS = ("configs", "studies", "checkpoints")


def resource_path(name: str) -> Path:
    """Folder of the shipped configs, studies or checkpoint series.

    A wheel holds it inside the package (`lit_idim/<name>`), a checkout or editable install beside the package.

    Args:
        name: `"configs"`, `"studies"` or `"checkpoints"`.

    Returns:
        The existing folder.

    Raises:
        UserError: if `name` is none of the three, or the installation lacks the folder.

    >>> resource_path("studies").name
    'studies'
    """
    if name not in RESOURCE_FOLDERS:
        raise UserError(f"name: expected one of {', '.join(RESOURCE_FOLDERS)}, got {name!r}")
    package = Path(__file__).resolve().parent
    if (package / name).is_dir():
        return package / name
    # Beside an installed package lie other projects' folders, so the parent counts only where it is our repository.
    repository = package.parent
    if (repository / "pyproject.toml").is_file() and (repository / name).is_dir():
        return repository / name
    raise UserError(f"this installation of lit-idim holds no folder {name!r}: install the package again from its wheel")


def find_resource(path: str | Path) -> Path:
    """Resolve a path a user typed: as it stands, or else, if it starts with a shipped folder, inside the package.

    So `studies/projection_cost.py` or `configs/toy.yaml` works from any folder.

    Args:
        path: file or folder, relative to the current folder or absolute.

    Returns:
        `path` itself where it exists, otherwise the shipped file of that name.

    Raises:
        UserError: if neither exists.
    """
    path = Path(path)
    if path.exists():
        return path
    looked_in = f"the folder {Path.cwd()}"
    if not path.is_absolute() and path.parts and path.parts[0] in RESOURCE_FOLDERS:
        shipped = resource_path(path.parts[0]).joinpath(*path.parts[1:])
        if shipped.exists():
            return shipped
        looked_in += f", nor among the {path.parts[0]} that lit-idim ships"
    raise UserError(f"{path} does not exist in {looked_in}")


def shipped_folder(model: str) -> str:
    """The folder of a checkpoint that ships with the package, wherever the program runs; else the name as it came.

    Args:
        model: such as `checkpoints/toy-L2-H128/step-4000`, any other folder, or a name on the model hub.

    Raises:
        UserError: if the path starts like a shipped one and neither the current folder nor the package holds it.

    >>> shipped_folder("roberta-base")
    'roberta-base'
    """
    return str(find_resource(model)) if Path(model).parts[:1] == ("checkpoints",) else model
