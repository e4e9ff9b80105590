"""A fairseq2 run folder as a source of checkpoints."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.fairseq2.architecture import METADATA_FILE, read_architecture
from lit_idim.series.location import CheckpointLocation

TOKENIZER_FOLDER = "tokenizer"


def own_tokenizer(run: Path) -> str | None:
    """The tokenizer that `lit-idim pretrain-fairseq2` leaves in a run's folder; None if there is none."""
    folder = run / TOKENIZER_FOLDER
    return str(folder) if folder.is_dir() else None


@dataclass(frozen=True, kw_only=True)
class Fairseq2Source:
    """Checkpoints `checkpoints/step_N/model/pp_XX/tp_XX/sdp_XX.pt` of a run of the family `roberta`.

    They are converted into the cache folder when they are asked for; fairseq2 is not needed.

    Attributes:
        series: its name, for messages and for the folder in the cache.
        path: folder of the run, which holds `checkpoints/`.
        tokenizer: folder or hub name of the tokenizer.
    """

    kind: ClassVar[str] = "fairseq2"
    series: str
    path: Path
    tokenizer: str | None = None

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """Steps that have a folder; fairseq2 renames it when it is whole."""
        try:
            names = [entry.parent.name for entry in (self.path / "checkpoints").glob("step_*/model")]
            exists = (self.path / "checkpoints").is_dir()
        except OSError as error:
            raise UserError(
                f"series {self.series!r}: {self.path} cannot be read ({error.strerror or error})"
            ) from error
        if not exists:
            raise UserError(
                f"series {self.series!r}: {self.path} holds no folder checkpoints; pass the folder of a fairseq2 run "
                "as source.path"
            )
        matches = (re.fullmatch(r"step_(0|[1-9]\d*)", name) for name in names)
        return tuple(sorted(int(match[1]) for match in matches if match))

    def origin(self, step: int) -> str:
        return str(self._model_folder(step))

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        from lit_idim.series.fairseq2.conversion import write_converted  # imports torch

        checkpoint = f"step {step} of series {self.series!r}"
        if self.tokenizer is None:
            raise UserError(
                f"{checkpoint}: a fairseq2 checkpoint holds no tokenizer; name its folder, or one on the hub, as "
                "`tokenizer` in the YAML file"
            )
        model_folder = self._model_folder(step)
        if not model_folder.is_dir():
            raise UserError(f"{checkpoint} is missing on disk: {model_folder}; the other steps stay usable")
        folder = self._converted_folder(step)
        if find_fault(folder) is not None:
            try:
                architecture = read_architecture(self.path / "checkpoints" / METADATA_FILE)
                write_converted(model_folder, architecture, folder)
            except UserError as error:
                raise UserError(f"{checkpoint} cannot be read: {error}; other steps may stay usable") from error
        return CheckpointLocation(model=str(folder), tokenizer=self.tokenizer, origin=str(model_folder))

    def is_cached(self, step: int) -> bool:
        """Whether it is converted already; converting needs no network."""
        return self._model_folder(step).is_dir() and find_fault(self._converted_folder(step)) is None

    def _model_folder(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step_{step}" / "model"

    def _converted_folder(self, step: int) -> Path:
        """Named by what the files are, so that a run that is trained anew is converted anew."""
        from lit_idim.series.fairseq2.conversion import CONVERSION_VERSION

        digest = hashlib.sha256(f"{CONVERSION_VERSION}".encode())
        files = [self.path / "checkpoints" / METADATA_FILE, *sorted(self._model_folder(step).rglob("*.pt"))]
        for path in files:
            if path.is_file():
                stat = path.stat()
                digest.update(f"\0{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode())
        name = f"fairseq2-step-{step}-{digest.hexdigest()[:16]}"
        return default_cache_dir() / "checkpoints" / self.series / name
