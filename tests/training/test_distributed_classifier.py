"""Two gloo processes train the subspace that one process trains, and send d numbers a step."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.forked import run_forked

from .tiny_encoder import write_tiny_encoder

SCRIPT = """
import json, sys
import torch
from lightning.pytorch import Callback
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from lit_idim.data import GLUEDataModule
from lit_idim.training import SubspaceClassifier, build_trainer, quiet_lightning, shut_down_process_group

class CountFloats(Callback):
    sent = []
    def on_train_start(self, trainer, module):
        if trainer.world_size > 1:
            trainer.strategy.model.register_comm_hook(None, self.hook)
    @classmethod
    def hook(cls, state, bucket):
        cls.sent.append(bucket.buffer().numel())
        return allreduce_hook(None, bucket)

encoder, method, out = sys.argv[1:]
torch.set_num_threads(1)
quiet_lightning()
data = GLUEDataModule("toy-sst2", encoder, max_length=32, batch_size=16, max_train_examples=320, max_dev_examples=51)
model = SubspaceClassifier(encoder, "toy-sst2", method=method, d=60, learning_rate=0.05)
trainer = build_trainer(max_epochs=1, enable_progress_bar=False, callbacks=[CountFloats()], accelerator="cpu")
trainer.fit(model, datamodule=data)
scores = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("dev")}
if trainer.is_global_zero:
    state = {name: value.tolist() for name, value in model.network.state_dict().items() if name != "_extra_state"}
    result = {"world": trainer.world_size, "state": state, "scores": scores, "sent": CountFloats.sent,
              "updates": trainer.global_step}
    open(out, "w").write(json.dumps(result))
shut_down_process_group()
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder"), dropout=0.0)


def train(encoder: str, method: str, devices: int, folder: Path) -> dict[str, Any]:
    script, out = folder / "train.py", folder / f"{devices}.json"
    script.write_text(SCRIPT)
    if devices == 1:
        ended = run_forked(script, encoder, method, out, environment=os.environ)
    else:
        launcher = [sys.executable, "-m", "lit_idim.commands.launch", "run", "--accelerator", "cpu", "--devices"]
        command = [*launcher, str(devices), "--strategy", "ddp", str(script), encoder, method, str(out)]
        ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(out.read_text()))


@pytest.mark.ddp
def test_two_devices_train_what_one_does(encoder: str, tmp_path: Path) -> None:
    one, two = (train(encoder, "said", devices, tmp_path) for devices in (1, 2))
    assert (one["world"], two["world"]) == (1, 2)
    assert one["updates"] == two["updates"] == 20
    for name, values in one["state"].items():
        torch.testing.assert_close(torch.tensor(two["state"][name]), torch.tensor(values), rtol=0, atol=1e-5)
    assert two["scores"]["dev_score"] == one["scores"]["dev_score"]
    assert two["scores"]["dev_loss"] == pytest.approx(one["scores"]["dev_loss"], abs=1e-6)
    assert sum(two["sent"]) == 20 * 60
