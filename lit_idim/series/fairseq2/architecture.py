"""The size of a RoBERTa as fairseq2 notes it, and what it means in transformers."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_idim.errors import UserError
from lit_idim.yaml_text import parse_yaml

FAMILY = "roberta"
METADATA_FILE = "model.yaml"
LAYER_NORM_EPSILON = 1e-5
# Beyond any RoBERTa; a damaged size would otherwise become a table of names without end.
_MOST_LAYERS = 1024
_LARGEST_SIZE = 2**24


@dataclass(frozen=True, kw_only=True)
class RobertaArchitecture:
    """Configuration of the `roberta` model family; the defaults are RoBERTa-base (Liu et al. 2019, table 9).

    Attributes:
        model_dim: width.
        max_seq_len: longest sequence in tokens.
        vocab_size: tokens of the vocabulary.
        bos_idx: id of <s>.
        pad_idx: id of <pad>; positions are counted from the next number on.
        eos_idx: id of </s>.
        num_layers: blocks.
        num_attn_heads: attention heads of a block.
        ffn_inner_dim: width of the feed-forward layers.
        dropout_p: dropout of hidden states and attention weights.
    """

    model_dim: int = 768
    max_seq_len: int = 512
    vocab_size: int = 50265
    bos_idx: int = 0
    pad_idx: int = 1
    eos_idx: int = 2
    num_layers: int = 12
    num_attn_heads: int = 12
    ffn_inner_dim: int = 3072
    dropout_p: float = 0.1

    @property
    def num_positions(self) -> int:
        """Rows of the table of positions: those up to `pad_idx` stand for no place in a sequence."""
        return self.max_seq_len + self.pad_idx + 1

    def to_hugging_face(self) -> dict[str, Any]:
        """The same as attributes of `transformers.RobertaConfig`."""
        return {
            "vocab_size": self.vocab_size,
            "hidden_size": self.model_dim,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_attn_heads,
            "intermediate_size": self.ffn_inner_dim,
            "hidden_act": "gelu",
            "hidden_dropout_prob": self.dropout_p,
            "attention_probs_dropout_prob": self.dropout_p,
            "max_position_embeddings": self.num_positions,
            "type_vocab_size": 1,
            "layer_norm_eps": LAYER_NORM_EPSILON,
            "bos_token_id": self.bos_idx,
            "pad_token_id": self.pad_idx,
            "eos_token_id": self.eos_idx,
            "tie_word_embeddings": True,
        }


def read_architecture(path: Path) -> RobertaArchitecture:
    """The architecture in the `model.yaml` that fairseq2 writes beside its checkpoints.

    Args:
        path: of the file.

    Raises:
        UserError: if the file is missing or damaged, names another model family, or a size that is none.
    """
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing: fairseq2 writes it into the folder checkpoints of a run; pass the folder of the run"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    family = document.get("model_family") if isinstance(document, dict) else None
    if family != FAMILY:
        raise UserError(
            f"{path}: model_family: expected {FAMILY}, got {family!r}; only runs of the family {FAMILY} of lit_idim's "
            "fairseq2 extension are read"
        )
    return _architecture(document.get("model_config"), path)


def _architecture(config: Any, path: Path) -> RobertaArchitecture:
    fields = {field.name: field for field in dataclasses.fields(RobertaArchitecture)}
    if not isinstance(config, dict) or set(config) != set(fields):
        raise UserError(f"{path}: model_config: expected {', '.join(fields)}, got {config!r}")
    for name, value in config.items():
        _check_value(name, value, config["vocab_size"], path)
    if config["model_dim"] % config["num_attn_heads"]:
        raise UserError(
            f"{path}: model_config.num_attn_heads: expected a divisor of model_dim = {config['model_dim']}, got "
            f"{config['num_attn_heads']}"
        )
    return RobertaArchitecture(**config)


def _check_value(name: str, value: Any, vocab_size: Any, path: Path) -> None:
    where = f"{path}: model_config.{name}"
    if name == "dropout_p":
        if type(value) not in (int, float) or not 0 <= value < 1:
            raise UserError(f"{where}: expected a probability below 1, got {value!r}")
        return
    is_row = name.endswith("_idx")
    most = _MOST_LAYERS if name == "num_layers" else _LARGEST_SIZE
    if is_row and type(vocab_size) is int:
        most = min(most, vocab_size - 1)
    least = 0 if is_row else 1
    if type(value) is not int or not least <= value <= most:
        raise UserError(f"{where}: expected a whole number from {least} to {most}, got {value!r}")
