"""The compression certificate of a training: train on a sample, round, write, read back, evaluate, bound."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lit_idim.certificate.bounds import kl_bound
from lit_idim.certificate.certificate import Certificate
from lit_idim.certificate.data import HELD_OUT, SAMPLE, HeldOutDataModule, class_labels, classification_error
from lit_idim.certificate.message import Message, decode, encode
from lit_idim.certificate.quantization import Grid, QuantizationAwareTraining, quantize
from lit_idim.certificate.rebuild import rebuild
from lit_idim.certificate.request import CertificateRequest
from lit_idim.certificate.sample_training import errors_by_part, sample_data, train_on_sample
from lit_idim.errors import UserError
from lit_idim.projections import PROJECTIONS
from lit_idim.study.training import Trainings
from lit_idim.subspace import Subspace
from lit_idim.training import SubspaceClassifier
from lit_idim.training.segmented import SegmentedTraining


def certify(request: CertificateRequest, trainings: Trainings) -> Certificate:
    """Trains a subspace on a part of the train set, and bounds the error of its compressed form.

    1. Training on the sample alone: the train split after `max_train_examples` without the held-out part.
    2. For each grid, further updates from there with rounded numbers in the forward pass.
    3. Each result is rounded, written to bytes, read from them, rebuilt on a fresh base model, and evaluated on the
       sample. The one with the lowest kl bound is kept: the bound holds for all messages at once, and the message tells
       its grid, so that this choice costs nothing beyond its bits.
    4. Errors of the kept one on the held-out part and the dev split, which no choice has looked at.

    Args:
        request: what to train and how to round it.
        trainings: keeps the checkpoint in memory.

    Returns:
        The certificate, its message included.

    Raises:
        UserError: if the data cannot be had or split, or the training or every rounding of it diverges.
    """
    started = time.perf_counter()
    training = request.training
    data = sample_data(training, request)
    num_updates = training.settings.updates(data.num_train_examples)
    unrounded = train_on_sample(training, trainings, data)
    candidates = [
        candidate
        for size in request.relative_steps
        if (candidate := _compress(request, trainings, data, unrounded, num_updates, size)) is not None
    ]
    if not candidates:
        raise UserError(
            f"certificate.relative_steps: at each of {request.relative_steps} the updates with rounded numbers "
            "diverged, or a number lay beyond the grid; pass larger steps or a smaller certificate.further_rate"
        )
    best = min(candidates, key=lambda candidate: candidate.bound)
    precision = training.settings.precision
    decoded = rebuild(decode(best.data, num_lambdas=_subspace(unrounded).layout.m), request, trainings)
    before, after = (errors_by_part(one, data, precision) for one in (unrounded, decoded))
    labels = class_labels(data, SAMPLE)
    assert training.d is not None
    return Certificate(
        message=best.data,
        num_train_examples=data.num_train_examples,
        num_examples=len(labels),
        num_held_out=len(data.holdout.held_out_wholes),
        delta=request.delta,
        sample_error=after[SAMPLE],
        held_out_error=after[HELD_OUT],
        dev_error=after["dev"],
        majority_error=1 - float(np.bincount(labels).max() / len(labels)),
        unrounded_sample_error=before[SAMPLE],
        unrounded_held_out_error=before[HELD_OUT],
        unrounded_dev_error=before["dev"],
        d=training.d,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A compressed form: its bytes, and the kl bound of the classifier that they decode to."""

    data: bytes
    bound: float


def _compress(
    request: CertificateRequest,
    trainings: Trainings,
    data: HeldOutDataModule,
    unrounded: SubspaceClassifier,
    num_updates: int,
    size: float,
) -> _Candidate | None:
    """The compressed form on the grid of a relative step; None if its updates diverge or the grid does not reach."""
    start = _subspace(unrounded)
    grid = Grid.relative(start, size)
    num_further = num_updates // 2 if request.num_further_updates is None else request.num_further_updates
    trained = unrounded
    if num_further:
        further = _train_rounded(request, trainings, data, start, grid, num_further)
        if further is None:
            return None
        trained = further
    try:
        message = _message(request, _subspace(trained), grid, num_updates + num_further)
    except UserError:
        return None
    encoded = encode(message)
    decoded = decode(encoded, num_lambdas=start.layout.m)
    classifier = rebuild(decoded, request, trainings)
    _require_equal(_subspace(classifier), message)
    error = classification_error(classifier, data, SAMPLE, request.training.settings.precision)
    bound = kl_bound(error, 8 * len(encoded), len(data.holdout.sample_wholes), request.delta)
    return _Candidate(data=encoded, bound=bound)


def _train_rounded(
    request: CertificateRequest,
    trainings: Trainings,
    data: HeldOutDataModule,
    start: Subspace,
    grid: Grid,
    num_updates: int,
) -> SubspaceClassifier | None:
    """Further updates from a trained state, with an optimizer of their own and a rate that falls to 0."""
    share, training = request.further_rate, request.training
    settings = replace(training.settings, lambda_learning_rate=share * training.settings.lambda_learning_rate)
    slower = replace(training, learning_rate=share * training.learning_rate, settings=settings)
    classifier, _ = trainings.classifier(slower)
    with torch.no_grad():
        for number, trained in zip(_trained(_subspace(classifier)), _trained(start), strict=True):
            number.copy_(trained)
    further = SegmentedTraining(
        classifier,
        data,
        num_updates=num_updates,
        precision=settings.precision,
        callbacks=[QuantizationAwareTraining(grid)],
    )
    further.advance(num_updates)
    return classifier if further.broken_at is None else None


def _message(request: CertificateRequest, subspace: Subspace, grid: Grid, num_updates: int) -> Message:
    vectors = {
        name: quantize(parameter, step_exponent=exponent, offset=offset)
        for name, (parameter, offset, exponent) in grid.places(subspace).items()
    }
    projection = subspace.projection.name
    return Message(
        method=subspace.method,
        projection=projection,
        projection_version=PROJECTIONS[projection].version,
        d=subspace.d,
        study_seed=request.study_seed,
        replicate=request.replicate,
        rate=request.rate,
        num_updates=num_updates,
        theta_d=vectors["theta_d"],
        lambdas=vectors.get("lambdas"),
    ).with_best_codebooks()


def _require_equal(rebuilt: Subspace, message: Message) -> None:
    """The rebuilt subspace must hold the bits that were encoded, not the ones that were decoded."""
    encoded = [message.theta_d.values(), *([] if message.lambdas is None else [message.lambdas.values(1.0)])]
    for number, expected in zip(_trained(rebuilt), encoded, strict=True):
        if number.detach().cpu().float().numpy().tobytes() != expected.tobytes():
            raise RuntimeError("the message did not decode to the numbers that it was made of")


def _trained(subspace: Subspace) -> list[Any]:
    return [subspace.theta_d] if subspace.lambdas is None else [subspace.theta_d, subspace.lambdas]


def _subspace(classifier: SubspaceClassifier) -> Subspace:
    assert isinstance(classifier.network, Subspace)
    return classifier.network
