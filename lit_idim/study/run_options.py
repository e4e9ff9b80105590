"""How a study is run, as opposed to what it measures: the options that all studies share."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lit_idim.errors import UserError
from lit_idim.study.config_file import CONFIG_FILE
from lit_idim.study.device_groups import connected
from lit_idim.study.engine import Engine
from lit_idim.study.expected_cost import GPU_TERAFLOPS_PER_SECOND
from lit_idim.study.outputs import VARIANT_OF_TARGET
from lit_idim.study.plan import describe_plan
from lit_idim.study.provenance import plain
from lit_idim.study.reporting import REPORT_FILE, write_study_report
from lit_idim.study.run import (
    FAILED_CELLS_EXIT_CODE,
    LEDGER_FILE,
    StudyResult,
    check_names,
    draw_again,
    measure,
)
from lit_idim.study.settings import StudySettings
from lit_idim.study.workers import set_threads
from lit_idim.tracking.tracker import Tracker, TrackingSettings, WandbMode
from lit_idim.training.distributed import launched_rank, num_launched_processes


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """None of them changes a number that is measured; only `threads` changes last bits.

    Attributes:
        out: folder for the outputs.
        ledger: address of a ledger to share, as postgresql://user@host/database; ledger.sqlite in `out` if null.
        workers: processes that run trainings side by side; 1 where a launcher's processes train together.
        threads: CPU threads of each of them; torch's default if null.
        devices_per_training: devices that each worker trains on together (DDP), with a process for each.
        engine: what runs the trainings. local is this machine's processes, ray a Ray cluster (extra ray).
        ray_address: of the cluster, as HOST:PORT or auto; a Ray of this machine's own, with `workers` trainings at a
            time, if null.
        gpus_per_training: that Ray reserves for a training, as 0.5 for two on one; 1 where there are GPUs if null.
        dry_run: only list the cells, D, and what they are expected to cost.
        plot_only: only write tables, figures and the report anew from the ledger.
        teraflops_per_second: sustained speed that --dry_run computes hours with.
        wandb: whether W&B shows the study. auto is online where a key is configured and the server answers within
            5 seconds, else disabled.
        wandb_project: of its runs on W&B.
        wandb_entity: user or team of the project; the key's own if null.
        wandb_trainings: whether every training has a run of its own on W&B, in the study's group.
    """

    out: Path
    ledger: str | None = None
    workers: int = 1
    threads: int | None = None
    devices_per_training: int = 1
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    gpus_per_training: float | None = None
    dry_run: bool = False
    plot_only: bool = False
    teraflops_per_second: float = GPU_TERAFLOPS_PER_SECOND
    wandb: WandbMode = "auto"
    wandb_project: str = "lit_idim"
    wandb_entity: str | None = None
    wandb_trainings: bool = False


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a study makes of its d90, beside the tables and figures that it has written.

    Attributes:
        text: for the terminal.
        has_failed: whether something of it failed.
    """

    text: str
    has_failed: bool = False


def run_as_asked(
    study: str,
    settings: StudySettings,
    options: RunOptions,
    find: Callable[[StudyResult], Findings],
    **of_the_study: Any,
) -> int:
    """Runs a study or goes on with it, draws it again, or prints what it would do.

    Args:
        study: its name, that of its script.
        settings: what is measured.
        options: how.
        find: writes what is the study's own into the folder of the outputs.
        of_the_study: further arguments of its command, for `config.yaml`.

    Returns:
        The exit code: 1 if a cell, or something of `find`, failed.

    Raises:
        UserError: for bad settings, an unusable folder or ledger, or if W&B cannot be had as asked.
    """
    if launched_rank() > 0 and (options.dry_run or options.plot_only):
        return 0
    if options.dry_run:
        print(describe_plan(settings, teraflops_per_second=options.teraflops_per_second))
        return 0
    if options.plot_only:
        result = draw_again(settings, options.out, study=study, ledger=options.ledger, of_the_study=of_the_study)
        return _conclude(settings, options.out, result, find, of_the_study)
    check_names(settings)
    _check_engine(options)
    set_threads(options.threads)
    with connected(settings, devices_per_training=options.devices_per_training, threads=options.threads) as trainings:
        if trainings is not None and not trainings.ranks.is_leader:
            trainings.follow()
            return 0
        if trainings is not None and options.workers > 1 and options.devices_per_training == 1:
            number = trainings.ranks.number
            print(f"workers: 1, not {options.workers}, since {number} processes train together")
            options = replace(options, workers=1)
        with _tracker(study, settings, options, of_the_study) as tracker, _engine(settings, options) as engine:
            result = measure(
                settings,
                options.out,
                study=study,
                ledger=options.ledger,
                workers=options.workers,
                threads=options.threads,
                devices_per_training=options.devices_per_training,
                tracker=tracker,
                trainings=trainings,
                engine=engine,
                of_the_study=of_the_study,
            )
            code = _conclude(settings, options.out, result, find, of_the_study)
            _show(tracker, options.out)
    return code


