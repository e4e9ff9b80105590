"""One pretrained model, where a series is expected."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lit_idim.errors import UserError
from lit_idim.families import find_model
from lit_idim.resources import shipped_folder
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.hub import fetch_from_hub, find_in_cache, hub_address
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.series import Series
from lit_idim.series.untrained import UNTRAINED_FILE, make_untrained

ONLY_STEP = 0


@dataclass(frozen=True, kw_only=True)
class SingleSource:
    """A folder in `save_pretrained` format, or a repository on the hub.

    Attributes:
        series: its name, for messages.
        model: the folder or the repository.
        revision: branch, tag or commit on the hub; None for the main branch, or a folder.
    """

    kind: ClassVar[str] = "single"
    series: str
    model: str
    revision: str | None = None

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        return (ONLY_STEP,)

    def origin(self, step: int) -> str:
        return hub_address(self.model, self.revision)

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        folder = Path(self.model)
        if not folder.is_dir():
            found = fetch_from_hub(
                self.model, self.revision, step=step, series=self.series, offline=offline, with_tokenizer=True
            )
            return CheckpointLocation(model=str(found), revision=self.revision, origin=self.origin(step))
        fault = find_fault(folder)
        if fault:
            raise UserError(f"model {self.model!r} is not a complete checkpoint: {fault}; write it again")
        made = make_untrained(folder) if (folder / UNTRAINED_FILE).is_file() else folder
        return CheckpointLocation(model=str(made), origin=self.model)

    def is_cached(self, step: int) -> bool:
        folder = Path(self.model)
        return find_fault(folder) is None if folder.is_dir() else find_in_cache(self.model, self.revision) is not None


def single_model(model: str, *, revision: str | None = None, name: str | None = None) -> Series:
    """A pretrained model as a series of its one checkpoint. Never uses the network.

    Args:
        model: a folder in `save_pretrained` format, one that ships with the package
            (`checkpoints/toy-L2-H128/step-4000`), a model of `lit_idim.families`, or a repository on the hub; the last
            two also as `NAME@REVISION`.
        revision: branch, tag or commit on the hub.
        name: in tables; by default the model's, of a folder its last name.

    Raises:
        UserError: if a folder does not exist, or `revision` is given for one.

    Example:
        >>> single_model("roberta-base").source.model
        'FacebookAI/roberta-base'
    """
    place = Path(shipped_folder(model))
    if place.is_dir():
        if revision is not None:
            raise UserError(f"revision: {model} is a folder and has none; leave out revision={revision!r}")
        return _local_model(place.resolve(), name)
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise UserError(f"model: there is no folder {model}; pass one in save_pretrained format, or a name on the hub")
    if revision is None and "@" in model:
        model, _, revision = model.partition("@")
    try:
        known = find_model(model)
    except UserError:
        known = None
    title = name or hub_address(model if known is None else known.name, revision)
    return Series(
        name=title,
        title=title,
        source=SingleSource(
            series=title,
            model=model if known is None else known.repository,
            revision=revision or (None if known is None else known.revision),
        ),
        listed_steps=(ONLY_STEP,),
        family_model=None if known is None else known.name,
        license=None if known is None else known.licence,
        is_single=True,
    )


def _local_model(folder: Path, name: str | None) -> Series:
    # The last name alone, such as step-4000, would not tell the checkpoints of two series apart.
    short = "-".join(folder.parts[-2:]) if folder.name.startswith("step-") else folder.name
    title = name or short
    return Series(
        name=title,
        title=title,
        source=SingleSource(series=title, model=str(folder)),
        listed_steps=(ONLY_STEP,),
        is_single=True,
    )
