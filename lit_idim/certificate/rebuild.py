"""From a message back to a classifier: seeds by hash, theta_0 and P by seeds, theta_d and the lambdas by levels."""

from dataclasses import replace

import torch

from lit_idim.certificate.message import Message
from lit_idim.certificate.request import CertificateRequest
from lit_idim.errors import UserError
from lit_idim.projections import PROJECTIONS
from lit_idim.study.seeds import derived_seeds
from lit_idim.study.training import Trainings
from lit_idim.subspace import Subspace
from lit_idim.tasks import get_task
from lit_idim.training import SubspaceClassifier


def rebuild(message: Message, request: CertificateRequest, trainings: Trainings) -> SubspaceClassifier:
    """The classifier that a message names, on a base model loaded afresh.

    Of the request it takes only what was fixed before the sample was seen: checkpoint, step, task and settings.

    Raises:
        UserError: if P comes from another version of its generator, or the model has other layers.
    """
    version = PROJECTIONS[message.projection].version
    if version != message.projection_version:
        raise UserError(
            f"projection_version: the message was written with version {message.projection_version} of "
            f"{message.projection}, this release has version {version}; decode it with the release that wrote it"
        )
    seeds = derived_seeds(
        study_seed=message.study_seed,
        series=request.series,
        step=request.step,
        task=get_task(request.training.task).name,
        method=message.method,
        d=message.d,
        replicate=message.replicate,
    )
    named = replace(request.training, method=message.method, d=message.d, projection=message.projection, seeds=seeds)
    classifier, _ = trainings.classifier(named)
    network = classifier.network
    assert isinstance(network, Subspace)
    if len(network.theta_d) != len(message.theta_d.levels):
        raise UserError(
            f"message: it holds {len(message.theta_d.levels)} coordinates of d={message.d}, but this model takes "
            f"{len(network.theta_d)}; decode it with the model's own num_lambdas"
        )
    with torch.no_grad():
        network.theta_d.copy_(torch.from_numpy(message.theta_d.values()))
        if network.lambdas is not None and message.lambdas is not None:
            network.lambdas.copy_(torch.from_numpy(message.lambdas.values(1.0)))
    return classifier
