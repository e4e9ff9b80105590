"""What a series of pretraining checkpoints is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lit_idim.errors import UserError
from lit_idim.series.folder import FolderSource
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.source import Source
from lit_idim.series.steps import check_steps


@dataclass(frozen=True, kw_only=True)
class Series:
    """Checkpoints of one pretraining, ordered by step.

    Attributes:
        name: on the command line and in tables.
        title: in print.
        source: where the checkpoints come from.
        listed_steps: ascending; None if the source is asked (`steps`).
        unit: what a step counts: "steps" (updates), "tokens", "epochs", ...
        tokens_per_step: tokens that one step trains on; None where that is unknown or varies.
        tokens_per_step_reason: why it is None.
        architecture: in words, as in the paper.
        family_model: a model of `lit_idim.families` with the same architecture, which tells D before a download; None
            if there is none, or the steps differ.
        family: name of the models of one recipe that this is one size of, as figures group them; that of `family_model`
            if None.
        license: of the weights.
        citation: of the paper.
        url: of the release.
        notes: what else a user should know.
        is_single: whether it is one model and no series: its only step is then no number of updates.
        checksums: of the weights by step, as `lit-idim checkpoints verify` prints them.
    """

    name: str
    title: str
    source: Source
    listed_steps: tuple[int, ...] | None = None
    unit: str = "steps"
    tokens_per_step: int | None = None
    tokens_per_step_reason: str | None = None
    architecture: str | None = None
    family_model: str | None = None
    family: str | None = None
    license: str | None = None
    citation: str | None = None
    url: str | None = None
    notes: str | None = None
    is_single: bool = False
    checksums: Mapping[int, str] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[int, ...]:
        """All steps, ascending: as listed, or as the source has them now.

        Raises:
            UserError: if the source has to be asked and cannot be reached.
        """
        return self.find_steps()

    @property
    def tokenizer(self) -> str | None:
        """Folder or hub name of the tokenizer; None if each checkpoint holds it."""
        return getattr(self.source, "tokenizer", None)

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """As `steps`; with `offline` never by the network."""
        return self.source.find_steps(offline=offline) if self.listed_steps is None else self.listed_steps

    def tokens(self, step: int) -> int | None:
        """Tokens seen up to a step; None where that is unknown."""
        if self.unit == "tokens":
            return step
        return None if self.tokens_per_step is None else step * self.tokens_per_step

    def step_for_tokens(self, tokens: int) -> int:
        """The step whose number of tokens seen is nearest; of two that are equally near the earlier one.

        Args:
            tokens: seen since the start of pretraining, repetitions counted.

        Raises:
            UserError: if the tokens of this series' steps are unknown, or it has no steps.
        """
        if self.tokens(0) is None:
            reason = self.tokens_per_step_reason or "its YAML does not say how many tokens a step is"
            raise UserError(f"series {self.name!r}: steps cannot be chosen by tokens: {reason}; pass steps")
        steps = self.steps
        if not steps:
            raise UserError(f"series {self.name!r} has no steps yet")
        return min(steps, key=lambda step: abs((self.tokens(step) or 0) - tokens))

    def fetch(self, step: int, offline: bool = False) -> CheckpointLocation:
        """Makes a checkpoint readable on this machine, downloading it if need be.

        Args:
            step: one of `steps`.
            offline: never use the network.

        Raises:
            CheckpointUnavailableError: without a network, if it is not in the cache.
            UserError: if the series has no such step, or the checkpoint is damaged; the message names both.
        """
        if self.listed_steps is not None:
            check_steps([step], self.listed_steps, series=self.name)
        return self.source.fetch(step, offline=offline)

    def is_cached(self, step: int) -> bool:
        """Whether `fetch` needs no network; tells it without one."""
        return self.source.is_cached(step)

    def find_steps_to_verify(self, *, offline: bool = False) -> tuple[int, ...]:
        """As `find_steps`, and the half-written folders of a local series besides."""
        if self.listed_steps is None and isinstance(self.source, FolderSource):
            return self.source.find_folders()
        return self.find_steps(offline=offline)
