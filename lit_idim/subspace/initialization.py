"""Keyed initialization: what a checkpoint does not supply, from the model's own distributions and our own draws."""

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import NormalDist
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lit_idim.errors import UserError
from lit_idim.randomness import hash_counters, normal_words, stream_key

INITIALIZATION_VERSION = 1
MAX_DRAWS = 100


def initialize_parameters(model: nn.Module, names: Iterable[str], *, seed: int) -> None:
    """Draws the named parameters anew from the distributions of the model's own `_init_weights`, in place.

    Each is a function of (seed, parameter name, INITIALIZATION_VERSION) alone: full fine-tuning, DID and SAID start
    from the same head, and a saved subspace is restored without it, on any machine. torch's global generator is neither
    used nor set.

    Args:
        model: a transformers model on the CPU; all other parameters and buffers stay as they are.
        names: parameters, by any of their names; a tied parameter is drawn under the first.
        seed: the head seed.

    Raises:
        UserError: if a name is not a parameter of the model, or a parameter cannot be drawn: it shares its memory with
            one that is kept, or the model's `_init_weights` does not say how.
    """
    canonical = {id(parameter): name for name, parameter in model.named_parameters()}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    chosen: dict[int, str] = {}
    wanted: set[int] = set()
    for name in names:
        if name not in parameters:
            raise UserError(f"names must be parameters of {type(model).__name__}, got {name!r}")
        wanted.add(id(parameters[name]))
        chosen[_storage(parameters[name])] = canonical[id(parameters[name])]
        parameters[name]._is_hf_initialized = False  # type: ignore[attr-defined]  # else transformers leaves it alone
    if not chosen:
        return
    others = [tensor for tensor in (*model.parameters(), *model.buffers()) if id(tensor) not in wanted]
    kept = {_storage(tensor) for tensor in others}
    if kept & set(chosen) or len(chosen) < len(wanted):
        raise UserError("the parameters to initialize must not share memory; initialize the model before wrapping it")
    draws = _KeyedDraws(chosen, kept, seed)
    with torch.no_grad(), patch("torch.nn.init._no_grad_trunc_normal_", draws.truncated_normal), draws:
        _visit(model, model._init_weights)  # type: ignore[arg-type]
    left = [name for storage, name in chosen.items() if storage not in draws.written]
    if left:
        raise UserError(
            f"{type(model).__name__} does not say how to initialize {', '.join(left[:3])}{' ...' * (len(left) > 3)}: "
            "pass a checkpoint that holds them"
        )


def _visit(module: nn.Module, initialize: Callable[[nn.Module], None]) -> None:
    """Children before parents, each model within the model by its own rule: the order of transformers."""
    for child in module.children():
        _visit(child, getattr(child, "_init_weights", initialize))
    initialize(module)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class _KeyedDraws(TorchDispatchMode):
    """Replaces random numbers by keyed ones in the chosen tensors; lets nothing write to the kept ones."""

    def __init__(self, chosen: dict[int, str], kept: set[int], seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.chosen = chosen
        self.kept = kept
        self.seed = seed
        self.draws: Counter[str] = Counter()
        self.written: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not func._schema.is_mutable or not args or not isinstance(args[0], Tensor):
            return func(*args, **kwargs)
        target, operation = args[0], func._schema.name.removeprefix("aten::")
        if _storage(target) in self.kept:
            return target
        self.written.add(_storage(target))
        if operation in ("normal_", "uniform_"):
            arguments = {argument.name: argument.default_value for argument in func._schema.arguments[1:]}
            arguments |= dict(zip(arguments, args[1:], strict=False)) | kwargs
            return target.copy_(self._draw(operation, target, arguments))
        if any(argument.name == "generator" for argument in func._schema.arguments):
            raise NotImplementedError(
                f"keyed initialization knows normal_ and uniform_, the model asks for {operation}"
            )
        return func(*args, **kwargs)

    def truncated_normal(
        self, target: Tensor, mean: float, std: float, a: float, b: float, generator: object = None
    ) -> Tensor:
        """Takes the place of torch's truncated normal, whose algorithm (and so its draws) differs between versions."""
        if _storage(target) in self.kept:
            return target
        self.written.add(_storage(target))
        low, high = (NormalDist().cdf((bound - mean) / std) for bound in (a, b))
        quantiles = torch.special.ndtri(low + (high - low) * self._uniform(target))
        return target.copy_((quantiles * std + mean).clamp(a, b))

    def _draw(self, operation: str, target: Tensor, arguments: dict[str, Any]) -> Tensor:
        if operation == "uniform_":
            low, high = float(arguments["from"]), float(arguments["to"])
            return low + (high - low) * self._uniform(target)
        words = self._words(target, -(-target.numel() // 2))
        values = torch.stack([normal_words(words, lane=0), normal_words(words, lane=1)], dim=-1).flatten()
        mean, std = float(arguments["mean"]), float(arguments["std"])
        return (values[: target.numel()] * std + mean).view(target.shape)

    def _uniform(self, target: Tensor) -> Tensor:
        """float64 in (0, 1), shape of the target."""
        return ((self._words(target, target.numel()).double() + 0.5) * 2.0**-32).view(target.shape)

    def _words(self, target: Tensor, count: int) -> Tensor:
        """Words of the stream of the target's name.

        A second draw for a parameter gets the same words: some releases of a library draw it once, others twice, and
        the last draw is what stays. A temporary tensor is named by its place among those of its shape.
        """
        temporary = f"temporary/{tuple(target.shape)}"
        name = self.chosen.get(_storage(target), temporary)
        self.draws[name] += 1
        if name == temporary:
            name = f"{temporary}/{self.draws[name]}"
        if self.draws[name] > MAX_DRAWS:
            raise NotImplementedError(f"{name} is initialized by rejection, which keyed draws cannot serve")
        key = stream_key(self.seed, f"init/{name}", INITIALIZATION_VERSION)
        return torch.from_numpy(hash_counters(key, 0, count).astype("int64"))
