import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel
from torch.nn.parallel import DistributedDataParallel

from lit_idim.errors import UserError
from lit_idim.training.distributed import TrainedOnlyDDPStrategy, num_launched_processes, shut_down_process_group
from lit_idim.training.trainer import build_trainer


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what `lightning run` hands down."""

    def set_variables(**settings: str) -> None:
        monkeypatch.setenv("LT_CLI_USED", "1")
        for name, value in {"devices": "1", "num_nodes": "1", **settings}.items():
            monkeypatch.setenv(f"LT_{name.upper()}", value)

    return set_variables


def test_alone_it_uses_one_device_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = build_trainer(accelerator="cpu", max_steps=1, enable_progress_bar=False)
    trainer.fit(BoringModel())
    assert (trainer.world_size, trainer.num_devices) == (1, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_slurm_s_lightning_left_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "study")
    Path("hpc_ckpt_1.ckpt").write_text("of another training")
    trainer = build_trainer(accelerator="cpu", max_steps=1, enable_progress_bar=False)
    environment = trainer._accelerator_connector.cluster_environment
    assert isinstance(environment, SLURMEnvironment) and not environment.auto_requeue
    trainer.fit(BoringModel())
    assert trainer.global_step == 1 and [path.name for path in tmp_path.iterdir()] == ["hpc_ckpt_1.ckpt"]
    asked = build_trainer(accelerator="cpu", max_steps=1, enable_progress_bar=False, requeue=True)
    with pytest.raises(pickle.UnpicklingError):
        asked.fit(BoringModel())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match=r"accelerator, devices: no trainer can be built with accelerator 'cuda'"):
        build_trainer(accelerator="cuda")


def test_launchers_settings_hold(launched: Callable[..., None]) -> None:
    launched(accelerator="cpu", devices="2", strategy="ddp", precision="bf16-mixed")
    trainer = build_trainer()
    assert trainer.num_devices == 2
    assert trainer.precision == "bf16-mixed"
    assert isinstance(trainer.strategy, TrainedOnlyDDPStrategy)


def test_launchers_variables_without_a_launcher_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_DEVICES", "2")
    assert build_trainer(accelerator="cpu").num_devices == 1


def test_launchers_auto_is_one_device(launched: Callable[..., None]) -> None:
    launched(devices="auto", accelerator="cpu")
    assert build_trainer().num_devices == 1


@pytest.mark.parametrize(
    ("name", "option", "on_launcher", "as_argument"),
    [
        ("accelerator", "--accelerator", "cpu", "gpu"),
        ("devices", "--devices", "2", 1),
        ("devices", "--devices", "0,1", [0, 2]),
        ("strategy", "--strategy", "ddp", "fsdp"),
        ("num_nodes", "--num-nodes", "2", 3),
        ("precision", "--precision", "bf16-mixed", "32-true"),
    ],
)
def test_contradiction_names_launcher_and_argument(
    name: str, option: str, on_launcher: str, as_argument: object, launched: Callable[..., None]
) -> None:
    launched(**{name: on_launcher})
    arguments: dict[str, Any] = {name: as_argument}
    with pytest.raises(UserError) as error:
        build_trainer(**arguments)
    assert f"{option} {on_launcher}" in str(error.value)
    assert f"{name} is {as_argument!r}" in str(error.value)


@pytest.mark.parametrize("devices", [2, "2", None, "auto"])
def test_agreeing_argument_is_accepted(devices: Any, launched: Callable[..., None]) -> None:
    launched(devices="2", accelerator="cpu")
    assert build_trainer(devices=devices, accelerator="cpu").num_devices == 2


@pytest.mark.parametrize("variable", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_started_processes_that_stay_unconnected_are_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "2")
    with pytest.raises(UserError, match=rf"{variable}=2.*world_size=1.*lightning run --devices 2"):
        build_trainer(accelerator="cpu", devices=1)


@pytest.mark.parametrize("value", ["1", "", "many"])
def test_one_process_is_not_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", value)
    assert num_launched_processes()[0] == 1
    assert build_trainer(accelerator="cpu").world_size == 1


def test_lightnings_sampler_is_refused() -> None:
    with pytest.raises(UserError, match="use_distributed_sampler: expected False"):
        build_trainer(use_distributed_sampler=True)


def test_checkpoints_are_saved_only_by_a_checkpoint_callback(tmp_path: Path) -> None:
    assert build_trainer(accelerator="cpu").checkpoint_callbacks == []
    callback = ModelCheckpoint(dirpath=tmp_path)
    assert build_trainer(accelerator="cpu", callbacks=[callback]).checkpoint_callbacks == [callback]
    assert build_trainer(accelerator="cpu", callbacks=callback).checkpoint_callbacks == [callback]


@pytest.mark.parametrize("strategy", ["auto", "ddp"])
def test_several_devices_send_only_what_is_trained(strategy: str) -> None:
    trainer = build_trainer(accelerator="cpu", devices=2, strategy=strategy)
    assert isinstance(trainer.strategy, TrainedOnlyDDPStrategy)


def test_wrapped_module_leaves_frozen_parameters_and_buffers_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    class PartlyFrozen(BoringModel):
        def __init__(self) -> None:
            super().__init__()
            self.theta_0 = torch.nn.Parameter(torch.zeros(5), requires_grad=False)
            self.register_buffer("table", torch.zeros(3))

        def on_train_start(self) -> None:
            wrapper = self.trainer.strategy.model
            assert isinstance(wrapper, DistributedDataParallel)
            self.ignored = set(wrapper.parameters_to_ignore)

    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    model = PartlyFrozen()
    trainer = build_trainer(accelerator="cpu", strategy="ddp", max_steps=1, enable_progress_bar=False)
    trainer.fit(model)
    shut_down_process_group()
    assert not torch.distributed.is_initialized()
    assert model.ignored == {"theta_0", "table"}


def test_without_a_process_group_there_is_nothing_to_shut_down() -> None:
    shut_down_process_group()


@pytest.fixture
def run_command_line(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """Builds the trainer as `lit-idim` does, from the words of a command line."""

    def run(*words: str) -> Trainer:
        monkeypatch.setattr("sys.argv", ["lit-idim", *words])
        return LightningCLI(
            BoringModel,
            BoringDataModule,
            trainer_class=build_trainer,
            save_config_callback=None,
            seed_everything_default=False,
            run=False,
        ).trainer

    return run


def test_command_line_sets_any_trainer_argument(run_command_line: Callable[..., Trainer]) -> None:
    trainer = run_command_line("--trainer.max_epochs=3", "--trainer.precision=bf16-mixed", "--trainer.accelerator=cpu")
    assert trainer.max_epochs == 3
    assert trainer.precision == "bf16-mixed"


def test_command_line_checks_types(
    run_command_line: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_command_line("--trainer.max_epochs=three")
    assert "max_epochs" in capsys.readouterr().err


def test_command_line_help_lists_own_and_lightnings_arguments(
    run_command_line: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_command_line("--help")
    text = capsys.readouterr().out
    assert "--trainer.devices" in text
    assert "--trainer.limit_train_batches" in text
