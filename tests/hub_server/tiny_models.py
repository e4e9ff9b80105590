"""Tiny models and tokenizers with the files, names and formats of the released ones, and random weights."""

import functools
import io
import json

import tokenizers
import torch
import transformers

from .examples import TASKS

LAYERS, WIDTH, HEADS = 2, 16, 2
Files = dict[str, bytes]


@functools.cache
def roberta_files() -> Files:
    """The repository `roberta-base` without weights: config and a byte-level BPE tokenizer."""
    trained = _trained_bytes()
    saved = json.loads(trained.to_str())
    begin, end = (trained.token_to_id(token) for token in ("<s>", "</s>"))
    saved["post_processor"] = {
        "type": "RobertaProcessing",
        "sep": ["</s>", end],
        "cls": ["<s>", begin],
        "trim_offsets": True,
        "add_prefix_space": False,
    }
    return {
        "config.json": _config_bytes(roberta_config()),
        "tokenizer.json": json.dumps(saved).encode(),
        "tokenizer_config.json": json.dumps({"model_max_length": 512}).encode(),
        "vocab.json": json.dumps(saved["model"]["vocab"]).encode(),
        "merges.txt": "\n".join(
            [
                "#version: 0.2",
                *(" ".join(pair) for pair in saved["model"]["merges"]),
            ]
        ).encode(),
    }


@functools.cache
def _trained_bytes() -> tokenizers.ByteLevelBPETokenizer:
    trained = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(_all_texts(), vocab_size=600, special_tokens=special, show_progress=False)
    return trained


def roberta_config() -> transformers.RobertaConfig:
    """Config of the tar checkpoints, with the vocabulary of the tokenizer."""
    return transformers.RobertaConfig(
        architectures=["RobertaForMaskedLM"],
        vocab_size=_trained_bytes().get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=514,
        type_vocab_size=1,
    )


@functools.cache
def probe_across_time_files(step: int) -> Files:
    """What one archive holds: the checkpoint in HF format, and the trainer's leftovers, which nobody may load."""
    config = roberta_config()
    return {
        "config.json": _config_bytes(config),
        "pytorch_model.bin": _weights_bytes(transformers.RobertaForMaskedLM, config, seed=step),
        "training_args.bin": b"a pickle that is never loaded",
    }


@functools.cache
def multiberts_files(seed: int, step: int) -> Files:
    """A repository of MultiBERTs: weights as pytorch_model.bin only, and a wordpiece tokenizer."""
    vocabulary = _wordpieces()
    config = transformers.BertConfig(
        architectures=["BertForPreTraining"],
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
    )
    numbered = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = tokenizers.BertWordPieceTokenizer(numbered, lowercase=True)
    return {
        ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "README.md": b"---\nlanguage: en\n---\nTiny random weights for a test.\n",
        "config.json": _config_bytes(config),
        "pytorch_model.bin": _weights_bytes(transformers.BertForPreTraining, config, seed=1_000_000_000 * seed + step),
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": json.dumps(
            {"do_lower_case": True, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
        ).encode(),
        "vocab.txt": "\n".join(vocabulary).encode(),
    }


def _config_bytes(config: transformers.PretrainedConfig) -> bytes:
    # As written by transformers 3 and 4: keys with their defaults left out, and the architecture named.
    return json.dumps(config.to_diff_dict() | {"model_type": config.model_type}, sort_keys=True).encode()


def _weights_bytes(architecture: type, config: transformers.PretrainedConfig, *, seed: int) -> bytes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = architecture(config).state_dict()
    prefix = architecture.base_model_prefix
    # A buffer that models of that time saved, and today's do not know.
    positions = torch.arange(config.max_position_embeddings).unsqueeze(0)
    file = io.BytesIO()
    torch.save(weights | {f"{prefix}.embeddings.position_ids": positions}, file)
    return file.getvalue()


def _all_texts() -> list[str]:
    return [text for task in TASKS.values() for split in task.splits.values() for row in split for text in row.texts]


def _wordpieces() -> list[str]:
    words = sorted({word.strip(".,?").lower() for text in _all_texts() for word in text.split()})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return [
        *special,
        ".",
        ",",
        "?",
        *letters,
        *(f"##{letter}" for letter in letters),
        *(w for w in words if len(w) > 1),
    ]
