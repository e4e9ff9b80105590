"""Training steps without anything around them: forward, backward, update."""

from typing import Any

import torch
from torch import Tensor
from transformers import RobertaConfig, RobertaForSequenceClassification

from lit_idim.errors import UserError
from lit_idim.subspace import Subspace
from lit_idim.training.optimization import full_optimizer, subspace_optimizer

SHAPES: dict[str, dict[str, Any]] = {
    "roberta-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
    "roberta-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256},
}
VOCABULARY = {"roberta-large": 50265, "roberta-base": 50265, "small": 50265, "tiny": 1000}


def classifier_for_cost(shape: str, *, device: str = "cpu") -> Any:
    """A RoBERTa classifier of a published shape with random weights: cost does not depend on their values.

    Args:
        shape: "roberta-large", "roberta-base", "small" (16M parameters, as most of its vocabulary) or "tiny".
        device: where it stands.

    Raises:
        UserError: if there is no such shape.
    """
    if shape not in SHAPES:
        raise UserError(f"shape must be one of {', '.join(SHAPES)}; got {shape!r}")
    config = RobertaConfig(
        vocab_size=VOCABULARY[shape], max_position_embeddings=514, type_vocab_size=1, **SHAPES[shape]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = RobertaForSequenceClassification(config)
    return model.to(device).train()


def random_batch(vocabulary: int, *, batch_size: int, length: int, device: str = "cpu") -> dict[str, Tensor]:
    """Token ids and labels of two classes, without padding."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, vocabulary, (batch_size, length), generator=generator)
    labels = torch.randint(0, 2, (batch_size,), generator=generator)
    return {"input_ids": ids.to(device), "labels": labels.to(device)}


class FullStep:
    """One update of all D parameters with AdamW.

    Args:
        model: a classifier. batch: `input_ids` and `labels`. autocast: whether the model computes in bfloat16.
    """

    def __init__(self, model: Any, batch: dict[str, Tensor], *, autocast: bool = False) -> None:
        self.model, self.batch, self.autocast = model, batch, autocast
        self.optimizer = full_optimizer(model, name="adam", learning_rate=1e-6, weight_decay=0.1)

    def forward_backward(self) -> None:
        """The model's own forward and backward pass."""
        with torch.autocast(self.batch["input_ids"].device.type, torch.bfloat16, enabled=self.autocast):
            loss = self.model(**self.batch).loss
        loss.backward()

    def __call__(self) -> None:
        self.forward_backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


class SubspaceStep(FullStep):
    """One update of d numbers with Adam.

    Args:
        subspace: what is trained. batch, autocast: as `FullStep`.
    """

    def __init__(self, subspace: Subspace, batch: dict[str, Tensor], *, autocast: bool = False) -> None:
        self.model, self.batch, self.autocast = subspace, batch, autocast
        self.optimizer = subspace_optimizer(subspace, name="adam", learning_rate=1e-3, lambda_learning_rate=1e-3)


def step_for_cost(
    method: str, shape: str, batch: dict[str, Tensor], *, d: int, device: str = "cpu", dtype: str = "float32"
) -> FullStep:
    """A training step of a model of that shape.

    With dtype "bfloat16" both compute in bfloat16 (autocast); full fine-tuning keeps float32 parameters, as AdamW needs
    them, while a subspace, whose theta_0 never changes, holds theta_0 and theta in bfloat16.

    Args:
        method: "full", "did" or "said".
        shape: see `classifier_for_cost`.
        batch: `input_ids` and `labels`.
        d: trained numbers of a subspace.
        device: where the model stands.
        dtype: "float32" or "bfloat16".
    """
    model, autocast = classifier_for_cost(shape, device=device), dtype == "bfloat16"
    if method == "full":
        return FullStep(model, batch, autocast=autocast)
    subspace = Subspace(model.to(getattr(torch, dtype)), d=d, method=method).train()  # type: ignore[arg-type]
    return SubspaceStep(subspace, batch, autocast=autocast)
