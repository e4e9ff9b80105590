"""d90 of the checkpoints of a pretraining, by task and method: how the intrinsic dimension falls with pretraining.

    lightning run studies/pretrain_curve.py                                          # the toy series, no download
    lightning run studies/pretrain_curve.py --config configs/pretrain_curve/multiberts.yaml --dry-run

After Aghajanyan, Zettlemoyer and Gupta 2020 (arXiv 2012.13255), section 5.1. Run again, it goes on where it was: every
training is a row of `ledger.sqlite` in the folder of the outputs, or of the database that --ledger names.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lit_idim.commands.study import run_study
from lit_idim.d90 import SearchSettings
from lit_idim.study.expected_cost import GPU_TERAFLOPS_PER_SECOND
from lit_idim.study.plan import describe_plan
from lit_idim.study.run import draw_again, measure
from lit_idim.study.settings import Method, StudySettings, TrainingSettings
from lit_idim.study.summary import summarize

FAILED_CELLS_EXIT_CODE = 1


def pretrain_curve(
    series: tuple[str, ...],
    tasks: tuple[str, ...],
    training: TrainingSettings,
    steps: tuple[int, ...] | None = None,
    methods: tuple[Method, ...] = ("said",),
    head_baseline: bool = True,
    projection: str = "fastfood",
    data_dir: str | None = None,
    study_seed: int = 0,
    task_training: Mapping[str, Mapping[str, Any]] | None = None,
    search: SearchSettings = SearchSettings(),  # noqa: B008 (frozen)
    out: Path = Path("outputs/pretrain_curve"),
    ledger: str | None = None,
    workers: int = 1,
    threads: int | None = None,
    dry_run: bool = False,
    plot_only: bool = False,
    teraflops_per_second: float = GPU_TERAFLOPS_PER_SECOND,
) -> int:
    """Measures d90 of every checkpoint on every task with every method, and draws it against pretraining step.

    Args:
        series: Checkpoint series: registered names, YAML files or folders.
        tasks: Names of the tasks.
        training: Settings of every training; either training.num_updates or training.epochs.
        steps: Pretraining steps of each series; all if null.
        methods: Of the subspace: did, said or both.
        head_baseline: Whether to train a head alone, too, on every checkpoint and task.
        projection: Name of P.
        data_dir: Folder of the tasks' files; the data hub if null. Generated tasks need neither.
        study_seed: From which the seeds of all trainings derive.
        task_training: Settings of the training that differ for a task, by task and name.
        search: Settings of the d90 search.
        out: Folder for the outputs.
        ledger: Address of a ledger to share, as postgresql://user@host/database; ledger.sqlite in `out` if null.
        workers: Processes that run trainings side by side.
        threads: CPU threads of each of them; torch's default if null.
        dry_run: Only list the cells, D, and what they are expected to cost.
        plot_only: Only write tables and figures anew from the ledger.
        teraflops_per_second: Sustained speed that --dry_run computes hours with.
    """
    settings = StudySettings(
        series=series,
        steps=steps,
        tasks=tasks,
        methods=methods,
        head_baseline=head_baseline,
        projection=projection,
        data_dir=data_dir,
        study_seed=study_seed,
        training=training,
        task_training=task_training or {},
        search=search,
    )
    if dry_run:
        print(describe_plan(settings, teraflops_per_second=teraflops_per_second))
        return 0
    if plot_only:
        result = draw_again(settings, out, ledger=ledger)
    else:
        result = measure(settings, out, ledger=ledger, workers=workers, threads=threads)
    print(summarize(result.rows, settings))
    print(f"written to {out}")
    return FAILED_CELLS_EXIT_CODE if result.num_failed else 0


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(pretrain_curve, default_config="configs/pretrain_curve/toy.yaml"))
