"""Which layer, in the sense of SAID, a parameter lies in: a block of a stack, the embeddings or the head."""

import re
from collections.abc import Iterable

from torch import nn

EMBEDDINGS, HEAD = "embeddings", "head"


class Blocks:
    """The blocks of a model's stacks: elements of a `ModuleList` that lies in no other block."""

    def __init__(self, model: nn.Module) -> None:
        self.groups = {
            name for name, module in model.named_modules(remove_duplicate=False) if _is_group_of_blocks(module)
        }

    def of(self, name: str) -> str | None:
        """The block that a parameter or module lies in, or None: 'bert.encoder.layer.3.output' is in 'bert.encoder.3'.

        Lists side by side in one module (XLM's attentions and ffns) hold parts of the same blocks; an element that is
        a group of blocks (ALBERT's layer groups) is looked into.
        """
        parts = name.split(".")
        block: list[str] = []
        position = 0
        while (index := next((i for i in range(position, len(parts)) if parts[i].isdigit()), None)) is not None:
            block += [*parts[position : index - 1], parts[index]] if index > position else [parts[index]]
            position = index + 1
            inside = ".".join(parts[:position])
            if inside not in self.groups and not (position < len(parts) and parts[position].isdigit()):
                return ".".join(block)
        return ".".join(block) if block else None


def _is_group_of_blocks(module: nn.Module) -> bool:
    """Whether a module is nothing but a list of modules of one class; T5's blocks are lists of different ones."""
    children = list(module.children())
    if len(children) != 1 or not isinstance(children[0], nn.ModuleList) or any(module.parameters(recurse=False)):
        return False
    return len({type(child) for child in children[0]}) == 1


def layer_of(model: nn.Module, aliases: Iterable[str], blocks: Blocks, calls: tuple[str, ...]) -> str:
    """The layer that a parameter belongs to: a block, "embeddings" or "head".

    Args:
        model: the model.
        aliases: every name of the parameter; a tied one belongs to the embeddings if any of its places does.
        blocks: the model's blocks.
        calls: names of its modules in the order in which they first run.
    """
    owners = [alias.rpartition(".")[0] for alias in aliases]
    outside = [owner for owner in owners if blocks.of(owner) is None]
    if not outside:
        return str(blocks.of(owners[0]))
    layers = [_layer_outside(model, owner, blocks, calls) for owner in outside]
    return EMBEDDINGS if EMBEDDINGS in layers else layers[0]


def _layer_outside(model: nn.Module, owner: str, blocks: Blocks, calls: tuple[str, ...]) -> str:
    """The layer of a module outside the stacks, by when it first runs: before, between or after the blocks."""
    embeds = isinstance(model.get_submodule(owner), nn.Embedding) or re.search(r"(^|[._])emb", owner) is not None
    if owner not in calls:
        return EMBEDDINGS if embeds else HEAD
    called = [blocks.of(name) for name in calls]
    in_blocks = [i for i, block in enumerate(called) if block is not None]
    place = calls.index(owner)
    if not in_blocks or place > in_blocks[-1]:
        return EMBEDDINGS if not in_blocks and embeds else HEAD
    if place < in_blocks[0] or embeds:
        return EMBEDDINGS
    if "norm" in type(model.get_submodule(owner)).__name__.lower():
        return HEAD  # the final norm of an encoder whose decoder comes after it
    return str(called[max(i for i in in_blocks if i < place)])
