"""What a small training of a study costs beside its updates: a training by `Trainings` against a loop without it.

    python -m lit_idim.cost.trainings [said|did|full|head] [threads]

prints the median seconds of both, in turn, and their ratio. Best run on an idle machine: what else runs there counts.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import torch

from lit_idim.cost.timing import time_in_turn
from lit_idim.data import GLUEDataModule
from lit_idim.data.batching import UpdatesBatchSampler
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.training import TrainingRequest, Trainings
from lit_idim.training import Method, SubspaceClassifier


def toy_request(
    method: Method = "said", *, task: str = "toy-sst2", size: str = "toy-L2-H128", num_updates: int = 120
) -> TrainingRequest:
    """A typical training of a toy study: 120 updates of 32 examples of at most 32 tokens.

    Args:
        method: "full", "head", or "did" or "said" with d = 500.
        task: one of the toy tasks.
        size: one of the shipped toy series.
        num_updates: of the training.
    """
    in_subspace = method in ("did", "said")
    return TrainingRequest(
        location=CheckpointLocation(model=f"checkpoints/{size}/step-4000", origin=size),
        task=task,
        method=method,
        d=500 if in_subspace else None,
        projection="fastfood" if in_subspace else None,
        learning_rate=0.03 if in_subspace else 1e-3,
        seeds={"projection": 0, "head": 0, "order": 0, "dropout": 0, "subset": 0},
        settings=TrainingSettings(num_updates=num_updates, max_length=32),
    )


def bare_loop(request: TrainingRequest, data: GLUEDataModule) -> tuple[Callable[[], None], Callable[[], None]]:
    """The updates, and the evaluation, of a request as plain loops over batches that are made already."""
    classifier = SubspaceClassifier(
        model=request.location.model,
        task=request.task,
        method=request.method,
        d=request.d,
        learning_rate=request.learning_rate,
    )
    num_updates = request.settings.updates(data.num_train_examples)
    train, dev = data.dataset("train"), data.dataset("dev")
    sampler = UpdatesBatchSampler(range(num_updates), train.lengths, data.batch_size, data.order_seed)
    batches = [train[positions] for positions in sampler]
    dev_batches = [dev[positions] for positions in data.val_dataloader().sampler]
    optimization: Any = classifier.optimization(num_updates)
    optimizer, schedule = optimization["optimizer"], optimization["lr_scheduler"]["scheduler"]

    def updates() -> None:
        classifier.train()
        for batch in batches:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(classifier(batch), batch["labels"]).backward()
            optimizer.step()
            schedule.step()

    def evaluation() -> None:
        classifier.eval()
        with torch.inference_mode():
            for batch in dev_batches:
                classifier(batch).argmax(-1)

    return updates, evaluation


def compare(request: TrainingRequest, *, repeats: int = 5) -> dict[str, float]:
    """Median seconds of a training, of its bare updates and evaluation, and the training's share beyond those.

    The share is the median over repeats of the ratio of neighbouring runs, less 1, so that a drifting machine cancels.
    """
    trainings = Trainings()
    updates, evaluation = bare_loop(request, trainings.data(request))
    requests = iter(replace(request, seeds={**request.seeds, "head": seed}) for seed in range(repeats + 1))
    seconds = time_in_turn(
        {"training": lambda: trainings.run(next(requests)), "updates": updates, "evaluation": evaluation},
        repeats=repeats,
    )
    ratios = [
        whole / (bare + scored)
        for whole, bare, scored in zip(seconds["training"], seconds["updates"], seconds["evaluation"], strict=True)
    ]
    return {name: median(values) for name, values in seconds.items()} | {"share_beyond": median(ratios) - 1}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    asked: Any = sys.argv[1] if len(sys.argv) > 1 else "said"
    for name, value in compare(toy_request(asked)).items():
        print(f"{name} {value:.3f}")
