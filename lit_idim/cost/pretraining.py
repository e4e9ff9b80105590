"""A pretraining update without anything around it, and the matrix products that bound its speed."""

from collections.abc import Callable, Iterator
from itertools import cycle

import torch

from lit_idim.pretraining.batches import MaskedBatch
from lit_idim.pretraining.model import build_model, count_encoder_parameters, score_masked
from lit_idim.pretraining.settings import PretrainingSettings
from lit_idim.toy import build_toy_tokenizer
from lit_idim.training.optimization import full_optimizer


class PretrainingStep:
    """One update of a RoBERTa by masked language modelling, in mixed bfloat16 on a GPU.

    Args:
        settings: of the run.
        device: where it stands.
        compile_encoder: fuse the encoder's operations with torch.compile.
    """

    def __init__(self, settings: PretrainingSettings, *, device: str, compile_encoder: bool = False) -> None:
        self.device = torch.device(device)
        self.model = build_model(settings, build_toy_tokenizer()).to(self.device)
        self.encode = torch.compile(self.model.roberta) if compile_encoder else self.model.roberta
        self.optimizer = full_optimizer(self.model, name="adam", learning_rate=1e-5, weight_decay=0.01)

    def __call__(self, batch: MaskedBatch) -> None:
        """Forward, backward and update on one batch."""
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            score = score_masked(self.encode, self.model.lm_head, batch)
        (score.loss / score.count).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def count_operations(self, batch: MaskedBatch) -> int:
        """6 x parameters x positions: the blocks at every position, padding included, the head at the masked ones.

        The usual count (Kaplan et al. 2020), without embeddings and without the products of attention scores.
        """
        config = self.model.config
        head: int = config.hidden_size**2 + config.hidden_size * config.vocab_size
        return 6 * (count_encoder_parameters(self.model) * batch.input_ids.numel() + head * len(batch.targets))


def matrix_product(device: str) -> tuple[Callable[[], object], int]:
    """A large square product, float32 on CPU and bfloat16 on a GPU, and its number of operations."""
    n, dtype = (8192, torch.bfloat16) if device == "cuda" else (1024, torch.float32)
    left, right = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    result = torch.empty(n, n, device=device, dtype=dtype)
    return lambda: torch.matmul(left, right, out=result), 2 * n**3


def steps_on(step: PretrainingStep, batches: Iterator[MaskedBatch], count: int) -> Callable[[], None]:
    """`count` updates on the next batches."""

    def run() -> None:
        for _ in range(count):
            step(next(batches))

    return run


def cached(batches: list[MaskedBatch], device: str) -> Iterator[MaskedBatch]:
    """The batches again and again, on the device already."""
    return cycle([batch.to(torch.device(device)) for batch in batches])
