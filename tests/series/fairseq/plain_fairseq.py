"""fairseq's RoBERTa computed from its state dict in plain PyTorch, and files of a run as fairseq writes them.

Nothing here is shared with the package: it is what the package is compared with.
"""

import argparse
import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import regex
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor

Generation = Literal[2019, 2020, 2021]
TEXT = [
    "The cat sat on the mat, and it's the cat's mat; they'll say we're all cats.",
    "In 1921 the price rose by 12.5%  to $3,400 (or about 2,900 euros)...",
    "Ein Größenvergleich über Straßen, naïve café façades; 日本語のテキスト и русский текст 🙂🚀",
    "def f(x):\n    return x ** 2\t# tabs and\r\n newlines",
]


def draw_state(
    *, layers: int, hidden: int, ffn: int, vocab: int, max_positions: int, generation: Generation, seed: int = 0
) -> dict[str, Tensor]:
    """Random weights, far from their initial values, under the names of a generation of fairseq."""
    generator = torch.Generator().manual_seed(seed)
    side = "encoder" if generation > 2019 else "decoder"
    state: dict[str, Tensor] = {}

    def linear(name: str, outputs: int, inputs: int) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs, generator=generator) / math.sqrt(inputs)
        state[f"{name}.bias"] = torch.randn(outputs, generator=generator) * 0.1

    def norm(name: str) -> None:
        state[f"{name}.weight"] = 1 + 0.2 * torch.randn(hidden, generator=generator)
        state[f"{name}.bias"] = 0.2 * torch.randn(hidden, generator=generator)

    encoder = f"{side}.sentence_encoder"
    if generation == 2021:
        state[f"{encoder}.version"] = torch.tensor([3.0])
    for table, rows in (("embed_tokens", vocab), ("embed_positions", max_positions + 2)):
        state[f"{encoder}.{table}.weight"] = torch.randn(rows, hidden, generator=generator) / math.sqrt(hidden)
    norm(f"{encoder}.{'layernorm_embedding' if generation == 2021 else 'emb_layer_norm'}")
    for number in range(layers):
        layer = f"{encoder}.layers.{number}"
        if generation == 2019:
            linear("fused", 3 * hidden, hidden)
            state[f"{layer}.self_attn.in_proj_weight"] = state.pop("fused.weight")
            state[f"{layer}.self_attn.in_proj_bias"] = state.pop("fused.bias")
        else:
            for letter in "kvq":
                linear(f"{layer}.self_attn.{letter}_proj", hidden, hidden)
        linear(f"{layer}.self_attn.out_proj", hidden, hidden)
        norm(f"{layer}.self_attn_layer_norm")
        linear(f"{layer}.fc1", ffn, hidden)
        linear(f"{layer}.fc2", hidden, ffn)
        norm(f"{layer}.final_layer_norm")
    linear(f"{side}.lm_head.dense", hidden, hidden)
    norm(f"{side}.lm_head.layer_norm")
    state[f"{side}.lm_head.weight"] = state[f"{encoder}.embed_tokens.weight"]
    state[f"{side}.lm_head.bias"] = 0.1 * torch.randn(vocab, generator=generator)
    return state


