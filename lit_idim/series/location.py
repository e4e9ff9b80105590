"""Where a checkpoint lies once it can be read."""

from dataclasses import dataclass

from lit_idim.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CheckpointLocation:
    """A checkpoint on this machine, as `load_classifier(model, revision=revision)` takes it.

    Attributes:
        model: folder in `save_pretrained` format. Checkpoints of the hub are folders of its cache, so that loading them
            needs no network any more.
        revision: branch or tag that the folder holds; None for what does not come from the hub.
        tokenizer: folder or hub name of the tokenizer; None if `model` holds it.
        origin: where the checkpoint comes from, for tables and messages.
    """

    model: str
    revision: str | None = None
    tokenizer: str | None = None
    origin: str


class CheckpointUnavailableError(UserError):
    """A checkpoint that may well exist, but cannot be had now: no network, and it is not in the cache."""
