"""Made-up trainings and contents of a report."""

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from lit_idim.ledger.record import TrainingRecord
from lit_idim.report import ReportContent
from lit_idim.study.d90_row import D90Row

CONFIG = "series:\n- toy-L2-H128\ntasks:\n- toy-sst2\n"
MANIFEST = {
    "versions": {"torch": "2.13.0"},
    "commit": "250d246",
    "machine": {"cores": 2, "devices": ["cpu"]},
    "study_seed": 0,
    "weights": {"toy-L2-H128/step-1000": ["308d6321d82eb621"]},
    "seeds": {"00": {"head": 1}},
}


def trainings_of(row: D90Row, count: int) -> list[TrainingRecord]:
    """Trainings of a row's cell, their scores rising with d; the last has diverged."""
    records = []
    for number in range(count):
        d = int(row.d_min * (row.d_max / row.d_min) ** (number / max(1, count - 1)))
        diverged = number == count - 1
        records.append(
            TrainingRecord(
                key=f"{row.model}-{row.checkpoint}-{row.task}-{row.method}-{number}",
                model=row.model,
                checkpoint=row.checkpoint,
                pretraining_step=row.pretraining_step,
                num_parameters=row.num_parameters or 1,
                task=row.task,
                method=row.method,
                projection=row.projection,
                d=d,
                learning_rate=0.1 * 3.2 ** (number % 3),
                rate=number % 3 - 1,
                replicate=number // 3,
                status="diverged" if diverged else "finished",
                reason="NaN at update 7" if diverged else None,
                metric=row.metric,
                score=None if diverged else 0.5 + 0.4 * number / count,
                chance_score=0.5,
                evaluations=(),
                num_updates=400,
                num_updates_done=400,
                num_examples=12_800,
                batch_size=32,
                num_train_examples=4000,
                num_dev_examples=1000,
                seconds=4.5,
                seeds={"head": number, "projection": 1000 + number},
            )
        )
    return records


@pytest.fixture
def make_content() -> Callable[..., ReportContent]:
    """Makes a content of rows, with five trainings of each."""

    def make(rows: Sequence[D90Row], *, trainings_each: int = 5, **changes: Any) -> ReportContent:
        ln_d = np.linspace(np.log(50), np.log(2000), 20)
        curves = {
            (row.model, row.checkpoint, row.task, row.method): (ln_d, np.linspace(0.55, 0.9, 20))
            for row in rows
            if row.status == "reached"
        }
        values: dict[str, Any] = {
            "study": "pretrain_curve",
            "variant": "d90",
            "rows": rows,
            "records": [record for row in rows for record in trainings_of(row, trainings_each)],
            "curves": curves,
            "config": CONFIG,
            "manifest": MANIFEST,
            "trends": ["d90 falls with the step."],
            "is_complete": True,
            "written_at": datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc),
        }
        return ReportContent(**(values | changes))

    return make
