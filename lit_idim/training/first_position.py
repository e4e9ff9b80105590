"""The last block of an encoder at the first position alone, where its classification head reads no other.

Shapes: b sequences of w tokens, hidden size h, a attention heads of h / a numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

# classes of transformers whose head reads hidden_states[:, 0], and where their encoder stands
ENCODERS = {
    "BertForSequenceClassification": "bert",
    "CamembertForSequenceClassification": "roberta",
    "RobertaForSequenceClassification": "roberta",
    "XLMRobertaForSequenceClassification": "roberta",
}


@contextmanager
def last_block_at_first_position(model: nn.Module) -> Iterator[None]:
    """Within it the model's last block computes keys and values of all positions, and all else of the first alone.

    Of the block's matrix products, 12 h^2 a token, 2 h^2 are left. The logits and their gradients are those of the
    whole block, summed in another order: positions that no one reads have zero gradients.

    It does nothing where the head may read more (another class than those in `ENCODERS`), where the block drops out
    numbers (masks of fewer numbers would be other masks), where attention does not go through PyTorch's kernel, or
    where someone has given the block, or a part that would be passed over, a `forward` of its own. Nor does it with
    transformers 4, whose blocks are laid out otherwise.

    Args:
        model: transformers classifier.
    """
    block = _last_block(model)
    if block is None or _drops_out(block):
        yield
        return
    # An attribute of the instance, for this pass only: copies and exports of the model never see it.
    block.forward = partial(_forward_at_first, block)
    try:
        yield
    finally:
        del block.forward


def _last_block(model: nn.Module) -> Any | None:
    kind = type(model)
    if kind.__name__ not in ENCODERS or not kind.__module__.startswith("transformers."):
        return None
    config: Any = model.config
    if config._attn_implementation != "sdpa" or config.is_decoder or config.add_cross_attention:
        return None
    encoder: Any = getattr(model, ENCODERS[kind.__name__])
    block = encoder.encoder.layer[-1]
    if not hasattr(block.attention.self, "scaling"):
        return None
    has_own_forward = any("forward" in vars(part) for part in (block, block.attention, block.attention.self))
    return None if has_own_forward else block


def _drops_out(block: nn.Module) -> bool:
    return any(module.training and module.p > 0 for module in block.modules() if isinstance(module, nn.Dropout))


def _forward_at_first(
    block: Any, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """The block's output at the first position, shape (b, 1, h).

    Args:
        block: of BERT's layout.
        hidden_states: shape (b, w, h).
        attention_mask: which keys a query sees, shape (b, 1, w, w) or (b, 1, 1, w), or None for all.
        _, __: what an encoder without a cache does not use.
    """
    attention = block.attention.self
    first = hidden_states[:, :1]

    def heads(states: Tensor) -> Tensor:
        split: Tensor = states.unflatten(-1, (-1, attention.attention_head_size))
        return split.transpose(1, 2)

    context = scaled_dot_product_attention(
        heads(attention.query(first)),
        heads(attention.key(hidden_states)),
        heads(attention.value(hidden_states)),
        attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
        scale=attention.scaling,
    )
    attended = block.attention.output(context.transpose(1, 2).flatten(2), first)
    output: Tensor = block.feed_forward_chunk(attended)
    return output
