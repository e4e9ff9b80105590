"""Data parallelism in which only trained numbers travel, and the orderly end of a process group."""

import os

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from lit_idim.errors import UserError


class TrainedOnlyDDPStrategy(DDPStrategy):
    """DDP that sends what is trained and nothing else: for a subspace d floats a step instead of theta_0's D.

    PyTorch's wrapper broadcasts all parameters and buffers of rank 0 at the start of every fit, and buffers again at
    every forward pass. Frozen ones are the same on every rank already: they come from a checkpoint or from our
    counter-based generator. Gradients are reduced in one pass without a search for unused parameters, since parameters
    without a gradient path are frozen, not trained.
    """

    def __init__(self) -> None:
        super().__init__(find_unused_parameters=False, gradient_as_bucket_view=True)

    def configure_ddp(self) -> None:
        """Mark frozen parameters and buffers as local, then wrap the module."""
        module = self.model
        assert isinstance(module, torch.nn.Module)
        stays_home = [name for name, parameter in module.named_parameters() if not parameter.requires_grad]
        stays_home += [name for name, _ in module.named_buffers()]
        mark_as_local = DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        mark_as_local(module, stays_home)  # type: ignore[no-untyped-call]
        super().configure_ddp()


def num_launched_processes() -> tuple[int, str]:
    """Number of processes that a launcher started together with this one.

    Returns:
        The number (1 without a launcher) and the environment variable that says so, `""` if none does.
    """
    # SLURM_STEP_NUM_TASKS, not SLURM_NTASKS: a batch script's own process is alone in spite of what was allocated.
    for variable in ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        value = os.environ.get(variable, "")
        if value.isdigit():
            return int(value), variable
    return 1, ""


def torchrun_world_size() -> int:
    """Number of processes that torchrun has started, as libraries that read `WORLD_SIZE` themselves take it.

    Raises:
        UserError: if the variable is there and is no number of processes.
    """
    value = os.environ.get("WORLD_SIZE", "1")
    if not (value.isascii() and value.isdigit()) or int(value) < 1:
        raise UserError(
            f"WORLD_SIZE: expected a whole number from 1 on, got {value!r}; unset this variable of the environment, "
            "or start the processes by torchrun, which sets it"
        )
    return int(value)


def launched_rank() -> int:
    """Number of this process among those that a launcher started together; 0 without a launcher."""
    for variable in ("RANK", "SLURM_PROCID"):
        if num_launched_processes()[0] > 1 and (value := os.environ.get(variable, "")).isdigit():
            return int(value)
    return 0


def launched_layout() -> tuple[int, int] | None:
    """Devices a node, and nodes, of what torchrun or srun has started; None for a process that is alone."""
    number, variable = num_launched_processes()
    if number == 1:
        return None
    if variable == "WORLD_SIZE":
        per_node = int(os.environ.get("LOCAL_WORLD_SIZE", number))
        return per_node, max(1, number // per_node)
    num_nodes = int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))
    return number // num_nodes, num_nodes


def shut_down_process_group() -> None:
    """End the process group: call it once, as the last act of a script that has trained under a launcher.

    A process that leaves while another is still talking aborts it now and then, so all ranks meet first. Results must
    be written before. Not for a `finally`: a rank that failed never comes to the meeting, and the others would wait.
    Without a process group it does nothing.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
