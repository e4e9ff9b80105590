"""The `lightning` command: `lightning run SCRIPT ...` starts a script on one or several devices.

It does what `fabric run SCRIPT ...` does, with two differences: everything after the script belongs to the script, and
a run of one process is the script's own process. lightning >= 2.6 ships no `lightning` command; where lightning_sdk,
which does, is installed, whatever is not the start of a script goes on to it.
"""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NoReturn

from lit_idim.errors import UserError
from lit_idim.resources import find_resource

USAGE_EXIT_CODE = 2
_FABRIC_MAIN_PORT = 29400

_DESCRIPTION = """\
Runs a Python script on one or several devices. Options of the launcher come before SCRIPT; all that follows SCRIPT is
handed to it untouched. A SCRIPT such as studies/NAME.py that the current folder lacks is taken from the installed
package.
"""


def main(args: list[str] | None = None) -> int:
    """Entry point of the console command `lightning`.

    Args:
        args: the words after the command; those of the process if None.

    Returns:
        The exit code: that of the script, or 2 where the command line is wrong. A run of one process does not return:
        the script takes this process over.
    """
    arguments = sys.argv[1:] if args is None else args
    if not arguments or arguments[0] in ("-h", "--help"):
        _launcher_parser().print_help()
        return 0 if arguments else USAGE_EXIT_CODE
    try:
        if arguments[0] != "run":
            return _forward_to_sdk(arguments)
        return _run(arguments[1:])
    except UserError as error:
        print(f"lightning: error: {error}", file=sys.stderr)
        return USAGE_EXIT_CODE


def _run(arguments: list[str]) -> int:
    # The older spelling is `lightning run model SCRIPT`; a script of that very name is started as ./model.
    words = arguments[1:] if arguments[:1] == ["model"] else arguments
    options, script, script_arguments = _split_at_script(words)
    if script is None:
        _launcher_parser().parse_args(options)  # answers --help and complains about unknown options
        raise UserError(f"SCRIPT is missing: `{' '.join(['lightning', 'run', *words])}` names no script to run")
    if not Path(script).exists() and not script.endswith(".py") and _sdk_command() is not None:
        return _forward_to_sdk(["run", *arguments])  # lightning_sdk has jobs to run, too
    launcher = _launcher_parser().parse_args(options)
    launcher.script = str(_existing_script(script))
    if _num_local_processes(launcher) == 1 and launcher.num_nodes == 1:
        _become_script(launcher, script_arguments)
    return _launch_processes(launcher, script_arguments)


def _launcher_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lightning run",
        usage="lightning run [model] [options] SCRIPT [arguments of SCRIPT]",
        description=_DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("--accelerator", choices=("auto", "cpu", "gpu", "cuda", "mps"), help="hardware to run on")
    parser.add_argument("--strategy", help="how the devices work together, for example ddp")
    parser.add_argument("--devices", default="1", help="devices a node: a number, a list 0,2, or auto (default: 1)")
    parser.add_argument("--num-nodes", "--num_nodes", type=int, default=1, help="number of machines (default: 1)")
    parser.add_argument("--node-rank", "--node_rank", type=int, default=0, help="index of this machine (default: 0)")
    parser.add_argument(
        "--main-address", "--main_address", default="127.0.0.1", help="address of machine 0 (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--main-port",
        "--main_port",
        type=int,
        help=f"port on machine 0 (default: a free one, with several machines {_FABRIC_MAIN_PORT})",
    )
    parser.add_argument("--precision", help="floating-point precision, for example bf16-mixed")
    return parser


def _split_at_script(words: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Split into launcher options, script and script arguments; every option but help takes one value."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        takes_next_word = "=" not in words[position] and words[position] not in ("-h", "--help")
        position += 2 if takes_next_word else 1
    if position >= len(words):
        return words, None, []
    return words[:position], words[position], words[position + 1 :]


def _existing_script(script: str) -> Path:
    path = find_resource(script)
    if not path.is_file():
        raise UserError(f"SCRIPT: expected a Python file, got the folder {path}")
    return path


def _num_local_processes(launcher: argparse.Namespace) -> int:
    # Importing lightning costs seconds, so the common answer comes without it; fabric, too, reads auto as one device.
    if launcher.devices in ("1", "auto"):
        return 1
    from lightning.fabric.cli import _get_num_processes
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    try:
        num_processes = _get_num_processes(launcher.accelerator, launcher.devices)
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise UserError(f"--devices {launcher.devices}: {error}") from error
    if num_processes < 1:
        raise UserError(f"--devices: expected at least one device, got {launcher.devices!r}")
    return num_processes


def _become_script(launcher: argparse.Namespace, script_arguments: list[str]) -> NoReturn:
    """Replace this process by `python SCRIPT ...`: no module, argument or exit code of the launcher is left in it."""
    os.environ["LT_CLI_USED"] = "1"
    for name in ("accelerator", "strategy", "devices", "num_nodes", "precision"):
        value = getattr(launcher, name)
        if value is not None:
            os.environ[f"LT_{name.upper()}"] = str(value)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, launcher.script, *script_arguments])


def _launch_processes(launcher: argparse.Namespace, script_arguments: list[str]) -> int:
    """Start one process a device through fabric's torchrun and wait for all of them."""
    from lightning.fabric import cli as fabric_cli
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if launcher.main_port is None:
        launcher.main_port = _free_port() if launcher.num_nodes == 1 else _FABRIC_MAIN_PORT
    try:
        fabric_cli.main(launcher, script_arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f"lightning run: rank {rank} of {launcher.script} failed first; its output is above", file=sys.stderr)
        return _shell_exit_code(failure.exitcode)
    except SignalException as stop:
        return _shell_exit_code(-int(stop.sigval))
    except KeyboardInterrupt:
        return _shell_exit_code(-signal.SIGINT)
    return 0


def _shell_exit_code(code: int) -> int:
    """Exit code in the shell's terms, where death by signal n, here -n, is 128 + n.

    >>> _shell_exit_code(3), _shell_exit_code(-9)
    (3, 137)
    """
    return code if code >= 0 else 128 - code


def _free_port() -> int:
    # fabric's fixed port would let a machine hold a single run at a time.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sdk_command() -> Callable[[], object] | None:
    """The `lightning` command of lightning_sdk, which this package's command of that name hides, if it is installed."""
    try:
        entry_points = distribution("lightning-sdk").entry_points
    except PackageNotFoundError:
        return None
    for entry_point in entry_points.select(group="console_scripts", name="lightning"):
        command: Callable[[], object] = entry_point.load()
        return command
    return None


def _forward_to_sdk(arguments: list[str]) -> int:
    command = _sdk_command()
    if command is None:
        raise UserError(
            f"unknown command {arguments[0]!r}. What there is: `lightning run SCRIPT ...` (this package), `lit-idim` "
            "for single trainings and checkpoints, and, after `pip install lightning-sdk`, that package's commands"
        )
    sys.argv = ["lightning", *arguments]
    outcome = command()
    return outcome if isinstance(outcome, int) else 0


if __name__ == "__main__":
    sys.exit(main())