def _check_engine(options: RunOptions) -> None:
    """Refuses options of Ray without it, and what Ray cannot do.

    Raises:
        UserError: names the option.
    """
    if options.engine == "local":
        for name in ("ray_address", "gpus_per_training"):
            if getattr(options, name) is not None:
                raise UserError(f"{name}: has no effect without Ray; pass --engine ray, or leave it out")
        return
    if num_launched_processes()[0] > 1:
        raise UserError("engine: Ray starts its own workers; start the study without --devices, or without --engine")
    if options.devices_per_training != 1:
        raise UserError(
            f"devices_per_training: Ray runs each training in one process, got {options.devices_per_training}; leave "
            "it out, or leave out --engine ray"
        )
    share = options.gpus_per_training
    if share is not None and (share < 0 or (share > 1 and share != int(share))):
        raise UserError(f"gpus_per_training: expected a share of one GPU or a whole number of them, got {share:g}")
    if options.workers < 1:
        raise UserError(f"workers: expected at least 1, got {options.workers}")


@contextlib.contextmanager
def _engine(settings: StudySettings, options: RunOptions) -> Iterator[Engine | None]:
    """The engine that was asked for; None for processes of this machine.

    Raises:
        UserError: if it cannot be had.
    """
    if options.engine == "local":
        yield None
        return
    from lit_idim.study.ray_engine import ray_engine

    with ray_engine(
        settings,
        address=options.ray_address,
        workers=options.workers,
        threads=options.threads,
        num_gpus=options.gpus_per_training,
    ) as engine:
        yield engine


def _conclude(
    settings: StudySettings,
    out: Path,
    result: StudyResult,
    find: Callable[[StudyResult], Findings],
    of_the_study: Mapping[str, Any],
) -> int:
    """Writes and prints what is left to say; the exit code."""
    findings = find(result)
    step = of_the_study.get("pretraining_step")
    report = write_study_report(out, settings, result.rows, result.records, result.curves, pretraining_step=step)
    print(findings.text)
    print(f"written to {out}; open {report}")
    return FAILED_CELLS_EXIT_CODE if findings.has_failed else result.exit_code


def _tracker(study: str, settings: StudySettings, options: RunOptions, of_the_study: Mapping[str, Any]) -> Tracker:
    return Tracker(
        TrackingSettings(
            mode=options.wandb,
            project=options.wandb_project,
            entity=options.wandb_entity,
            trainings=options.wandb_trainings,
        ),
        study=study,
        folder=options.out,
        config=plain({**asdict(settings), **of_the_study}),
        variant=VARIANT_OF_TARGET[settings.search.targets[0]],
    )


def _show(tracker: Tracker, out: Path) -> None:
    """The study's outputs on W&B, each once."""
    tables = sorted(out.glob("*.csv"))
    tracker.send_tables([path for path in tables if path.stem != "trials"])
    tracker.send_figures(sorted((out / "figures").glob("*.png")))
    names = (f"wandb/{LEDGER_FILE}", CONFIG_FILE, "manifest.json", REPORT_FILE, "figures", "certificates")
    tracker.send_artifact([*tables, *(out / name for name in names)])
