"""The trainings that `lit_idim.cost.paired` times: a script that runs with any checkout's package.

    paired_worker.py SIZE METHOD [DATA_DIR]

reads lines `SEED FILE`, makes a training a line, saves its trained numbers to the file and prints a line of JSON. Times
are CPU seconds of the process, which has one thread: other processes disturb them less than time on the wall. It uses
only what the package has had for long, so that older checkouts can be compared.
"""

import json
import sys
import time
from typing import Any

import torch
import yaml
from lightning.pytorch import Callback

from lit_idim.resources import find_resource
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.training import TrainingRequest, Trainings

CHECKPOINTS = {"toy": "checkpoints/toy-L2-H128/step-4000", "mini": "checkpoints/mini/step-6144"}
RATES = {"said": 0.03, "did": 0.03, "full": 5e-4, "head": 5e-4}


class UpdateClock(Callback):
    """CPU seconds from before the first update's batch to after the last update."""

    started = ended = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        self.started = time.process_time()

    def on_train_batch_end(self, *_: Any) -> None:
        self.ended = time.process_time()


def request(size: str, method: Any, seed: int, data_dir: str | None) -> TrainingRequest:
    """A training of the main job's study of a size, with d = 500 in a subspace.

    Args:
        size: "toy" or "mini".
        method: "said", "did", "full" or "head".
        seed: of head, order, projection and dropout.
        data_dir: with SST-2; the toy language if None.
    """
    config = yaml.safe_load(find_resource(f"configs/pretrain_curve/{size}.yaml").read_text())
    in_subspace = method in ("said", "did")
    checkpoint = str(find_resource(CHECKPOINTS[size]))
    return TrainingRequest(
        location=CheckpointLocation(model=checkpoint, origin=size),
        task="toy-opinion" if data_dir is None else "sst2",
        data_dir=data_dir,
        method=method,
        d=500 if in_subspace else None,
        projection="fastfood" if in_subspace else None,
        learning_rate=RATES[method],
        seeds={"projection": seed, "head": seed, "order": seed, "dropout": seed, "subset": 0},
        settings=TrainingSettings(**config["training"]),
    )


def main(size: str, method: str, data_dir: str | None = None) -> None:
    """Serves until its input ends."""
    torch.set_num_threads(1)
    trainings, clock = Trainings(), UpdateClock()
    trainings.callbacks = (clock,)
    for line in sys.stdin:
        seed, file = line.split()
        asked = request(size, method, int(seed), data_dir)
        trainings.data(asked)
        start = time.process_time()
        begun = trainings.begin(asked)
        outcome = trainings.complete(begun)
        seconds = time.process_time() - start
        trained = [value.detach().flatten() for value in begun.training.classifier.parameters() if value.requires_grad]
        torch.save(torch.cat(trained), file)
        answer = {"updates": clock.ended - clock.started, "training": seconds, "num_updates": outcome.num_updates}
        print(json.dumps(answer | {"score": outcome.score}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
