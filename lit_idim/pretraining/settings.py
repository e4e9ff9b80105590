"""Everything that decides what weights a pretraining ends with."""

from dataclasses import dataclass, field
from typing import Literal

from lit_idim.errors import UserError

BPE_TOKENIZER = "bpe"
ROBERTA_VOCAB_SIZE = 50265
WeightsDtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class EncoderShape:
    """Size of a RoBERTa encoder; the defaults are RoBERTa-base (Liu et al. 2019, table 9).

    Attributes:
        hidden_size: width.
        num_layers: blocks.
        num_heads: attention heads of a block; they divide the width.
        intermediate_size: width of the feed-forward layers; four times `hidden_size` if null.
        dropout: of hidden states and attention weights.
    """

    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    intermediate_size: int | None = None
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "num_heads"):
            if getattr(self, name) < 1:
                raise UserError(f"encoder.{name}: expected a positive number, got {getattr(self, name)}")
        if self.hidden_size % self.num_heads:
            raise UserError(
                f"encoder.num_heads: expected a divisor of hidden_size = {self.hidden_size}, got {self.num_heads}"
            )
        if not 0 <= self.dropout < 1:
            raise UserError(f"encoder.dropout: expected a number in [0, 1), got {self.dropout}")


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings:
    """A masked-language-model pretraining of RoBERTa; the defaults are those of RoBERTa-base (Liu et al. 2019).

    Attributes:
        name: name of the series of checkpoints.
        title: what it is, in a line.
        corpus: sources of text: files (plain, .xz, .gz, .zst), folders, hub:NAME, toy:N.
        license: licence of the weights.
        notes: where the text is from and under which licence, for the model card.
        tokenizer: "bpe" to train one on the corpus, "toy" for the toy language's, or a folder or name on the hub.
        vocab_size: tokens of the tokenizer to train, 50265 if null; others have their size.
        sequence_length: tokens of a sequence.
        encoder: size of the model.
        num_steps: updates.
        batch_size: sequences of an update, over all devices.
        learning_rate: peak of AdamW's.
        warmup_steps: updates of linear warm-up; linear decay to 0 follows.
        weight_decay: of matrices and tables.
        num_held_out_sequences: never trained on; each checkpoint is scored on them.
        checkpoints_log_spaced: number of checkpoints spaced by powers of two back from the last.
        checkpoint_every: updates between evenly spaced checkpoints.
        checkpoint_steps: further steps to keep.
        keep_untrained_weights: whether step 0 holds its weights; false for the seed from which they are drawn again.
        weights_dtype: of the checkpoints' files; the training itself is in float32, or mixed on a GPU.
        seed: of initial weights, order, masking and dropout.
    """

    name: str
    title: str
    corpus: list[str]
    license: str = "unknown"
    notes: str = ""
    tokenizer: str = BPE_TOKENIZER
    vocab_size: int | None = None
    sequence_length: int = 512
    encoder: EncoderShape = field(default_factory=EncoderShape)
    num_steps: int = 500_000
    batch_size: int = 8192
    learning_rate: float = 6e-4
    warmup_steps: int = 24_000
    weight_decay: float = 0.01
    num_held_out_sequences: int = 1024
    checkpoints_log_spaced: int | None = None
    checkpoint_every: int | None = None
    checkpoint_steps: list[int] = field(default_factory=list)
    keep_untrained_weights: bool = True
    weights_dtype: WeightsDtype = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or self.name.startswith("."):
            raise UserError(f"name: expected a word without slashes, got {self.name!r}")
        for name in ("num_steps", "batch_size", "num_held_out_sequences"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: expected a positive number, got {getattr(self, name)}")
        if self.vocab_size is not None and self.tokenizer != BPE_TOKENIZER:
            raise UserError(
                f"vocab_size: {self.vocab_size} has no effect on the tokenizer {self.tokenizer!r}, which has its size; "
                "leave it out, or pass --tokenizer bpe to train one"
            )
        if not 0 <= self.warmup_steps < self.num_steps:
            raise UserError(
                f"warmup_steps: expected less than num_steps = {self.num_steps}, got {self.warmup_steps}; lower it"
            )
        if self.learning_rate <= 0:
            raise UserError(f"learning_rate: expected a positive number, got {self.learning_rate}")
