"""What a training step spends its time on: matrix products and attention, P, the optimizer, copies, all else.

    python -m lit_idim.cost.profile MODEL [--device cpu] [--method said] [--d 500] [--updates 30] [--threads 1]

MODEL is the folder of a checkpoint, trained as a study trains it (Lightning's loop, 32 examples of the toy language of
at most 32 tokens, float32), or the name of a shape of `lit_idim.cost.steps` as roberta-large, whose bare step is made
(random weights, 32 x 128 tokens; bfloat16 on a GPU). Prints the milliseconds of a step on each kind of work and their
shares, and how often what may make the host wait is called. The profiler slows a step of many short operators down: the
share of matrix products and attention is told beside the time of a step without it, too.
"""

import argparse
import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from lightning.pytorch import Callback
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from lit_idim.cost.steps import SHAPES, VOCABULARY, random_batch, step_for_cost
from lit_idim.cost.trainings import toy_request
from lit_idim.cost.work import (
    ATTENTION,
    BACKWARD,
    FORWARD,
    MATRIX_PRODUCTS,
    calls_of_interest,
    faster_half,
    milliseconds_by_kind,
)
from lit_idim.errors import UserError
from lit_idim.resources import shipped_folder
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.training import Trainings
from lit_idim.subspace import Subspace

UNCOUNTED, WARMUP = 10, 2


class StepWatch(Callback):
    """Times `updates` updates undisturbed, then profiles as many; what is before them warms up.

    Args:
        updates: counted ones of either.
        device: "cpu" or "cuda".

    Attributes:
        events: of the profiled updates.
    """

    events: list[Any]

    def __init__(self, updates: int, device: str) -> None:
        self.updates, self.device, self._seen = updates, device, 0
        self._ends: list[float] = []
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
        self._profile = profile(
            activities=activities, schedule=schedule(wait=0, warmup=WARMUP, active=updates, repeat=1), acc_events=True
        )

    @property
    def num_updates(self) -> int:
        """Of the whole training."""
        return UNCOUNTED + 2 * self.updates + WARMUP

    def on_train_batch_end(self, *_: Any) -> None:
        """To be called after each update, by Lightning or by whoever makes them."""
        self._seen += 1
        if self._seen in (UNCOUNTED, UNCOUNTED + self.updates, self.num_updates):
            self._synchronize()
        if UNCOUNTED <= self._seen <= UNCOUNTED + self.updates:
            self._ends.append(time.perf_counter())
        if self._seen == UNCOUNTED + self.updates:
            self._profile.start()
        elif self._seen > UNCOUNTED + self.updates:
            self._profile.step()
        if self._seen == self.num_updates:
            self._profile.stop()
            self.events = list(self._profile.events())

    @property
    def undisturbed_ms(self) -> float:
        """Milliseconds of an update without the profiler: of the same updates that `milliseconds_by_kind` tells of."""
        seconds = [after - before for before, after in itertools.pairwise(self._ends)]
        return 1000 * mean(seconds if self.device == "cuda" else faster_half(seconds, key=float))

    def _synchronize(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def mark_projection(network: Any) -> None:
    """Gives both products of a subspace's P a range of their own in a profile: its kernels are no operators."""
    if not isinstance(network, Subspace):
        return
    projection: Any = network.projection
    for method, name in (("add_slices", FORWARD), ("adjoint", BACKWARD)):
        setattr(projection, method, partial(_in_range, name, getattr(projection, method)))


def _in_range(name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with record_function(name):
        return function(*arguments, **named)


def watch_shape(shape: str, watch: StepWatch, *, method: str, d: int) -> None:
    """Makes the bare steps of a shape, 32 x 128 tokens."""
    dtype = "bfloat16" if watch.device == "cuda" else "float32"
    batch = random_batch(VOCABULARY[shape], batch_size=32, length=128, device=watch.device)
    step = step_for_cost(method, shape, batch, d=d, device=watch.device, dtype=dtype)
    mark_projection(step.model)
    for _ in range(watch.num_updates):
        step()
        watch.on_train_batch_end()


def watch_checkpoint(folder: Path, watch: StepWatch, *, method: Any, d: int) -> None:
    """Trains a checkpoint on the toy language as a study does.

    Raises:
        UserError: if the checkpoint cannot be trained, or the training does not run on the device.
    """
    trainings = Trainings()
    trainings.callbacks = (watch,)
    request = toy_request(method, task="toy-opinion", num_updates=watch.num_updates)
    location = CheckpointLocation(model=str(folder), origin=folder.name)
    begun = trainings.begin(replace(request, location=location, d=d if method in ("did", "said") else None))
    mark_projection(begun.training.classifier.network)
    trainings.complete(begun)
    if torch.device(begun.training.device).type != watch.device:
        raise UserError(f"--device: expected {watch.device}, but the training ran on {begun.training.device}")


def measure(model: str, *, device: str, method: str, d: int, updates: int) -> StepWatch:
    """Steps of a checkpoint or of a shape, watched.

    Raises:
        UserError: if there is no such model or no such device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device: there is no GPU that PyTorch can use; pass --device cpu")
    with contextlib.suppress(UserError):  # said below, with what else MODEL may be
        model = model if model in SHAPES else shipped_folder(model)
    if model not in SHAPES and not Path(model).is_dir():
        raise UserError(f"MODEL: expected the folder of a checkpoint or one of {', '.join(SHAPES)}; got {model!r}")
    watch = StepWatch(updates, device)
    if model in SHAPES:
        watch_shape(model, watch, method=method, d=d)
    else:
        watch_checkpoint(Path(model), watch, method=method, d=d)
    return watch


def table(watch: StepWatch) -> str:
    """What was found, as lines of text."""
    spent = milliseconds_by_kind(watch.events)
    whole, products = sum(spent.values()), spent[MATRIX_PRODUCTS] + spent[ATTENTION]
    lines = [f"{'of a step, under the profiler':<46} {'ms':>9} {'share':>7}"]
    lines += [f"{kind:<46} {value:>9.3f} {value / whole:>7.1%}" for kind, value in spent.items()]
    lines += [f"{'the step':<46} {whole:>9.3f} {1:>7.1%}", ""]
    lines += [f"{'the step without the profiler':<46} {watch.undisturbed_ms:>9.3f}"]
    lines += [f"{'matrix products and attention, share of it':<46} {'':>9} {products / watch.undisturbed_ms:>7.1%}", ""]
    lines += [f"{'calls a step':<46} {'number':>9}"]
    lines += [f"{name[:46]:<46} {number:>9.1f}" for name, number in calls_of_interest(watch.events).items()]
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m lit_idim.cost.profile", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", metavar="MODEL", help=f"folder of a checkpoint, or {', '.join(SHAPES)}")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--method", choices=("said", "did", "full"), default="said")
    parser.add_argument("--d", type=int, default=500, help="trained numbers of a subspace")
    parser.add_argument("--updates", type=int, default=30, help="profiled steps")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(words)
    for name in ("updates", "threads"):
        if getattr(given, name) < 1:
            parser.error(f"--{name}: must be at least 1, got {getattr(given, name)}")
    torch.set_num_threads(given.threads)
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Lightning takes the best device there is
    try:
        watch = measure(given.model, device=given.device, method=given.method, d=given.d, updates=given.updates)
    except UserError as error:
        parser.error(str(error))
    which = "the faster half of" if given.device == "cpu" else "all"
    print(f"{given.model}, {given.method}, {given.device}; means of {which} {given.updates} steps")
    print(table(watch))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
