"""Starts the main job again and again as forks of one process, which pays for the imports once, and kills them.

    python killing.py SIGNALS OPTIONS...

SIGNALS is a JSON list: a number is sent after a random wait, null lets the study end. Prints a JSON list of the exit
codes (negative: killed by that signal) and what each fork has printed.
"""

import json
import os
import random
import runpy
import select
import sys
import time

import torch

from lit_idim.commands.study import run_study
from lit_idim.resources import resource_path


def main() -> None:
    study = runpy.run_path(str(resource_path("studies") / "pretrain_curve.py"))["pretrain_curve"]
    drawn = random.Random(5)
    told = []
    for signal in json.loads(sys.argv[1]):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(write, 1)
            os.dup2(write, 2)
            torch.set_float32_matmul_precision("high")  # as the script does
            sys.argv = ["pretrain_curve.py", *sys.argv[2:]]
            code = run_study(study)
            sys.stdout.flush()
            os._exit(code)
        os.close(write)
        shown = b""
        if signal is not None:
            shown = _read(read, num_lines=drawn.randrange(4))
            time.sleep(drawn.uniform(0, 0.5))
            os.kill(child, signal)
        shown += _read(read)
        os.close(read)
        _, status = os.waitpid(child, 0)
        told.append([os.waitstatus_to_exitcode(status), shown.decode()])
    print(json.dumps(told))


def _read(pipe: int, num_lines: float = float("inf")) -> bytes:
    """What comes until so many lines are there, or the other end is closed."""
    shown = b""
    while shown.count(b"\n") < num_lines:
        select.select([pipe], [], [])
        part = os.read(pipe, 65536)
        if not part:
            break
        shown += part
    return shown


if __name__ == "__main__":
    main()