def compute_logits(state: dict[str, Tensor], tokens: Tensor, *, heads: int) -> Tensor:
    """What fairseq's RobertaModel returns in evaluation: batch x length x vocabulary."""
    side = next(iter(state)).partition(".")[0]
    encoder = f"{side}.sentence_encoder"

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-5)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    is_padding = tokens == 1
    # The first real token of a row is at position 2, padding at position 1.
    positions = torch.cumsum(~is_padding, dim=1) * ~is_padding + 1
    x = state[f"{encoder}.embed_tokens.weight"][tokens] + state[f"{encoder}.embed_positions.weight"][positions]
    before = "layernorm_embedding" if f"{encoder}.layernorm_embedding.weight" in state else "emb_layer_norm"
    x = norm(x, f"{encoder}.{before}") * ~is_padding[..., None]
    number = 0
    while f"{encoder}.layers.{number}.fc1.weight" in state:
        layer = f"{encoder}.layers.{number}"
        attention = f"{layer}.self_attn"
        if f"{attention}.in_proj_weight" in state:
            fused = F.linear(x, state[f"{attention}.in_proj_weight"], state[f"{attention}.in_proj_bias"])
            q, k, v = fused.chunk(3, dim=-1)
        else:
            q, k, v = (linear(x, f"{attention}.{letter}_proj") for letter in "qkv")
        batch, length, hidden = x.shape
        q, k, v = (part.view(batch, length, heads, hidden // heads).transpose(1, 2) for part in (q, k, v))
        scores = (q * (hidden // heads) ** -0.5) @ k.transpose(2, 3)
        weights = scores.masked_fill(is_padding[:, None, None], -torch.inf).softmax(dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, length, hidden)
        x = norm(x + linear(mixed, f"{attention}.out_proj"), f"{layer}.self_attn_layer_norm")
        x = norm(x + linear(F.gelu(linear(x, f"{layer}.fc1")), f"{layer}.fc2"), f"{layer}.final_layer_norm")
        number += 1
    x = norm(F.gelu(linear(x, f"{side}.lm_head.dense")), f"{side}.lm_head.layer_norm")
    return F.linear(x, state[f"{side}.lm_head.weight"]) + state[f"{side}.lm_head.bias"]


def options_of(*, layers: int, hidden: int, ffn: int, heads: int, max_positions: int, **changes: Any) -> dict[str, Any]:
    """Options of a run, as fairseq's parser fills them in."""
    return {
        "arch": "roberta_base",
        "encoder_layers": layers,
        "encoder_embed_dim": hidden,
        "encoder_ffn_embed_dim": ffn,
        "encoder_attention_heads": heads,
        "max_positions": max_positions,
        "activation_fn": "gelu",
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "untie_weights_roberta": False,
        **changes,
    }


def write_checkpoint(
    path: Path, state: dict[str, Tensor], options: dict[str, Any], *, num_updates: int, generation: Generation = 2021
) -> None:
    """Writes a checkpoint as fairseq's trainer does: with `args`, or from 2021 on with `cfg`."""
    arguments = argparse.Namespace(**options)
    cfg = {"_name": None, "common": {"fp16": True}, "task": {"_name": "masked_lm"}, "model": arguments}
    is_old = generation < 2021
    contents = {
        "args": arguments if is_old else None,
        "cfg": None if is_old else cfg,
        "model": state,
        "optimizer_history": [{"criterion_name": "MaskedLmLoss", "num_updates": num_updates}],
        "extra_state": {"train_iterator": {"epoch": 1}, "val_loss": 4.0},
        "last_optimizer_state": {"state": {0: {"step": num_updates, "exp_avg": torch.zeros(3)}}},
    }
    torch.save(contents, path, _use_new_zipfile_serialization=generation > 2019)


class PlainBPE:
    """GPT-2's encoder, as fairseq has it: text to numbers."""

    def __init__(self, numbers: dict[str, int], merges: list[tuple[str, str]]) -> None:
        self.numbers = numbers
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        self.characters = {byte: chr(byte) for byte in printable}
        self.characters |= {byte: chr(256 + position) for position, byte in enumerate(others)}
        self.words = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

    def encode(self, text: str) -> list[int]:
        return [self.numbers[token] for word in self.words.findall(text) for token in self._cut(word)]

    def _cut(self, word: str) -> list[str]:
        parts = [self.characters[byte] for byte in word.encode()]
        while len(parts) > 1:
            best = min(itertools.pairwise(parts), key=lambda pair: self.ranks.get(pair, math.inf))
            if best not in self.ranks:
                break
            merged, position = [], 0
            while position < len(parts):
                is_pair = tuple(parts[position : position + 2]) == best
                merged.append("".join(best) if is_pair else parts[position])
                position += 2 if is_pair else 1
            parts = merged
        return parts


def write_bpe(folder: Path, *, num_merges: int = 60) -> PlainBPE:
    """Trains a small BPE and writes it as GPT-2's: `encoder.json`, `vocab.bpe`."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=256 + num_merges, initial_alphabet=ByteLevel.alphabet(), show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    numbers = model["vocab"] | {"<|endoftext|>": len(model["vocab"])}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.json").write_text(json.dumps(numbers))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "vocab.bpe").write_text("\n".join(lines), encoding="utf-8")
    return PlainBPE(numbers, merges)


def write_dictionary(path: Path, bpe: PlainBPE, *, left_out: tuple[int, ...] = ()) -> list[str]:
    """Writes a `dict.txt` of all tokens by their frequency, filled up to a multiple of 8 rows; returns all tokens."""
    counts = Counter({number: 0 for number in bpe.numbers.values() if number not in left_out})
    counts.update(number for text in TEXT for number in bpe.encode(text) if number not in left_out)
    words = [(str(number), count) for number, count in counts.most_common()]
    while (len(words) + 4) % 8:
        words.append((f"madeupword{len(words):04d}", 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word} {count}\n" for word, count in words), encoding="utf-8")
    return ["<s>", "<pad>", "</s>", "<unk>", *(word for word, _ in words), "<mask>"]


def rows_of(text: str, bpe: PlainBPE, tokens: list[str]) -> list[int]:
    """The rows that fairseq looks up for a text: BPE, numbers in digits with spaces between, dictionary."""
    line = " ".join(map(str, bpe.encode(text)))
    rows = {token: row for row, token in enumerate(tokens)}
    return [0, *(rows.get(word, 3) for word in line.split()), 2]
