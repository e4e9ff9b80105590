"""A row of a ledger."""

from typing import Any

from lit_idim.ledger import TrainingRecord

D = 400_004


def record_of(method: str, learning_rate: float, score: float | None, **changes: Any) -> TrainingRecord:
    """A training of toy on SST-2, at d = 104 unless in full; without a score it is paused."""
    values: dict[str, Any] = {
        "key": f"{method} {learning_rate} {sorted(changes.items())}",
        "model": "toy",
        "checkpoint": "step-4000",
        "pretraining_step": 4000,
        "num_parameters": D,
        "task": "sst2",
        "method": method,
        "projection": None if method == "full" else "fastfood",
        "d": None if method == "full" else 104,
        "num_lambdas": 0 if method == "full" else 4,
        "learning_rate": learning_rate,
        "rate": 0,
        "replicate": 0,
        "status": "paused" if score is None else "finished",
        "metric": "accuracy",
        "score": score,
        "chance_score": 0.5,
        "evaluations": (),
        "num_updates": 100,
        "num_updates_done": 100,
        "num_examples": 3200,
        "batch_size": 32,
        "num_train_examples": 4000,
        "num_dev_examples": 1000,
        "seconds": 1.0,
        "seeds": {},
        "versions": {},
        "checksums": {},
        "outcomes": None,
        "state": None,
        "device": "cpu",
        "started_at": "2026-11-28T12:00:00+00:00",
    }
    return TrainingRecord(**(values | changes))
