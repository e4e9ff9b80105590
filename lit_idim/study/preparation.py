"""Fetches what a cell needs, and turns its trainings into requests and records."""

import functools
import platform
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version

from lit_idim.d90 import Request, TrainingId
from lit_idim.errors import UserError
from lit_idim.ledger import TrainingRecord
from lit_idim.projections import PROJECTIONS
from lit_idim.series.size import count_checkpoint_parameters
from lit_idim.study.cell import Cell, PreparedCell
from lit_idim.study.memory import require_memory
from lit_idim.study.settings import StudySettings
from lit_idim.study.training import Trainings, chance_score
from lit_idim.study.training_request import TrainingOutcome, TrainingRequest
from lit_idim.subspace import INITIALIZATION_VERSION
from lit_idim.tasks import get_task

_LIBRARIES = ("lit-idim", "torch", "lightning", "transformers", "tokenizers", "torchmetrics", "numpy")


def prepare(cell: Cell, settings: StudySettings, trainings: Trainings) -> PreparedCell:
    """Makes a cell's checkpoint and data readable, downloading them if need be.

    Raises:
        UserError: if either cannot be had or is damaged, the model does not fit in memory, or the range of d holds
            nothing for it.
    """
    training = settings.training_of(cell.task)
    num_labels = get_task(cell.task).num_labels
    # Of a model of a known family before it is downloaded, of others as soon as their config.json is here.
    if (known := count_checkpoint_parameters(cell.series, cell.step, num_labels)) is not None:
        require_memory(known.D, model=cell.series.name)
    location = cell.series.fetch(cell.step)
    count = count_checkpoint_parameters(cell.series, cell.step, num_labels)
    if count is None:
        raise UserError(f"{cell.name}: the checkpoint's config.json is missing, so its parameters cannot be counted")
    require_memory(count.D, model=cell.series.name)
    prepared = PreparedCell(
        cell=cell,
        settings=settings,
        training=training,
        location=location,
        D=0,
        m=0,
        chance=0.0,
        num_train_examples=0,
        num_dev_examples=1,
        checksums={},
    )
    probe = TrainingId(None, 0, 0)
    request = request_of(prepared, probe, learning_rate=1.0)
    data = trainings.data(request)
    train, dev = data.dataset("train"), data.dataset("dev")
    assert dev.labels is not None
    prepared = replace(
        prepared,
        D=count.D,
        m=count.m,
        chance=chance_score(data.task, dev.labels.numpy()),
        num_train_examples=len(train),
        num_dev_examples=len(dev.labels),
        checksums=trainings.identify(request, weights=cell.series.checksums.get(cell.step))
        | {"train": data.checksums["train"], "dev": data.checksums["dev"]},
    )
    if prepared.num_lambdas + 1 >= prepared.search(is_last=False).d_max:
        raise UserError(
            f"search.d_max: {cell.method} on {cell.series.name} pays for {prepared.num_lambdas} lambdas out of d, so "
            f"expected at least {prepared.num_lambdas + 2}; got {prepared.search(is_last=False).d_max}"
        )
    if prepared.num_updates < 2:
        raise UserError(f"training: {cell.task} makes {prepared.num_updates} update; expected at least 2")
    return prepared


