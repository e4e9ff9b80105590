"""The state of a paused training: what moves, and what tells which training it belongs to."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lit_idim.errors import UserError
from lit_idim.refusal import refusal
from lit_idim.training.classifier import SubspaceClassifier

_FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PausedTraining:
    """A training that stopped after some updates.

    A few kilobytes for a subspace; of a head its parameters and two moments of each.

    Attributes:
        identity: plain numbers and words that decide the training's numbers.
        num_updates_done: updates made.
        numbers: trained numbers, optimizer, schedule and loss scaling.
        progress: plain numbers and bytes that the caller wants back.
    """

    identity: Mapping[str, Any]
    num_updates_done: int
    numbers: Mapping[str, Any]
    progress: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """As bytes, which hold tensors and plain values only."""
        buffer = io.BytesIO()
        torch.save({"version": _FORMAT_VERSION, **vars(self)}, buffer)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, state: bytes, *, identity: Mapping[str, Any]) -> "PausedTraining":
        """Reads a state and checks that it belongs to the training that is to go on.

        Args:
            state: what `to_bytes` gave.
            identity: of the training that is to go on.

        Raises:
            UserError: if the bytes are damaged, or the state is another training's; names what differs.
        """
        try:
            read = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
            version = read.pop("version")
            paused = cls(**read)
        except Exception as error:  # a damaged pickle can raise anything
            raise UserError(
                f"state: expected the state of a paused training, got {len(state)} bytes that cannot be read "
                f"({refusal(error)}); start the training anew"
            ) from error
        if version != _FORMAT_VERSION:
            raise UserError(
                f"state: expected a state of version {_FORMAT_VERSION}, got {version}; start the training anew"
            )
        differing = [
            f"{name}: saved {paused.identity.get(name)}, here {identity.get(name)}"
            for name in sorted({*identity, *paused.identity})
            if paused.identity.get(name) != identity.get(name)
        ]
        if differing:
            raise UserError(f"state: it is another training's ({'; '.join(differing)}); start this training anew")
        return paused


def trained_state(classifier: SubspaceClassifier, num_updates: int, precision: Mapping[str, Any]) -> dict[str, Any]:
    """What `restore_trained` takes.

    Args:
        classifier: after a segment.
        num_updates: of the whole training.
        precision: state of the Trainer's precision plugin.
    """
    optimizer, schedule = _optimization(classifier, num_updates)
    return {
        "parameters": {name: parameter.detach().cpu() for name, parameter in _trained(classifier).items()},
        "optimizer": optimizer.state_dict(),
        "schedule": {name: value for name, value in schedule.state_dict().items() if name != "lr_lambdas"},
        "precision": dict(precision),
    }


def restore_trained(classifier: SubspaceClassifier, numbers: Mapping[str, Any], num_updates: int) -> None:
    """Gives a new classifier the trained numbers, its optimizer and its schedule."""
    with torch.no_grad():
        for name, parameter in _trained(classifier).items():
            parameter.copy_(numbers["parameters"][name])
    optimizer, schedule = _optimization(classifier, num_updates)
    optimizer.load_state_dict(numbers["optimizer"])
    schedule.load_state_dict({**numbers["schedule"], "lr_lambdas": [None] * len(schedule.lr_lambdas)})


def _trained(classifier: SubspaceClassifier) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in classifier.named_parameters() if parameter.requires_grad}


def _optimization(classifier: SubspaceClassifier, num_updates: int) -> tuple[Any, Any]:
    optimization: Any = classifier.optimization(num_updates)
    return optimization["optimizer"], optimization["lr_scheduler"]["scheduler"]
