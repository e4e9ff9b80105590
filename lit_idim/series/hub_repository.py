"""A repository on the hub for every step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lit_idim.errors import UserError
from lit_idim.series.hub import fetch_from_hub, find_in_cache
from lit_idim.series.location import CheckpointLocation
from lit_idim.series.steps import check_steps
from lit_idim.series.templates import fill_in_step


@dataclass(frozen=True, kw_only=True)
class HubRepositorySource:
    """Repositories whose names hold the step. Exactly one of `repository` and `repositories` is given.

    Attributes:
        series: its name, for messages.
        repository: template of the name, with `{step}` or `{thousands}`.
        repositories: names by step, where no template gives them.
        tokenizer: folder or hub name; None if each repository holds its tokenizer.
    """

    kind: ClassVar[str] = "hub_repository"
    series: str
    repository: str | None = None
    repositories: Mapping[int, str] | None = None
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        if (self.repository is None) == (self.repositories is None):
            raise UserError(f"series {self.series!r}: expected either repository or repositories in source")
        if self.repository is not None and "{step" not in self.repository and "{thousands" not in self.repository:
            raise UserError(f"series {self.series!r}: expected {{step}} in source.repository, got {self.repository!r}")
        if self.repositories is not None and not all(
            isinstance(step, int) and isinstance(name, str) for step, name in self.repositories.items()
        ):
            raise UserError(f"series {self.series!r}: source.repositories: expected a map of steps to names on the hub")

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """The keys of `repositories`; with a template the YAML has to list the steps."""
        if self.repositories is None:
            raise UserError(f"series {self.series!r}: list its steps in the YAML file (steps: [...])")
        return tuple(sorted(self.repositories))

    def origin(self, step: int) -> str:
        if self.repository is not None:
            return fill_in_step(self.repository, step)
        names = self.repositories or {}
        check_steps([step], tuple(names), series=self.series)
        return names[step]

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        name = self.origin(step)
        folder = fetch_from_hub(
            name, None, step=step, series=self.series, offline=offline, with_tokenizer=self.tokenizer is None
        )
        return CheckpointLocation(model=str(folder), tokenizer=self.tokenizer, origin=name)

    def is_cached(self, step: int) -> bool:
        return find_in_cache(self.origin(step), None) is not None
