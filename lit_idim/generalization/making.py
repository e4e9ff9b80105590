"""A certificate and full fine-tuning on the same sample: made, and put into a row."""

import time
from dataclasses import asdict, fields
from typing import Any

from lit_idim.certificate import (
    Certificate,
    CertificateRequest,
    certify,
    errors_by_part,
    relative_generalization_gap,
    sample_data,
    train_on_sample,
)
from lit_idim.certificate.data import SAMPLE
from lit_idim.errors import UserError
from lit_idim.generalization.asked import AskedCertificate
from lit_idim.generalization.row import GeneralizationRow
from lit_idim.study.d90_row import D90Row
from lit_idim.study.preparation import request_of
from lit_idim.study.training import Trainings

_CERTIFICATE_FIELDS = tuple(field.name for field in fields(Certificate) if field.name != "message")


def make_certificate(asked: AskedCertificate, trainings: Trainings) -> tuple[dict[str, Any], bytes]:
    """The numbers of a certificate and of full fine-tuning on the same sample, and the message.

    Raises:
        UserError: if the subspace cannot be trained; without full fine-tuning its numbers are left out.
    """
    started = time.perf_counter()
    cell = asked.cell
    request = CertificateRequest(
        training=request_of(cell, asked.training),
        series=cell.cell.series.name,
        step=cell.cell.step,
        study_seed=cell.settings.study_seed,
        replicate=asked.training.replicate,
        rate=asked.training.rate,
        **asdict(asked.certificates),
    )
    certificate = certify(request, trainings)
    in_full = request_of(cell, asked.full)
    data = sample_data(in_full, asked.certificates)
    content = {name: getattr(certificate, name) for name in _CERTIFICATE_FIELDS}
    content["num_dev_examples"] = data.num_dev_examples
    try:
        full = errors_by_part(train_on_sample(in_full, trainings, data), data, in_full.settings.precision)
    except UserError as error:
        content["full_reason"] = str(error)
    else:
        content |= {"full_sample_error": full[SAMPLE], "full_dev_error": full["dev"]}
    content["seconds"] = round(time.perf_counter() - started, 3)
    return content, certificate.message


def row_of_certificate(row: D90Row, content: dict[str, Any], message: bytes) -> GeneralizationRow:
    """The row of a cell with a certificate, from what the ledger holds of it."""
    one = Certificate(message=message, **{name: content[name] for name in _CERTIFICATE_FIELDS})
    full: dict[str, float | None] = {}
    if "full_sample_error" in content:
        train, dev = 1 - content["full_sample_error"], 1 - content["full_dev_error"]
        full = {"full_train_accuracy": train, "full_dev_accuracy": dev}
        full["full_generalization_gap"] = relative_generalization_gap(train, dev)
    return row_of_cell(
        row,
        d=one.d,
        num_train_examples=one.num_train_examples,
        num_examples=one.num_examples,
        num_held_out=one.num_held_out,
        num_dev_examples=content["num_dev_examples"],
        **full,
        subspace_train_accuracy=one.train_score,
        subspace_dev_accuracy=one.dev_score,
        subspace_generalization_gap=one.relative_generalization_gap,
        num_bits=one.num_bits,
        sample_error=one.sample_error,
        held_out_error=one.held_out_error,
        dev_error=one.dev_error,
        delta=one.delta,
        hoeffding_bound=one.hoeffding_bound,
        kl_bound=one.kl_bound,
        majority_error=one.majority_error,
        is_non_vacuous=one.is_non_vacuous,
        asymptotic_shape=one.asymptotic_shape,
        seconds=content["seconds"],
        reason=content.get("full_reason"),
    )


def row_of_cell(row: D90Row, **more: Any) -> GeneralizationRow:
    """The row of a cell as far as `d90.csv` tells it."""
    return GeneralizationRow(
        model=row.model,
        checkpoint=row.checkpoint,
        pretraining_step=row.pretraining_step,
        num_parameters=row.num_parameters,
        task=row.task,
        method=row.method,
        status=row.status,
        d90=row.d90,
        d90_low=row.d90_low,
        d90_high=row.d90_high,
        **more,
    )
