"""Predictions of a trained model on texts that belong to no task."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from lit_idim.data.encoded_dataset import EncodedDataset
from lit_idim.data.encoding import encode_examples
from lit_idim.data.examples import Examples
from lit_idim.errors import UserError

BATCH_SIZE = 64


def predict_logits(
    network: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    first: Sequence[str],
    second: Sequence[str] | None = None,
    *,
    max_length: int,
) -> npt.NDArray[np.float32]:
    """Logits of texts, shape (n, num_labels), in the order given.

    Args:
        network: a `Subspace` or a transformers classifier.
        tokenizer: that it was trained with.
        first: n first (or only) texts.
        second: n second texts of pairs.
        max_length: most tokens of an example, special tokens included; longer ones are cut as in training.

    Raises:
        UserError: if there are no texts, or the model's logits are not finite.
    """
    if not first:
        raise UserError("text: expected one or more texts, got none")
    network.eval()
    model: Any = getattr(network, "model", network)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    texts = Examples(list(first), None if second is None else list(second), None, np.arange(len(first)))
    batches = EncodedDataset(texts, encode_examples(texts, tokenizer, max_length), tokenizer)
    device = next(network.parameters()).device
    logits = []
    with torch.inference_mode():
        for start in range(0, len(first), BATCH_SIZE):
            batch = batches[range(start, min(start + BATCH_SIZE, len(first)))]
            inputs = {name: values.to(device) for name, values in batch.items() if name != "index"}
            logits.append(network(**inputs).logits.float().cpu())
    found = torch.cat(logits)
    if not torch.isfinite(found).all():
        raise UserError("the model's logits are not finite: its training diverged, so there is nothing to predict")
    array: npt.NDArray[np.float32] = found.numpy()
    return array
