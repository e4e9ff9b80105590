"""Memory that does not hold a whole batch: the same updates in parts, said so, on all devices alike."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule

from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.training import SubspaceClassifier
from lit_idim.training.micro_batches import MicroBatches
from lit_idim.training.segmented import SegmentedTraining

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


def train(encoder: str, method: str, *, most: int | None = None, where: str = "forward") -> tuple[Any, torch.Tensor]:
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
    training = SegmentedTraining(classifier, data, num_updates=8, precision="32-true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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


@pytest.mark.parametrize("method", ["said", "full"])
def test_memory_that_suffices_changes_no_bit(encoder: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (numbers, scores) = train(encoder, method)
    lightnings_own = property(lambda _: True, lambda *_: None)
    monkeypatch.setattr(SubspaceClassifier, "automatic_optimization", lightnings_own)
    monkeypatch.setattr(SubspaceClassifier, "training_step", SubspaceClassifier._step_loss)
    monkeypatch.setattr(SubspaceClassifier, "optimizer_zero_grad", LightningModule.optimizer_zero_grad)
    _, (numbers_of_lightning, scores_of_lightning) = train(encoder, method)
    assert torch.equal(numbers, numbers_of_lightning) and torch.equal(scores, scores_of_lightning)


def test_it_is_said(encoder: str) -> None:
    training, _ = train(encoder, "said", most=4)
    assert training.classifier.micro_batches.describe(16).startswith(MEMORY)
    assert "micro-batches of 2 with accumulated gradients, 4 to a" in training.classifier.micro_batches.describe(16, 2)


def test_not_even_one_example(encoder: str) -> None:
    with pytest.raises(UserError, match="memory ran out with one example at a time: lower training.max_length"):
        train(encoder, "said", most=0)


def test_other_errors_are_not_taken_for_it(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise RuntimeError("sizes do not fit")

    monkeypatch.setattr(SubspaceClassifier, "_loss", breaks)
    with pytest.raises(RuntimeError, match="sizes do not fit"):
        train(encoder, "said")


class TwoDevices:
    """A classifier on two devices as `MicroBatches` sees it; memory runs out on this one at the updates of `fails`."""

    def __init__(self, fails: set[int]) -> None:
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.device = torch.device("cpu")
        optimizer = SimpleNamespace(param_groups=[{"params": [self.weight]}])
        precision = SimpleNamespace(pre_backward=lambda loss, _: loss)
        self.trainer = SimpleNamespace(world_size=2, optimizers=[optimizer], precision_plugin=precision)
        self.asked: list[tuple[int, bool]] = []
        self.update, self.fails = 0, fails
        self.micro_batches = MicroBatches()
        self.micro_batches.may_run_out = np.array([True, True, False, True, False])
        self.micro_batches.any_device = self.ask

    def ask(self, here: bool) -> bool:
        self.asked.append((self.update, here))
        return here

    def run(self) -> None:
        for self.update in range(5):
            self.micro_batches.backward(self, {"labels": torch.zeros(4)}, self.update, self.loss)  # type: ignore[arg-type]

    def loss(self, part: Any, name: str) -> torch.Tensor:
        if self.update in self.fails and not name:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.weight * part["labels"].sum()


def test_devices_ask_each_other_where_more_memory_may_be_needed_only() -> None:
    suffices, fails = TwoDevices(set()), TwoDevices({3})
    suffices.run()
    assert suffices.asked == [(0, False), (1, False), (3, False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fails.run()
    assert fails.asked == [(0, False), (1, False), (3, True), (3, False)]
    assert fails.micro_batches.num_parts == 2


def test_a_device_that_runs_out_where_none_asks_ends_with_a_message() -> None:
    with pytest.raises(UserError, match="memory ran out on one device, at an update that asks no more of it"):
        TwoDevices({2}).run()


SCRIPT = """
import json, os, sys
import torch
from lit_idim.data import GLUEDataModule
from lit_idim.training import SubspaceClassifier, quiet_lightning, shut_down_process_group
from lit_idim.training.micro_batches import MicroBatches
from lit_idim.training.segmented import SegmentedTraining

encoder, method, out = sys.argv[1:]
torch.set_num_threads(1)
quiet_lightning()
data = GLUEDataModule("toy-sst2", encoder, max_length=32, batch_size=16, max_train_examples=80, max_dev_examples=40)
model = SubspaceClassifier(encoder, "toy-sst2", method=method, d=60 if method == "said" else None, learning_rate=0.01)
def watch(module, arguments, output):
    if len(output.logits) > 2 and model.training and os.environ.get("RANK", os.environ.get("LOCAL_RANK")) == "1":
        raise torch.OutOfMemoryError("CUDA out of memory")
model.network.register_forward_hook(watch)
training = SegmentedTraining(model, data, num_updates=8, precision="32-true")
predictions = training.advance(8)
numbers = torch.cat([one.detach().flatten() for one in model.parameters() if one.requires_grad]).tolist()
rank = torch.distributed.get_rank()
open(f"{out}{rank}", "w").write(json.dumps([model.micro_batches.num_parts, numbers, predictions.tolist()]))
shut_down_process_group()
"""


@pytest.mark.ddp
@pytest.mark.parametrize("method", ["said", "full"])
def test_devices_halve_alike_where_one_runs_out(encoder: str, method: str, tmp_path: Path) -> None:
    script, out = tmp_path / "train.py", tmp_path / "rank"
    script.write_text(SCRIPT)
    launcher = [sys.executable, "-m", "lit_idim.commands.launch", "run", "--accelerator", "cpu", "--devices", "2"]
    ended = subprocess.run(
        [*launcher, "--strategy", "ddp", str(script), encoder, method, str(out)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    _, (whole, scores) = train(encoder, method)
    for rank in (0, 1):
        num_parts, numbers, predictions = json.loads(Path(f"{out}{rank}").read_text())
        assert num_parts == 4  # of 8 examples a device, 2 at a time
        torch.testing.assert_close(torch.tensor(numbers), whole, rtol=1e-3, atol=1e-4)
        assert predictions == scores.tolist()
    assert "4 to a global batch of 16 as before" in ended.stderr
