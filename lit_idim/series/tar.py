"""A tar a step, by URL."""

import re
import shutil
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import find_fault
from lit_idim.series.download import check_sha256, download
from lit_idim.series.extraction import extract_checkpoint
from lit_idim.series.location import CheckpointLocation, CheckpointUnavailableError
from lit_idim.series.locking import locked
from lit_idim.series.templates import fill_in_step

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True)
class TarSource:
    """Archives of checkpoints in `save_pretrained` format, kept extracted in the cache folder.

    Attributes:
        series: its name, for messages and for the folder in the cache.
        url: template with `{step}`.
        sha256: checksums of the archives by step, where they are known.
        tokenizer: folder or hub name; None if each archive holds its tokenizer.
    """

    kind: ClassVar[str] = "tar"
    series: str
    url: str
    sha256: Mapping[int, str] = field(default_factory=dict)
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise UserError(
                f"series {self.series!r}: expected an http or https address as source.url, got {self.url!r}"
            )
        if "@" in urllib.parse.urlsplit(self.url).netloc:
            # It would stand in every table that says where a checkpoint is from.
            raise UserError(f"series {self.series!r}: source.url holds a user or password; give an address without")
        if "{step" not in self.url and "{thousands" not in self.url:
            raise UserError(f"series {self.series!r}: expected {{step}} in source.url, got {self.url!r}")
        for step, digest in self.sha256.items():
            # A key that is no step would leave its archive unchecked.
            if not isinstance(step, int) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
                raise UserError(
                    f"series {self.series!r}: source.sha256: expected steps with 64 quoted hexadecimal digits each, "
                    f"got {step!r}: {digest!r}"
                )

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """A server of archives cannot be asked: the YAML has to list the steps."""
        raise UserError(f"series {self.series!r}: list its steps in the YAML file (steps: [...])")

    def origin(self, step: int) -> str:
        return fill_in_step(self.url, step)

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        url, checkpoint = self.origin(step), f"step {step} of series {self.series!r}"
        folder = self._folder(step)
        if not folder.is_dir():
            if offline:
                raise CheckpointUnavailableError(
                    f"{checkpoint} is not in the cache folder {folder.parent}, and no network may be used; fetch it "
                    "once without --offline"
                )
            try:
                self._download(step, url, checkpoint)
            except OSError as error:
                raise UserError(
                    f"{checkpoint}: the cache folder {folder.parent} cannot be written ({error}); free some space, or "
                    "set LIT_IDIM_CACHE to a folder that has it"
                ) from error
        inside = _find_checkpoint(folder)
        fault = find_fault(inside)
        if fault:
            raise UserError(
                f"{checkpoint} is not a complete checkpoint: {inside}: {fault}; remove {folder} to download it anew; "
                "the other steps stay usable"
            )
        return CheckpointLocation(model=str(inside), tokenizer=self.tokenizer, origin=url)

    def is_cached(self, step: int) -> bool:
        return find_fault(_find_checkpoint(self._folder(step))) is None

    def _folder(self, step: int) -> Path:
        return default_cache_dir() / "checkpoints" / self.series / f"step-{step}"

    def _download(self, step: int, url: str, checkpoint: str) -> None:
        folder = self._folder(step)
        folder.parent.mkdir(parents=True, exist_ok=True)
        archive = folder.parent / f".step-{step}.tar"
        aside = folder.parent / f".extracting-step-{step}"
        with locked(folder.parent / f".step-{step}.lock"):
            if folder.is_dir():  # another process was faster
                return
            download(url, archive, checkpoint=checkpoint)
            try:
                if step in self.sha256:
                    check_sha256(archive, self.sha256[step], checkpoint=checkpoint, url=url)
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                extract_checkpoint(archive, aside, checkpoint=checkpoint)
                fault = find_fault(_find_checkpoint(aside))
                if fault:
                    raise UserError(f"{checkpoint}: {url} holds no complete checkpoint: {fault}; it is removed")
                aside.replace(folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
                archive.unlink(missing_ok=True)


def _find_checkpoint(folder: Path) -> Path:
    """The folder that holds config.json: the outermost one, as archives often wrap it."""
    found = sorted(folder.rglob("config.json"), key=lambda path: (len(path.parts), path))
    return found[0].parent if found else folder
