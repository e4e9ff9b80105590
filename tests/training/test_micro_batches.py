"""Memory that does not hold a whole batch: the same updates in parts, said so, on all devices alike."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.training import SubspaceClassifier
from lit_idim.training.segmented import SegmentedTraining
from tests.forked import run_forked_ranks

from .tiny_encoder import write_tiny_encoder

MEMORY = "memory ran out: micro-batches of 4 with accumulated gradients, 4 to a global batch of 16 as before"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder"), width=16, inner=16, dropout=0.0)


def forgetful(classifier: SubspaceClassifier, most: int, where: str) -> None:
    """Memory runs out with more examples than `most`, in the forward or in the backward pass."""

    def run_out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate a lot")

    def watch(_: Any, arguments: Any, output: Any) -> None:
        if len(output) > most and classifier.training:
            if where == "forward":
                run_out()
            output.register_hook(run_out)

    classifier.register_forward_hook(watch)


def train(
    encoder: str, method: str, *, most: int | None = None, where: str = "forward", precision: Any = "32-true"
) -> tuple[Any, torch.Tensor]:
    classifier = SubspaceClassifier(
        encoder,
        "toy-sst2",
        method=method,
        d=60 if method == "said" else None,
        learning_rate=0.01,  # type: ignore[arg-type]
    )
    if most is not None:
        forgetful(classifier, most, where)
    data = GLUEDataModule("toy-sst2", encoder, max_length=32, batch_size=16, max_train_examples=80, max_dev_examples=40)
    training = SegmentedTraining(classifier, data, num_updates=8, precision=precision)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training.advance(3)
        predictions = training.advance(8)
    numbers = torch.cat([one.detach().flatten() for one in classifier.parameters() if one.requires_grad])
    return training, (numbers, torch.from_numpy(predictions))  # type: ignore[return-value]


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("method", ["said", "full"])
def test_a_quarter_of_the_batch_gives_the_same_to_rounding(encoder: str, method: str, where: str) -> None:
    _, (whole, scores) = train(encoder, method)
    training, (parts, scores_of_parts) = train(encoder, method, most=4, where=where)
    assert training.classifier.micro_batches.num_parts == 4
    assert training.state()["num_parts"] == 4 and training.num_done == 8
    torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-4)
    assert torch.equal(scores_of_parts, scores)


@pytest.mark.parametrize(("method", "precision"), [("said", "32-true"), ("said", "bf16-mixed"), ("full", "64-true")])
def test_memory_that_suffices_changes_no_bit(
    encoder: str, method: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (numbers, scores) = train(encoder, method, precision=precision)
    monkeypatch.setattr(SubspaceClassifier, "automatic_optimization", True)
    monkeypatch.setattr(SubspaceClassifier, "training_step", SubspaceClassifier._step_loss)
    _, (numbers_of_lightning, scores_of_lightning) = train(encoder, method, precision=precision)
    assert torch.equal(numbers, numbers_of_lightning) and torch.equal(scores, scores_of_lightning)


def test_it_is_said(encoder: str) -> None:
    training, _ = train(encoder, "said", most=4)
    assert training.classifier.micro_batches.describe(16).startswith(MEMORY)
    assert "micro-batches of 2 with accumulated gradients, 4 to a" in training.classifier.micro_batches.describe(16, 2)


def test_lightning_steps_again_outside_segments(encoder: str) -> None:
    training, _ = train(encoder, "said")
    assert not training.classifier.automatic_optimization
    training.classifier.segment = None
    assert training.classifier.automatic_optimization


def test_not_even_one_example(encoder: str) -> None:
    with pytest.raises(UserError, match="memory ran out with one example at a time: lower training.max_length"):
        train(encoder, "said", most=0)


def test_other_errors_are_not_taken_for_it(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise RuntimeError("sizes do not fit")

    monkeypatch.setattr(SubspaceClassifier, "_loss", breaks)
    with pytest.raises(RuntimeError, match="sizes do not fit"):
        train(encoder, "said")


SCRIPT = """
import json, os, sys
import torch
from lit_idim.data import GLUEDataModule
from lit_idim.training import SubspaceClassifier, quiet_lightning, shut_down_process_group
from lit_idim.training.segmented import SegmentedTraining

encoder, method, out = sys.argv[1:]
torch.set_num_threads(1)
quiet_lightning()
data = GLUEDataModule("toy-sst2", encoder, max_length=32, batch_size=16, max_train_examples=80, max_dev_examples=40)
model = SubspaceClassifier(encoder, "toy-sst2", method=method, d=60 if method == "said" else None, learning_rate=0.01)
def watch(module, arguments, output):
    is_here = os.environ.get("RANK", os.environ.get("LOCAL_RANK")) == "1" and model.trainer.global_step > 0
    if len(output.logits) > 2 and model.training and is_here:
        raise torch.OutOfMemoryError("CUDA out of memory")
model.network.register_forward_hook(watch)
training = SegmentedTraining(model, data, num_updates=8, precision="32-true")
training.advance(3)
parts_after = model.micro_batches.num_parts
predictions = training.advance(8)
numbers = torch.cat([one.detach().flatten() for one in model.parameters() if one.requires_grad]).tolist()
rank = torch.distributed.get_rank()
open(f"{out}{rank}", "w").write(json.dumps([parts_after, numbers, predictions.tolist()]))
shut_down_process_group()
"""


@pytest.mark.ddp
@pytest.mark.parametrize("method", ["said", "full"])
def test_one_device_begins_an_update_anew_and_all_go_on_alike(encoder: str, method: str, tmp_path: Path) -> None:
    script, out = tmp_path / "train.py", tmp_path / "rank"
    script.write_text(SCRIPT)
    ended = run_forked_ranks(script, encoder, method, out, environment=os.environ)
    assert ended.returncode == 0, ended.stderr
    _, (whole, scores) = train(encoder, method)
    for rank in (0, 1):
        num_parts, numbers, predictions = json.loads(Path(f"{out}{rank}").read_text())
        assert num_parts == 4  # of 8 examples a device, 2 at a time
        torch.testing.assert_close(torch.tensor(numbers), whole, rtol=1e-3, atol=1e-4)
        assert predictions == scores.tolist()
    assert "4 to a global batch of 16 as before" in ended.stderr
