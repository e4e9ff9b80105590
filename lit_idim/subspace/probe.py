"""One forward pass of a model on a few tokens: which parameters lead to the logits, and in what order modules run."""

import copy
import inspect
from collections.abc import Iterator
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
    # A twin that shares the parameters: a forward pass may change a model (BigBird swaps its attention for short
    # texts).
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    calls: dict[str, None] = {}
    with torch.inference_mode(False), torch.enable_grad():
        twin = copy.deepcopy(model, memo=dict(shared)).eval()
        for name, module in twin.named_modules():
            module.register_forward_pre_hook(lambda *_, name=name: calls.setdefault(name))
        logits = _logits(twin, _probe_inputs(twin))
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
    end = getattr(config, "eos_token_id", None)
    tokens = words + ([end] if isinstance(end, int) and 0 <= end < config.vocab_size else [])
    input_ids = torch.tensor([tokens], device=next(model.parameters()).device)
    segments = "token_type_ids" in inspect.signature(model.forward).parameters
    return {"input_ids": input_ids} | ({"token_type_ids": torch.zeros_like(input_ids)} if segments else {})


def _logits(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    name, labels = type(model).__name__, getattr(model.config, "num_labels", None)
    try:
        logits = getattr(model(**inputs), "logits", None)
    except Exception as error:
        raise UserError(
            f"model: {name} does not run on {inputs['input_ids'].shape[1]} tokens of one sequence, so its parameters "
            f"cannot be counted: {type(error).__name__}: {error}"
        ) from error
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