def as_measured(
    cell: PreparedCell, records: Callable[[], Iterable[TrainingRecord]], trainings: Trainings
) -> PreparedCell:
    """A cell under the keys that its trainings have in the ledger.

    A key holds the checksum of the weights that the series states, or else that of the loaded encoder, another number.
    Where a series was measured before it stated any, its trainings are found under the latter.

    Args:
        cell: under the keys that it would have in an empty ledger.
        records: gives those of the ledger; not asked where the series states no checksum.
        trainings: load the weights to tell whether they are those of the ledger, where it has other keys.

    Returns:
        The cell under the keys that more of its trainings have; itself if the ledger has none.

    Raises:
        UserError: if the checkpoint cannot be loaded.
    """
    if cell.cell.series.checksums.get(cell.cell.step) is None:
        return cell
    named = cell.cell.series.name, cell.cell.checkpoint, cell.cell.task
    found: list[tuple[TrainingId, TrainingRecord]] = []
    for record in records():
        training = TrainingId(record.d, record.rate, record.replicate)
        # Of another method d may not even exceed this one's number of lambdas.
        if (record.model, record.checkpoint, record.task) == named and record.method == cell.cell.method_of(training):
            found.append((training, record))

    def num_found(one: PreparedCell) -> int:
        return sum(one.key(training) == record.key for training, record in found)

    best, most = cell, num_found(cell)
    for weights in sorted({record.checksums.get("weights", "") for _, record in found}):
        former = replace(cell, checksums=cell.checksums | {"weights": weights})
        if num_found(former) > most:
            request = request_of(cell, TrainingId(None, 0, 0), learning_rate=1.0)
            if trainings.identify(request, weights=None)["weights"] == weights:
                best, most = former, num_found(former)
    return best


def training_request(cell: PreparedCell, request: Request, state: bytes | None) -> TrainingRequest:
    """What to train for a request of the search.

    Args:
        cell: whose search asks.
        request: the training, to its early evaluation or to its end.
        state: of the paused training, if it was paused.
    """
    return replace(
        request_of(cell, request.training),
        stop_after=cell.early_update if request.early else None,
        state=state,
    )


def request_of(cell: PreparedCell, training: TrainingId, *, learning_rate: float | None = None) -> TrainingRequest:
    """A whole training of a cell, at the rate of its rung unless another is given."""
    in_subspace = training.d is not None
    return TrainingRequest(
        location=cell.location,
        task=cell.cell.task,
        data_dir=None if get_task(cell.cell.task).brings_data else cell.settings.data_dir,
        method=cell.cell.method_of(training),  # type: ignore[arg-type]
        d=training.d,
        projection=cell.settings.projection if in_subspace else None,
        learning_rate=cell.learning_rate(training) if learning_rate is None else learning_rate,
        seeds=cell.seeds(training),
        settings=cell.training,
    )


def record_of(
    cell: PreparedCell, training: TrainingId, outcome: TrainingOutcome, before: TrainingRecord | None
) -> TrainingRecord:
    """The row of a training that was run.

    Args:
        cell: whose training it is.
        training: which one.
        outcome: of this run.
        before: its row when it was paused.
    """
    in_subspace = training.d is not None
    started = datetime.now(timezone.utc) - timedelta(seconds=outcome.seconds)
    return TrainingRecord(
        key=cell.key(training),
        model=cell.cell.series.name,
        checkpoint=cell.cell.checkpoint,
        pretraining_step=cell.cell.pretraining_step,
        num_parameters=outcome.num_parameters,
        task=cell.cell.task,
        method=cell.cell.method_of(training),
        projection=cell.settings.projection if in_subspace else None,
        d=training.d,
        learning_rate=cell.learning_rate(training),
        rate=training.rate,
        num_lambdas=cell.num_lambdas if in_subspace else 0,
        replicate=training.replicate,
        status=outcome.status,
        reason=outcome.reason,
        metric=outcome.metric,
        score=outcome.score,
        chance_score=outcome.chance_score,
        evaluations=outcome.evaluations,
        num_updates=outcome.num_updates,
        num_updates_done=outcome.num_updates_done,
        num_examples=outcome.num_examples,
        batch_size=cell.training.batch_size,
        num_train_examples=outcome.num_train_examples,
        num_dev_examples=outcome.num_dev_examples,
        seconds=outcome.seconds + (0.0 if before is None else before.seconds),
        seeds=cell.seeds(training),
        versions=_versions(cell),
        checksums=dict(outcome.checksums),
        outcomes=outcome.outcomes,
        state=outcome.state,
        device=outcome.device,
        started_at=started.isoformat(timespec="seconds") if before is None else before.started_at,
    )


def _versions(cell: PreparedCell) -> dict[str, str]:
    return library_versions() | {
        "projection": str(PROJECTIONS[cell.settings.projection].version),
        "initialization": str(INITIALIZATION_VERSION),
    }


@functools.cache
def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a number may depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
