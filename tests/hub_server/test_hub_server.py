"""What lit_idim asks of the hub and of the archives is answered, in processes that take the server for the hub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .examples import REPOSITORIES
from .server import HubServer

SIX_TASKS = ("mrpc", "qqp", "yelp_polarity", "sst2", "mnli", "anli")

FETCH_MODELS = """
import json
from lit_idim.data.tokenizer import load_tokenizer
from lit_idim.series import load_series
from lit_idim.subspace import find_layout
from lit_idim.subspace.loading import load_classifier

told = {}
for name, step in ((SERIES, 20000), (SERIES, 40000), ("multiberts-seed-0", 20000), ("multiberts-seed-0", 40000)):
    location = load_series(name).fetch(step)
    model = load_classifier(location.model, num_labels=2)
    tokenizer = load_tokenizer(location.tokenizer or location.model)
    ids = tokenizer("The kettle was lovely.", "It was stale.")["input_ids"]
    strange = tokenizer("A queer zebra, near the harbour?")["input_ids"]
    told[f"{load_series(name).name} {step}"] = {
        "model": type(model).__name__,
        "D": find_layout(model).D,
        "origin": location.origin,
        "num_tokens": len(tokenizer),
        "vocab_size": model.config.vocab_size,
        "pad": [tokenizer.pad_token_id, model.config.pad_token_id],
        "text": tokenizer.decode(ids),
        "knows_every_word": tokenizer.unk_token_id not in strange,
        "weight": next(model.base_model.encoder.parameters()).sum().item(),
    }
print(json.dumps(told))
"""

FETCH_TASKS = """
import json
from lit_idim.data.datamodule import GLUEDataModule

told = {}
for task in TASKS:
    data = GLUEDataModule(task=task, tokenizer=TOKENIZER, max_length=64, max_train_examples=LIMIT)
    data.setup()
    labels = {label for batch in data.val_dataloader() for label in batch["labels"].tolist()}
    told[task] = [data.num_train_examples, data.num_dev_examples, sorted(labels)]
print(json.dumps(told))
"""


def run(hub: HubServer, folder: Path, program: str, **names: object) -> dict[str, object]:
    program = "\n".join([*(f"{name} = {value!r}" for name, value in names.items()), program])
    ended = subprocess.run(
        [sys.executable, "-c", program], env=hub.environment(folder), cwd=folder, capture_output=True, text=True
    )
    assert ended.returncode == 0, f"{ended.stderr}\n{hub.requests[-10:]}"
    told = json.loads(ended.stdout.splitlines()[-1])
    assert isinstance(told, dict)
    return told


def test_checkpoints_and_tokenizers_are_fetched(hub: HubServer, tmp_path: Path) -> None:
    told = run(hub, tmp_path, FETCH_MODELS, SERIES=str(hub.write_mirror(tmp_path)))
    assert list(told) == [f"{name} {step}" for name in ("mirror", "multiberts-seed-0") for step in (20000, 40000)]
    roberta, _, bert, _ = told.values()
    assert roberta["model"] == "RobertaForSequenceClassification" and bert["model"] == "BertForSequenceClassification"
    assert roberta["origin"].startswith(f"{hub.url}/probe-across-time/ALL/")
    assert bert["origin"] == "google/multiberts-seed_0-step_20k"
    for found in told.values():
        assert found["num_tokens"] == found["vocab_size"] and len(set(found["pad"])) == 1
        assert found["knows_every_word"]
    assert roberta["text"] == "<s>The kettle was lovely.</s></s>It was stale.</s>"
    assert bert["text"] == "[CLS] the kettle was lovely. [SEP] it was stale. [SEP]"
    assert len({found["weight"] for found in told.values()}) == 4
    # 2 layers of width 16, counted by hand: embeddings with their norm, 2 blocks, head.
    block = 4 * (16 * 16 + 16) + (16 * 64 + 64) + (64 * 16 + 16) + 4 * 16
    head = (16 * 16 + 16) + (16 * 2 + 2)
    assert roberta["D"] == (roberta["vocab_size"] + 514 + 1 + 2) * 16 + 2 * block + head
    assert bert["D"] == (bert["vocab_size"] + 512 + 2 + 2) * 16 + 2 * block + head


@pytest.mark.slow
def test_the_six_tasks_are_loaded(hub: HubServer, tmp_path: Path) -> None:
    names = {"TASKS": SIX_TASKS, "TOKENIZER": "roberta-base"}
    told = run(hub, tmp_path, FETCH_TASKS, LIMIT=None, **names)
    assert told == {
        "mrpc": [200, 80, [0, 1]],
        "qqp": [200, 80, [0, 1]],
        "yelp_polarity": [200, 20, [0, 1]],
        "sst2": [200, 80, [0, 1]],
        "mnli": [200, 80, [0, 1, 2]],
        "anli": [600, 240, [0, 1, 2]],
    }
    # What the library asks of other machines comes here by proxy and is refused; nothing depends on it.
    assert {path for method, path in hub.requests if "://" in path} <= {
        f"http://datasets-server.127.0.0.1:{hub.server_port}/info?dataset={name}" for name in REPOSITORIES
    }
    assert [path for method, path in hub.requests if method == "GET" and path.endswith(".parquet")]
    # The second time examples come from the cache: only names and versions are asked for.
    del hub.requests[:]
    assert run(hub, tmp_path, FETCH_TASKS, LIMIT=50, **(names | {"TASKS": ("qqp",)})) == {"qqp": [50, 80, [0, 1]]}
    assert not [path for method, path in hub.requests if method == "GET" and path.endswith(".parquet")]


def test_what_is_not_there_is_refused_as_the_hub_does(hub: HubServer, tmp_path: Path) -> None:
    told = run(
        hub,
        tmp_path,
        "import json; from lit_idim.errors import UserError; from lit_idim.series import HubRepositorySource\n"
        "from lit_idim.series import HubRevisionSource\n"
        "told = {}\n"
        "for source in (HubRepositorySource(series='s', repository='nobody/nothing-{step}'),\n"
        "    HubRevisionSource(series='s', repository='google/multiberts-seed_0-step_20k', revision='step{step}')):\n"
        "    try:\n"
        "        source.fetch(1)\n"
        "    except UserError as error:\n"
        "        told[source.kind] = str(error)\n"
        "print(json.dumps(told))",
    )
    assert "no such repository" in told["hub_repository"] and "no such revision" in told["hub_revision"]
