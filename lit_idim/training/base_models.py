"""Base models: a pretrained encoder with its head, and a cache of them for many trainings on one checkpoint.

Weights that a file holds in float32 are not read but mapped: all processes of a machine that work on a checkpoint share
them, and theta_0 of a training in a subspace, which nobody writes to, takes no memory of its own.
"""

import copy
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from lit_idim.subspace import Layout, checksum_tensors, find_layout, initialize_parameters
from lit_idim.subspace.blocks import HEAD
from lit_idim.subspace.loading import load_pretrained


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """theta_0 of a training.

    Attributes:
        model: transformers classifier in training mode, to be trained or wrapped in place.
        layout: its counted parameters.
        drawn: names of the parameters that its checkpoint does not hold.
    """

    model: Any
    layout: Layout
    drawn: tuple[str, ...]

    def encoder_checksum(self) -> str:
        """16 hexadecimal digits of all counted parameters outside the head: what the checkpoint supplies."""
        layers = [layer for layer in self.layout.layers if layer.name != HEAD]
        names = [parameter.name for layer in layers for parameter in layer.parameters]
        return checksum_tensors((name, self.model.get_parameter(name)) for name in names)


def load_base_model(
    model: str, *, num_labels: int, head_seed: int, revision: str | None = None, random_weights: bool = False
) -> BaseModel:
    """A base model, read from its files; arguments and errors as of `lit_idim.subspace.load_classifier`."""
    loaded, missing = load_pretrained(model, num_labels=num_labels, revision=revision, random_weights=random_weights)
    initialize_parameters(loaded, missing, seed=head_seed)
    return BaseModel(model=loaded.train(), layout=find_layout(loaded), drawn=tuple(missing))


class BaseModels:
    """Hands out base models, the head of each drawn anew, and reads files only for a checkpoint not seen.

    Each equals what `load_base_model` reads, bit for bit. Files that are replaced while they are kept go unnoticed;
    mapped ones must not be overwritten in place.

    Args:
        keep: checkpoints kept in memory, the last ones used.
    """

    def __init__(self, keep: int = 1) -> None:
        self.keep = keep
        self._kept: OrderedDict[tuple[Any, ...], tuple[BaseModel, str]] = OrderedDict()

    def load(
        self,
        model: str,
        *,
        num_labels: int,
        head_seed: int,
        revision: str | None = None,
        random_weights: bool = False,
        is_frozen: bool = False,
    ) -> tuple[BaseModel, str]:
        """As `load_base_model`; with the base model's `encoder_checksum`, computed once for a checkpoint.

        With `is_frozen` nobody will write to the weights, so that all that the checkpoint holds is shared, not copied.
        """
        # untrained weights are all drawn from the head seed
        key = (model, num_labels, revision, random_weights, head_seed if random_weights else None)
        if key not in self._kept:
            while len(self._kept) >= self.keep:
                self._kept.popitem(last=False)
            base = load_base_model(
                model, num_labels=num_labels, head_seed=head_seed, revision=revision, random_weights=random_weights
            )
            self._kept[key] = base, base.encoder_checksum()
        self._kept.move_to_end(key)
        base, checksum = self._kept[key]
        twin = copy.deepcopy(base.model, _shared_weights(base) if is_frozen and not random_weights else {})
        if not random_weights:
            initialize_parameters(twin, base.drawn, seed=head_seed)
        return replace(base, model=twin), checksum


def _shared_weights(base: BaseModel) -> dict[int, nn.Parameter]:
    """Parameters over the memory of those that the checkpoint holds, by what they stand for in a copy of the model."""
    drawn = {id(base.model.get_parameter(name)) for name in base.drawn}
    return {
        id(parameter): nn.Parameter(parameter.detach(), requires_grad=False)
        for parameter in base.model.parameters()
        if id(parameter) not in drawn
    }
