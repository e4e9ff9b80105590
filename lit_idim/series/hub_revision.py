"""One repository on the hub, a revision a step."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lit_idim.cache import default_cache_dir
from lit_idim.errors import UserError
from lit_idim.series.hub import fetch_from_hub, find_in_cache, hub_address, list_revisions
from lit_idim.series.location import CheckpointLocation, CheckpointUnavailableError
from lit_idim.series.steps import check_steps
from lit_idim.series.templates import fill_in_step


@dataclass(frozen=True, kw_only=True)
class HubRevisionSource:
    """A repository whose branches or tags are the steps. Exactly one of `revision` and `revision_pattern` is given.

    Attributes:
        series: its name, for messages.
        repository: on the hub.
        revision: template with `{step}`, where the step alone makes the revision.
        revision_pattern: regular expression with a group `step`, where the revisions have to be asked of the hub. The
            answer is kept in the cache folder, for use without a network.
        tokenizer: folder or hub name; None if each revision holds its tokenizer.
    """

    kind: ClassVar[str] = "hub_revision"
    series: str
    repository: str
    revision: str | None = None
    revision_pattern: str | None = None
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        if (self.revision is None) == (self.revision_pattern is None):
            raise UserError(f"series {self.series!r}: expected either revision or revision_pattern in source")
        if self.revision is not None and "{step" not in self.revision and "{thousands" not in self.revision:
            raise UserError(f"series {self.series!r}: expected {{step}} in source.revision, got {self.revision!r}")
        if self.revision_pattern is not None:
            try:
                has_step = "step" in re.compile(self.revision_pattern).groupindex
            except re.error as error:
                raise UserError(f"series {self.series!r}: source.revision_pattern is no pattern: {error}") from error
            if not has_step:
                raise UserError(f"series {self.series!r}: expected a group (?P<step>...) in source.revision_pattern")

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """Steps of the revisions that the hub has now; without a network those that it had when asked last."""
        return tuple(self._ask_for_revisions(offline=offline))

    def origin(self, step: int) -> str:
        return hub_address(self.repository, self._known_revision(step) or f"(step {step})")

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        revision = self._known_revision(step)
        if revision is None:
            revisions = self._ask_for_revisions(offline=offline)
            check_steps([step], tuple(revisions), series=self.series)
            revision = revisions[step]
        folder = fetch_from_hub(
            self.repository,
            revision,
            step=step,
            series=self.series,
            offline=offline,
            with_tokenizer=self.tokenizer is None,
        )
        return CheckpointLocation(
            model=str(folder),
            revision=revision,
            tokenizer=self.tokenizer,
            origin=hub_address(self.repository, revision),
        )

    def is_cached(self, step: int) -> bool:
        revision = self._known_revision(step)
        return revision is not None and find_in_cache(self.repository, revision) is not None

    def _known_revision(self, step: int) -> str | None:
        if self.revision is not None:
            return fill_in_step(self.revision, step)
        return self._kept_revisions().get(step)

    @property
    def _answer_file(self) -> Path:
        return default_cache_dir() / "checkpoints" / self.series / "revisions.json"

    def _kept_revisions(self) -> dict[int, str]:
        try:
            answer = json.loads(self._answer_file.read_text())
            # The answer to another question, from before the YAML was changed, does not count.
            if answer["repository"] != self.repository or answer["pattern"] != self.revision_pattern:
                return {}
            return {int(step): str(revision) for step, revision in answer["revisions"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _ask_for_revisions(self, *, offline: bool) -> dict[int, str]:
        if self.revision_pattern is None:
            raise UserError(f"series {self.series!r}: list its steps in the YAML file (steps: [...])")
        pattern = re.compile(self.revision_pattern)
        if offline:
            kept = self._kept_revisions()
            if kept:
                return kept
            raise CheckpointUnavailableError(
                f"the steps of series {self.series!r} have to be asked of the Hugging Face hub (the revisions of "
                f"{self.repository}), and no network may be used; run once without --offline"
            )
        try:
            names = list_revisions(self.repository, series=self.series)
        except CheckpointUnavailableError:
            kept = self._kept_revisions()
            if kept:
                return kept
            raise
        found = {int(match["step"]): match.string for match in map(pattern.fullmatch, names) if match}
        if not found:
            raise UserError(
                f"series {self.series!r}: none of the {len(names)} revisions of {self.repository} matches "
                f"{self.revision_pattern!r}; correct source.revision_pattern"
            )
        revisions = dict(sorted(found.items()))
        self._keep(revisions)
        return revisions

    def _keep(self, revisions: dict[int, str]) -> None:
        answer = {"repository": self.repository, "pattern": self.revision_pattern, "revisions": revisions}
        aside = self._answer_file.with_name(f".revisions.{os.getpid()}.json")
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(answer, indent=1))
            aside.replace(self._answer_file)
        except OSError as error:
            raise UserError(
                f"the cache folder {aside.parent} cannot be written ({error}); set LIT_IDIM_CACHE to one that can"
            ) from error
