"""A local folder of fairseq's checkpoints."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lit_idim.errors import UserError
from lit_idim.series.fairseq.dictionary import DICTIONARY_FILE
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.steps import check_steps

# Others (checkpoint_last.pt, checkpoint_best.pt, checkpoint3.pt of epoch 3) do not say their updates.
_NAME = re.compile(r"checkpoint_(?P<epoch>[0-9]+)_(?P<step>0|[1-9][0-9]*)\.pt")


@dataclass(frozen=True, kw_only=True)
class FairseqSource:
    """Files `checkpoint_{epoch}_{updates}.pt`, as fairseq-train writes them with --save-interval-updates.

    A step is a number of updates. Nothing in a file is run: its options and weights are read and written as a
    `RobertaForMaskedLM` with a tokenizer, kept in the cache folder. No checkpoint of another model is taken.

    Attributes:
        series: its name, for messages.
        path: the folder of the files.
        dictionary: the run's `dict.txt`; None if it lies in `path`.
        bpe: folder with GPT-2's `encoder.json` and `vocab.bpe`; None if they lie in `path`.
    """

    kind: ClassVar[str] = "fairseq"
    series: str
    path: Path
    dictionary: Path | None = None
    bpe: Path | None = None

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """Updates that the names of the files say."""
        return tuple(sorted(self._find_files()))

    def origin(self, step: int) -> str:
        file = self._find_files().get(step)
        return str(self.path / f"checkpoint_*_{step}.pt" if file is None else file)

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        from lit_idim.series.fairseq.conversion import convert_checkpoint  # imports torch

        files = self._find_files()
        check_steps([step], sorted(files), series=self.series)
        try:
            folder = convert_checkpoint(
                files[step],
                step=step,
                dictionary=self.dictionary or self.path / DICTIONARY_FILE,
                bpe=self.bpe or self.path,
            )
        except UserError as error:
            raise UserError(f"step {step} of series {self.series!r} ({files[step]}): {error}") from error
        return CheckpointLocation(model=str(folder), origin=str(files[step]))

    def is_cached(self, step: int) -> bool:
        return step in self._find_files()

    def _find_files(self) -> dict[int, Path]:
        try:
            matches = [match for path in self.path.iterdir() if (match := _NAME.fullmatch(path.name))]
        except OSError as error:
            raise UserError(
                f"series {self.series!r}: its folder {self.path} cannot be read ({error.strerror or error}); set "
                "source.path to a folder of fairseq checkpoints"
            ) from error
        if not matches:
            raise UserError(
                f"series {self.series!r}: {self.path} holds no checkpoint_EPOCH_UPDATES.pt, which fairseq-train writes "
                "with --save-interval-updates (checkpoint_last.pt, checkpoint3.pt and the like do not say their "
                "updates; parts of a model, -shard0.pt, are not supported)"
            )
        files: dict[int, Path] = {}
        for match in sorted(matches, key=lambda match: match.string):
            step, name = int(match["step"]), match.string
            if step in files:
                raise UserError(
                    f"series {self.series!r}: {files[step].name} and {name} both claim {step} updates; move one "
                    f"of them out of {self.path}"
                )
            files[step] = self.path / name
        return files
