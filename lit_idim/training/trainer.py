"""The one place where a Lightning Trainer is built.

`lightning run` and `fabric run` hand their options down in LT_* variables, which a plain `lightning.Trainer` ignores:
two started processes would then train as two runs of one device each and write the same files.
"""

import logging
import os
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from lightning.pytorch.strategies import Strategy

from lit_idim.errors import UserError
from lit_idim.training.distributed import TrainedOnlyDDPStrategy, launched_layout, num_launched_processes

# Made once: a signal that interrupts Lightning while it makes one leaves an object whose __del__ prints a traceback.
_NO_PROFILER = PassThroughProfiler()


def build_trainer(
    *,
    accelerator: str | Accelerator = "auto",
    devices: list[int] | str | int | None = None,
    strategy: str | Strategy = "auto",
    num_nodes: int | None = None,
    precision: _PRECISION_INPUT | None = None,
    callbacks: list[Callback] | Callback | None = None,
    logger: Logger | Iterable[Logger] | bool | None = False,
    num_sanity_val_steps: int | None = 0,
    enable_checkpointing: bool | None = None,
    enable_model_summary: bool | None = False,
    use_distributed_sampler: bool = False,
    profiler: Profiler | str | None = None,
    requeue: bool = False,
    **trainer_arguments: Any,
) -> Trainer:
    """Build a `lightning.Trainer` that fits the launcher, if there is one.

    Under `lightning run` the launcher's accelerator, devices, strategy, number of nodes and precision hold; under
    torchrun and srun as many devices and nodes as they have started processes for. `ddp`, also where Lightning would
    choose it, is `TrainedOnlyDDPStrategy`; other strategies are passed on as they are.
    Also fits LightningCLI as `trainer_class`.

    Args:
        accelerator: Hardware to train on; `auto` for the launcher's, else the best one there is.
        devices: Number or list of devices per node; by default the launcher's, else 1, since the devices of a machine
            must not decide how a measurement runs.
        strategy: How several devices work together; `auto` for the launcher's, else for what fits the devices.
        num_nodes: Number of machines; by default the launcher's, else 1.
        precision: Floating-point precision; by default the launcher's, else `32-true`.
        callbacks: Callbacks of the training.
        logger: Where metrics are logged; nowhere by default.
        num_sanity_val_steps: Validation batches before the first update.
        enable_checkpointing: Whether to save checkpoints; by default only if a checkpoint callback is given.
        enable_model_summary: Whether to print the table of layers.
        use_distributed_sampler: Must stay False: the data module deals the examples to the devices itself.
        profiler: What measures the parts of the loop; nothing by default.
        requeue: What Lightning does in a SLURM job unless told otherwise: SLURM's signal saves the training and puts
            the job in the queue again, and a fit goes on from any `hpc_ckpt_*.ckpt` of `default_root_dir`, whoever
            wrote it. By default neither: a fit starts from the weights that it was given.
        trainer_arguments: All other arguments of `lightning.Trainer`.

    Returns:
        The trainer.

    Raises:
        UserError: if an argument contradicts the launcher, the devices are not there, several processes were started
            that the trainer does not connect, or `use_distributed_sampler` is set.
    """
    if use_distributed_sampler:
        raise UserError(
            "use_distributed_sampler: expected False, got True: Lightning's sampler repeats validation examples to "
            "fill up the ranks, and the data module deals out the examples itself; leave the argument out"
        )
    accelerator = _launched("accelerator", "--accelerator", accelerator, default="auto")
    devices = _launched("devices", "--devices", devices, default=None)
    num_nodes = _launched("num_nodes", "--num-nodes", num_nodes, default=None)
    if devices is None and num_nodes is None and (layout := launched_layout()) is not None:
        devices, num_nodes = layout
    devices = 1 if devices is None else devices
    num_nodes = 1 if num_nodes is None else int(num_nodes)
    strategy = _launched("strategy", "--strategy", strategy, default="auto")
    precision = _launched("precision", "--precision", precision, default=None)
    runs_on_several = num_nodes > 1 or _count_devices(devices, accelerator) > 1
    if strategy == "ddp" or (strategy == "auto" and runs_on_several):
        strategy = TrainedOnlyDDPStrategy()
    if enable_checkpointing is None:
        given = callbacks if isinstance(callbacks, list) else [callbacks]
        enable_checkpointing = any(isinstance(callback, Checkpoint) for callback in given)
    if not requeue and not enable_checkpointing and logger is not True:
        trainer_arguments = {"default_root_dir": os.devnull, **trainer_arguments}  # no folder: no file is found there
    try:
        trainer = Trainer(
            accelerator=accelerator,
            devices=devices,
            strategy=strategy,
            num_nodes=num_nodes,
            precision=precision,
            callbacks=callbacks,
            logger=logger,
            num_sanity_val_steps=num_sanity_val_steps,
            enable_checkpointing=enable_checkpointing,
            enable_model_summary=enable_model_summary,
            use_distributed_sampler=False,
            profiler=_NO_PROFILER if profiler is None else profiler,
            **trainer_arguments,
        )
    except MisconfigurationException as error:
        raise UserError(
            f"accelerator, devices: no trainer can be built with accelerator {accelerator!r} and devices {devices!r} "
            f"({error}); pass --accelerator and --devices that this machine has"
        ) from error
    environment = trainer._accelerator_connector.cluster_environment
    if isinstance(environment, SLURMEnvironment):
        environment.auto_requeue = requeue
    _require_connected_processes(trainer)
    return trainer


