"""A local folder with a folder a step."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.templates import fill_in_step, step_pattern
from lit_idim.series.untrained import UNTRAINED_FILE, make_untrained

DEFAULT_PATTERN = "step-{step}"


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Checkpoints in `save_pretrained` format on this machine, such as a pretraining of this project.

    Attributes:
        series: its name, for messages.
        path: the folder.
        pattern: name of a step's folder.
        tokenizer: folder or hub name; None if each checkpoint holds its tokenizer.
    """

    kind: ClassVar[str] = "folder"
    series: str
    path: Path
    pattern: str = DEFAULT_PATTERN
    tokenizer: str | None = None

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """Steps whose folder is complete, so that a run in progress can be read."""
        return tuple(step for step in self.find_folders() if find_fault(self._folder(step)) is None)

    def find_folders(self) -> tuple[int, ...]:
        """Steps that have a folder, half-written ones included."""
        pattern = step_pattern(self.pattern)
        try:
            names = [entry.name for entry in self.path.iterdir() if entry.is_dir()]
        except OSError as error:
            raise UserError(
                f"series {self.series!r}: its folder {self.path} cannot be read ({error.strerror or error}); pass a "
                "folder that exists"
            ) from error
        return tuple(sorted(int(match["step"]) for match in map(pattern.fullmatch, names) if match))

    def origin(self, step: int) -> str:
        return str(self._folder(step))

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        folder = self._folder(step)
        fault = find_fault(folder)
        if fault:
            others = [other for other in self.find_steps() if other != step] if self.path.is_dir() else []
            usable = f"the other steps stay usable ({_shortened(others)})" if others else "no other step is usable"
            state = "is not a complete checkpoint" if folder.is_dir() else "is missing on disk"
            raise UserError(
                f"step {step} of series {self.series!r} {state}: {folder}: {fault}; write it again, or leave the step "
                f"out with --steps; {usable}"
            )
        model = make_untrained(folder) if (folder / UNTRAINED_FILE).is_file() else folder
        return CheckpointLocation(model=str(model), tokenizer=self.tokenizer, origin=str(folder))

    def is_cached(self, step: int) -> bool:
        return find_fault(self._folder(step)) is None

    def _folder(self, step: int) -> Path:
        return self.path / fill_in_step(self.pattern, step)


def _shortened(steps: list[int], count: int = 12) -> str:
    text = ", ".join(map(str, steps[:count]))
    return f"{text}, ..." if len(steps) > count else text
