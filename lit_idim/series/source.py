"""What every kind of source offers."""

from typing import ClassVar, Protocol

from lit_idim.series.location import CheckpointLocation


class Source(Protocol):
    """Where the checkpoints of a series come from.

    Every error is a `UserError` that names the step and the series.

    Attributes:
        kind: the word for it in the YAML files.
    """

    kind: ClassVar[str]

    def find_steps(self, *, offline: bool = False) -> tuple[int, ...]:
        """Steps that exist, ascending, for a series whose YAML does not list them.

        Args:
            offline: never use the network.

        Raises:
            UserError: if they cannot be found, or not without a network.
        """

    def origin(self, step: int) -> str:
        """Address of a step, for tables and messages."""

    def fetch(self, step: int, *, offline: bool = False) -> CheckpointLocation:
        """Makes a checkpoint readable on this machine, downloading it if need be.

        Args:
            step: one of the series.
            offline: never use the network.

        Raises:
            CheckpointUnavailableError: without a network, if it is not in the cache.
            UserError: if the checkpoint does not exist, or is damaged.
        """

    def is_cached(self, step: int) -> bool:
        """Whether `fetch` needs no network. Never uses the network itself."""
