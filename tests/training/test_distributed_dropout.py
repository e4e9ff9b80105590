"""With dropout two ranks draw other masks than one process, and train to the same place on average."""

import json
import os
from pathlib import Path
from statistics import mean, stdev

import pytest

from tests.forked import run_forked, run_forked_ranks

from .tiny_encoder import write_tiny_encoder

NUM_SEEDS = 5
SCRIPT = """
import json, sys
import torch
from lit_idim.data import GLUEDataModule
from lit_idim.training import SubspaceClassifier, build_trainer, quiet_lightning, shut_down_process_group

encoder, num_seeds, out = sys.argv[1:]
torch.set_num_threads(1)
quiet_lightning()
found = {"dev_loss": [], "norm": []}
for seed in range(int(num_seeds)):
    data = GLUEDataModule("toy-sst2", encoder, max_length=32, batch_size=16, max_train_examples=320,
                          max_dev_examples=50)
    model = SubspaceClassifier(encoder, "toy-sst2", method="did", d=60, learning_rate=0.05, dropout_seed=seed)
    trainer = build_trainer(max_epochs=1, enable_progress_bar=False, accelerator="cpu")
    trainer.fit(model, datamodule=data)
    found["dev_loss"].append(float(trainer.callback_metrics["dev_loss"]))
    found["norm"].append(float(model.network.theta_d.detach().norm()))
if trainer.is_global_zero:
    open(out, "w").write(json.dumps(found))
shut_down_process_group()
"""


def train(encoder: Path, devices: int, folder: Path) -> dict[str, list[float]]:
    """Dev loss and norm of theta_d at the end of each training."""
    script, out = folder / "train.py", folder / f"{devices}.json"
    script.write_text(SCRIPT)
    run_script = run_forked_ranks if devices > 1 else run_forked
    ended = run_script(script, encoder, NUM_SEEDS, out, environment=os.environ | {"OMP_NUM_THREADS": "1"})
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(out.read_text()))


@pytest.mark.slow
@pytest.mark.ddp
def test_means_over_dropout_seeds_agree_within_two_standard_errors(tmp_path: Path) -> None:
    encoder = Path(write_tiny_encoder(tmp_path / "encoder"))
    one, two = (train(encoder, devices, tmp_path) for devices in (1, 2))
    for name in one:
        assert min(stdev(one[name]), stdev(two[name])) > 0, name  # the masks differ from seed to seed
        standard_error = ((stdev(one[name]) ** 2 + stdev(two[name]) ** 2) / NUM_SEEDS) ** 0.5
        difference = mean(two[name]) - mean(one[name])
        print(f"{name}: {mean(one[name]):.4f} and {mean(two[name]):.4f}, standard error {standard_error:.4f}")
        assert abs(difference) < 2 * standard_error, (name, one[name], two[name])
