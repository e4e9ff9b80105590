"""One forward pass of a model on a few tokens: which parameters lead to the logits, and in what order modules run."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lit_idim.errors import UserError

PROBE_TOKENS = 8


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What one forward pass shows.

    Attributes:
        reached: ids of the parameters with a gradient path to the logits.
        calls: names of the modules in the order in which they were first called.
    """

    reached: frozenset[int]
    calls: tuple[str, ...]


def probe(model: nn.Module) -> Probe:
    """Runs the model once, without dropout, on one sequence of at most 8 tokens, and follows the graph of its logits.

    The graph of the forward pass names the parameters that one backward pass would reach, without its memory of D
    gradients.

    Raises:
        UserError: if the model has no sequence classification head.
    """
    calls: dict[str, None] = {}
    handles = [
        module.register_forward_pre_hook(lambda *_, name=name: calls.setdefault(name))
        for name, module in model.named_modules()
    ]
    try:
        with _evaluation(model), torch.enable_grad():
            logits = _logits(model, _probe_inputs(model))
    finally:
        for handle in handles:
            handle.remove()
    return Probe(reached=frozenset(id(leaf) for leaf in _leaves(logits)), calls=tuple(calls))


def _probe_inputs(model: nn.Module) -> dict[str, Tensor]:
    """Token ids, int64, shape (1, n), n <= 8, and segment ids where the model takes them.

    Without padding and with the end-of-sequence token last, whose state BART reads; with segments, since XLNet's
    segment embeddings have a path to the logits only then.
    """
    config: Any = model.config
    length = min(PROBE_TOKENS, getattr(config, "max_position_embeddings", None) or PROBE_TOKENS)
    special = {getattr(config, f"{name}_token_id", None) for name in ("pad", "eos", "bos", "decoder_start")}
    words = [token for token in range(config.vocab_size) if token not in special][: max(1, length - 4)]
    tokens = words + ([config.eos_token_id] if isinstance(getattr(config, "eos_token_id", None), int) else [])
    input_ids = torch.tensor([tokens], device=next(model.parameters()).device)
    segments = "token_type_ids" in inspect.signature(model.forward).parameters
    return {"input_ids": input_ids} | ({"token_type_ids": torch.zeros_like(input_ids)} if segments else {})


@contextmanager
def _evaluation(model: nn.Module) -> Iterator[None]:
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode


def _logits(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    name, labels = type(model).__name__, getattr(model.config, "num_labels", None)
    logits = getattr(model(**inputs), "logits", None)
    if logits is None or logits.shape != (1, labels):
        shape = None if logits is None else tuple(logits.shape)
        raise UserError(
            f"model must be a sequence classification model, with logits of shape (batch, {labels}); {name} gave "
            f"{shape}; load it with transformers.AutoModelForSequenceClassification"
        )
    return logits  # type: ignore[no-any-return]


def _leaves(output: Tensor) -> Iterator[Tensor]:
    pending, seen = [output.grad_fn], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        pending.extend(following for following, _ in node.next_functions)
