import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPORTING_SCRIPT = """\
import json, os, sys
launched = {name: value for name, value in os.environ.items() if name.startswith("LT_")}
main_module = sys.modules["__main__"]
print(json.dumps({"argv": sys.argv, "path0": sys.path[0], "pid": os.getpid(), "launched": launched,
                  "is_main": __name__ == "__main__" and main_module.__file__ == __file__}))
"""

TRAINING_SCRIPT = """\
import os, sys
import torch
from lightning.pytorch.demos.boring_classes import BoringModel
from lit_idim.errors import UserError
from lit_idim.training.distributed import shut_down_process_group
from lit_idim.training.trainer import build_trainer


class MeanOverRanks(BoringModel):
    def training_step(self, batch, batch_idx):
        self.seen = self.all_gather(torch.tensor(float(self.global_rank)))
        return super().training_step(batch, batch_idx)


def fit(**arguments):
    torch.manual_seed(0)
    model = MeanOverRanks()
    trainer = build_trainer(max_steps=2, limit_val_batches=0, enable_progress_bar=False, **arguments)
    trainer.fit(model)
    return trainer, model


for _ in range(2):  # a study fits many times in one process group
    trainer, model = fit()
strategy = type(trainer.strategy).__name__
lines = [f"world_size={trainer.world_size}", f"strategy={strategy}", f"seen={model.seen.tolist()}"]
os.environ["LT_CLI_USED"] = "0"
try:
    build_trainer(accelerator="cpu", devices=1)
except UserError as error:
    lines.append(f"alone={error}")
with open(f"{sys.argv[1]}/rank{trainer.global_rank}.txt", "w") as report:
    report.write("\\n".join(lines))
shut_down_process_group()
"""

FAILING_SCRIPT = """\
import os, sys
sys.exit(int(sys.argv[1]) if os.environ.get("RANK", "1") == "1" else 0)
"""


def launch(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lit_idim.commands.launch", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "report.py"
    path.write_text(REPORTING_SCRIPT)
    return path


def test_arguments_after_the_script_are_the_scripts(script: Path, tmp_path: Path) -> None:
    arguments = ["--devices", "3", "--", "-h", "--out=x y", "run"]
    run = launch("run", "--accelerator=cpu", "--precision", "bf16-mixed", "report.py", *arguments, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["argv"] == ["report.py", *arguments]
    assert report["launched"] == {
        "LT_CLI_USED": "1",
        "LT_ACCELERATOR": "cpu",
        "LT_DEVICES": "1",
        "LT_NUM_NODES": "1",
        "LT_PRECISION": "bf16-mixed",
    }


def test_single_process_is_the_script_itself(script: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lit_idim.commands.launch", "run", "model", str(script)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    report = json.loads(process.communicate(timeout=120)[0])
    assert report["pid"] == process.pid
    assert report["is_main"]
    assert report["path0"] == str(tmp_path)


def test_launcher_sets_what_fabric_sets(script: Path, tmp_path: Path) -> None:
    options = ["--accelerator", "cpu", "--devices", "1", "--precision", "64-true", "--strategy", "ddp"]
    ours = json.loads(launch("run", *options, str(script), cwd=tmp_path).stdout)["launched"]
    fabric = subprocess.run(
        [sys.executable, "-c", "from lightning.fabric.cli import _main; _main()", "run", *options, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert json.loads(fabric.stdout)["launched"] == ours


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "absent.py"], "absent.py does not exist in the folder"),
        (["run", "studies/absent.py"], "nor among the studies that lit-idim ships"),
        (["run"], "SCRIPT is missing"),
        (["run", "--devices", "1"], "SCRIPT is missing"),
        (["run", "--device", "2", "report.py"], "unrecognized arguments: --device"),
        (["run", "--devices", "none", "report.py"], "--devices none"),
        (["run", "."], "expected a Python file"),
        (["login"], "lightning run SCRIPT"),
    ],
)
def test_wrong_command_line_is_explained(words: list[str], complaint: str, script: Path, tmp_path: Path) -> None:
    run = launch(*words, cwd=tmp_path)
    assert run.returncode == 2
    assert complaint in run.stderr
    assert "Traceback" not in run.stderr


def test_help_is_printed(tmp_path: Path) -> None:
    run = launch("run", "--help", cwd=tmp_path)
    assert run.returncode == 0
    assert "--num-nodes" in run.stdout


def test_exit_code_of_the_script_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "fail.py").write_text(FAILING_SCRIPT)
    assert launch("run", "fail.py", "7", cwd=tmp_path).returncode == 7


@pytest.mark.ddp
def test_exit_code_of_a_failed_rank_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "fail.py").write_text(FAILING_SCRIPT)
    run = launch("run", "--accelerator", "cpu", "--devices", "2", "fail.py", "7", cwd=tmp_path)
    assert run.returncode == 7
    assert "rank 1 of fail.py failed first" in run.stderr


@pytest.mark.ddp
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING_SCRIPT)
    options = ["--accelerator", "cpu", "--devices", "2", "--strategy", "ddp"]
    run = launch("run", *options, "train.py", str(tmp_path), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    for rank in range(2):
        world_size, strategy, seen, alone = (tmp_path / f"rank{rank}.txt").read_text().splitlines()
        assert world_size == "world_size=2"
        assert strategy == "strategy=TrainedOnlyDDPStrategy"
        assert seen == "seen=[0.0, 1.0]"
        assert "WORLD_SIZE=2" in alone
        assert "world_size=1" in alone


@pytest.fixture
def sdk_folder(tmp_path: Path) -> Path:
    """Folder of a package that, as lightning_sdk does, brings a `lightning` command of its own."""
    folder = tmp_path / "site"
    metadata = folder / "lightning_sdk-0.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lightning-sdk\nVersion: 0.0\n")
    (metadata / "entry_points.txt").write_text("[console_scripts]\nlightning = stand_in_sdk:main\n")
    (folder / "stand_in_sdk.py").write_text(
        "import sys\ndef main():\n    print('sdk', *sys.argv[1:])\n    sys.exit(5)\n"
    )
    return folder


@pytest.mark.parametrize("words", [["login", "--quiet"], ["run", "job", "--name", "x"]])
def test_other_commands_go_on_to_lightning_sdk(words: list[str], sdk_folder: Path, tmp_path: Path) -> None:
    run = launch(*words, cwd=tmp_path, PYTHONPATH=str(sdk_folder))
    assert run.returncode == 5
    assert run.stdout.split() == ["sdk", *words]


def test_missing_script_stays_ours_beside_lightning_sdk(sdk_folder: Path, tmp_path: Path) -> None:
    run = launch("run", "absent.py", cwd=tmp_path, PYTHONPATH=str(sdk_folder))
    assert run.returncode == 2
    assert "absent.py does not exist" in run.stderr
