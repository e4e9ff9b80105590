"""Several trainings of one cell on one device: one after the other, side by side, or batched into one step.

    python -m lit_idim.cost.batched [trainings] [repeats] [device]

makes the updates of as many SAID trainings (2 by default) of the shipped `mini` that share a projection and a stream of
batches, as the learning rates of a replicate do: in turn in one process; each in a process of its own, all at the same
time (on a GPU they share it); and as one step whose theta_d, and so whose weights, have a further axis
(`torch.func.vmap`). Every process has one thread and runs the same plain loop of forward pass, backward pass and Adam.
The batched step computes attention with PyTorch's plain kernel, which alone has a batching rule on every device; the
others with the fused one. Prints updates a second, all trainings together, and the ratios to the first way. Best run on
an idle machine with as many cores as trainings.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from lit_idim.cost.steps import SubspaceStep, random_batch
from lit_idim.cost.timing import median_seconds, time_in_turn
from lit_idim.resources import find_resource
from lit_idim.subspace import Subspace
from lit_idim.subspace.loading import load_classifier

BATCH_SIZE, LENGTH, D, NUM_UPDATES = 32, 32, 500, 30
IN_TURN, SIDE_BY_SIDE, BATCHED = "one after the other", "side by side in processes", "batched into one step"
_MODULE = ("-m", "lit_idim.cost.batched")


class BatchedStep:
    """One update of k trainings at once, k learning rates of one projection, one batch and one theta_0.

    Args:
        subspace: gives P, the layers and theta_0; not trained itself. batch: `input_ids` and `labels`.
        k: trainings.

    Attributes:
        theta_d: of all trainings, shape (k, d').
        lambdas: shape (k, m).
    """

    def __init__(self, subspace: Subspace, batch: dict[str, Tensor], k: int) -> None:
        assert subspace.lambdas is not None
        self.subspace, self.batch = subspace, batch
        self.theta_d = torch.nn.Parameter(subspace.theta_d.detach().repeat(k, 1))
        self.lambdas = torch.nn.Parameter(subspace.lambdas.detach().repeat(k, 1))
        groups = [{"params": [self.theta_d], "lr": 1e-3}, {"params": [self.lambdas], "lr": 1e-3}]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), eps=1e-6)

    def losses(self) -> Tensor:
        """Loss of each training, shape (k,)."""
        subspace, batch = self.subspace, self.batch
        # P has no batching rule of its own: k products, stacked into (k, D), cost what k trainings pay anyway
        moved = torch.stack([subspace.projection.matvec(theta_d) for theta_d in self.theta_d])
        weights: dict[str, Tensor] = {}
        for index, layer in enumerate(subspace.layout.layers):
            for parameter in layer.parameters:
                part = self.lambdas[:, index, None] * moved[:, parameter.start : parameter.stop]
                theta_0 = subspace.model.get_parameter(parameter.name)
                theta = theta_0 + part.view(len(part), *parameter.shape)
                weights |= dict.fromkeys(parameter.aliases, theta)

        def loss(theta: dict[str, Tensor]) -> Tensor:
            output: Any = functional_call(
                subspace.model, theta, (), {"input_ids": batch["input_ids"]}, tie_weights=False
            )
            return cross_entropy(output.logits, batch["labels"])

        # of the kernels of attention only the plain one has a batching rule on every device
        with sdpa_kernel(SDPBackend.MATH):
            losses: Tensor = vmap(loss, randomness="different")(weights)
        return losses

    def __call__(self) -> None:
        self.losses().sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def make_subspace(model: str, *, d: int, device: str) -> Subspace:
    """SAID over a checkpoint with a head of two classes, in training mode."""
    classifier = load_classifier(model, num_labels=2, head_seed=0).to(device)
    return Subspace(classifier, d=d, method="said").train()


def updates_a_second(model: str, *, k: int, is_batched: bool, device: str) -> float:
    """Updates a second in this process, the k trainings together, from the median time of one of each."""
    if device == "cpu":
        torch.set_num_threads(1)
    first = make_subspace(model, d=D, device=device)
    config: Any = first.model.config
    batch = random_batch(config.vocab_size, batch_size=BATCH_SIZE, length=LENGTH, device=device)
    steps: list[Callable[[], None]]
    if is_batched:
        steps = [BatchedStep(first, batch, k)]
    else:
        others = [make_subspace(model, d=D, device=device) for _ in range(k - 1)]
        steps = [SubspaceStep(subspace, batch) for subspace in (first, *others)]

    def update_all() -> None:
        for step in steps:
            step()

    seconds = time_in_turn({"update": update_all}, repeats=NUM_UPDATES)
    return k / median_seconds(seconds)["update"]


def measure(way: str, folder: Path, *, k: int, device: str) -> float:
    """Updates a second of one of the ways, in processes of its own.

    Raises:
        CalledProcessError: if one fails.
    """
    count = k if way == SIDE_BY_SIDE else 1
    outs = [folder / f"{number}.json" for number in range(count)]
    words = (str(k // count), str(int(way == BATCHED)), device)
    processes = [subprocess.Popen([sys.executable, *_MODULE, "train", str(out), *words]) for out in outs]
    for process, code in [(process, process.wait()) for process in processes]:
        if code:
            raise subprocess.CalledProcessError(code, process.args)
    return float(sum(json.loads(out.read_text()) for out in outs))


def compare(*, k: int = 2, repeats: int = 1, device: str = "cpu") -> dict[str, float]:
    """Median updates a second of each way, and the median over repeats of its ratio to one after the other."""
    ways = (IN_TURN, SIDE_BY_SIDE, BATCHED)
    found: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            for way in ways if number % 2 == 0 else reversed(ways):
                found[way].append(measure(way, Path(folder), k=k, device=device))
    told = {f"{way}, updates a second": median(values) for way, values in found.items()}
    for way in ways[1:]:
        ratios = [ours / theirs for ours, theirs in zip(found[way], found[IN_TURN], strict=True)]
        told[f"{way} / {IN_TURN}"] = median(ratios)
    return told


def main(words: list[str]) -> None:
    """The command, and what it starts (`train OUT TRAININGS BATCHED DEVICE`)."""
    if words[:1] == ["train"]:
        out, number, is_batched, device = words[1:]
        model = str(find_resource("checkpoints/mini/step-6144"))
        found = updates_a_second(model, k=int(number), is_batched=is_batched == "1", device=device)
        Path(out).write_text(json.dumps(found))
        return
    k, repeats = (int(word) for word in (words + ["2", "1"][len(words) :])[:2])
    for name, value in compare(k=k, repeats=repeats, device=words[2] if len(words) > 2 else "cpu").items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
