"""A study of tiny encoders that ends within seconds, and its command.

Untrained encoders learn nothing of the toy tasks within a few updates, so that the sentences are made up, too: of
words of which some tell the label.
"""

import csv
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import RobertaConfig, RobertaModel

from lit_idim.resources import resource_path
from lit_idim.toy import build_toy_tokenizer
from tests.forked import run_forked

STEPS = (0, 100)
STUDY = str(resource_path("studies") / "pretrain_curve.py")


def write_series(folder: Path) -> str:
    """Writes untrained encoders of 1 layer x 16 as the checkpoints of a series; returns the folder."""
    tokenizer = build_toy_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=34, type_vocab_size=1, initializer_range=0.2,
    )  # fmt: skip
    for step in STEPS:
        with torch.random.fork_rng():
            torch.manual_seed(step)
            RobertaModel(config, add_pooling_layer=False).save_pretrained(folder / f"step-{step}")
        tokenizer.save_pretrained(folder / f"step-{step}")
    return str(folder)


def write_data(folder: Path) -> str:
    """Writes sentences in the files of SST-2; returns the folder."""
    words = sorted(word for word in build_toy_tokenizer().get_vocab() if word.isalpha())[:20]
    drawn = random.Random(0)
    (folder / "SST-2").mkdir(parents=True, exist_ok=True)
    for split, number in (("train", 256), ("dev", 100)):
        lines = ["sentence\tlabel"]
        for position in range(number):
            label = position % 2
            telling = words[10 * label : 10 * label + 4] if drawn.random() < 0.95 else words
            lines.append(" ".join([*drawn.choices(words, k=3), *drawn.choices(telling, k=4)]) + f"\t{label}")
        (folder / "SST-2" / f"{split}.tsv").write_text("\n".join([*lines, ""]))
    return str(folder)


def write_config(folder: Path, **changes: Any) -> Path:
    """Writes the config of a study of two cells; returns its path."""
    study: dict[str, Any] = {
        "series": [write_series(folder / "tiny")],
        "tasks": ["sst2"],
        "data_dir": write_data(folder / "data"),
        "methods": ["said"],
        "head_baseline": True,
        "training": {"num_updates": 24, "batch_size": 16, "max_length": 16} | {"max_train_examples": 128},
        "search": {"d_min": 10, "d_max": 4000, "full_learning_rates": [0.003, 0.01, 0.03]}
        | {"tolerance": 0.5, "max_trainings": 12, "full_replicates": 2},
        "threads": 1,
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(study | changes))
    return path


def command(*words: object) -> list[str]:
    return [sys.executable, STUDY, *map(str, words)]


def run(*words: object, cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the main job in a process of its own."""
    return run_forked(STUDY, *words, environment=environment or environment_of_tests(), cwd=cwd)


def environment_of_tests() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a table without the seconds."""
    with path.open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