def quiet_lightning() -> None:
    """Silences what Lightning prints anew for every training: devices, tips, and advice that does not apply here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # batches are assembled in memory, in well under a millisecond
        ".*LeafSpec.*deprecated.*",  # Lightning's own use of torch
        ".*exists and is not empty.*",
        ".*sync_dist=True.*",  # what is logged is a metric of all ranks already
        ".*all_gather is deprecated.*",  # Lightning's own use of torch
    ):
        warnings.filterwarnings("ignore", message=message)


def _launched(name: str, option: str, given: Any, *, default: Any) -> Any:
    """The launcher's value of a setting, if there is a launcher that sets it, else what the caller gave.

    Raises:
        UserError: if both give it and differ.
    """
    if os.environ.get("LT_CLI_USED", "0") != "1":
        return given
    launched = os.environ.get(f"LT_{name.upper()}")
    if launched is None:
        return given
    if name == "devices" and launched == "auto":
        launched = "1"  # what the launcher has started; to a Trainer, auto would mean all devices of the machine
    if given not in (default, "auto") and _normalized(given) != _normalized(launched):
        raise UserError(
            f"{name}: the launcher was started with {option} {launched}, but the trainer's argument {name} is "
            f"{given!r}; give it once, as an option of `lightning run` before the script"
        )
    return launched


def _normalized(value: Any) -> str:
    """Write `2`, `"2"`, `[0, 1]` and `"0,1"` alike, so that launcher and argument can be compared.

    >>> _normalized([0, 1]) == _normalized("0,1"), _normalized(2) == _normalized("2")
    (True, True)
    """
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return text.replace(" ", "")


def _count_devices(devices: list[int] | str | int, accelerator: str | Accelerator) -> int:
    """Number of devices per node that Lightning will take for this setting; 1 for what it will refuse.

    >>> [_count_devices(devices, "cpu") for devices in (2, "2", [1], "0,3", "auto")]
    [2, 2, 1, 2, 1]
    """
    if isinstance(devices, list):
        return len(devices)
    if isinstance(devices, str) and "," in devices:
        return len([device for device in devices.split(",") if device.strip()])
    if str(devices) in ("auto", "-1"):
        return 1 if accelerator == "cpu" else max(1, torch.cuda.device_count())
    return int(devices) if str(devices).isdigit() else 1


def _require_connected_processes(trainer: Trainer) -> None:
    num_processes, variable = num_launched_processes()
    if num_processes > 1 and trainer.world_size == 1:
        raise UserError(
            f"{num_processes} processes were started ({variable}={num_processes}), but this trainer works alone "
            f"(world_size=1): each process would train the same model and write the same files. Start the script with "
            f"`lightning run --devices {num_processes} --strategy ddp SCRIPT`, or pass devices, num_nodes and "
            f"strategy='ddp' so that they multiply to {num_processes}"
        )
