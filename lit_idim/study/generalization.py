"""Certificates of a study's cells: kept in its ledger, made where they are missing."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lit_idim.certificate import (
    Certificate,
    CertificateRequest,
    CertificateSettings,
    certify,
    errors_by_part,
    relative_generalization_gap,
    sample_data,
    train_on_sample,
)
from lit_idim.d90 import TrainingId
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger, TrainingRecord
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import Cell, PreparedCell, load_cells
from lit_idim.study.d90_row import D90Row
from lit_idim.study.generalization_row import GENERALIZATION_COLUMNS, GeneralizationRow
from lit_idim.study.preparation import prepare, request_of
from lit_idim.study.run import LEDGER_FILE, StudyResult
from lit_idim.study.run_options import RunOptions
from lit_idim.study.settings import StudySettings
from lit_idim.study.tables import write_table
from lit_idim.study.training import Trainings

# Raised by every change of what a certificate is made from or holds.
CERTIFICATE_VERSION = 1
NOT_MADE = "no certificate in the ledger yet; run the study without --plot_only"
_CERTIFICATE_FIELDS = tuple(field.name for field in fields(Certificate) if field.name != "message")


@dataclass(frozen=True, kw_only=True)
class CertifiedCell:
    """A cell of the study.

    Attributes:
        row: its line in the table.
        message: the file that the rounded subspace is decoded from; None without a certificate.
    """

    row: GeneralizationRow
    message: bytes | None


def certify_study(
    result: StudyResult, settings: StudySettings, certificates: CertificateSettings, options: RunOptions
) -> list[CertifiedCell]:
    """The certificates of a study that was run, from its ledger and, unless it is only drawn again, by training.

    Raises:
        UserError: if the ledger cannot be read or written.
    """
    address, agreement = options.ledger or options.out / LEDGER_FILE, settings_to_agree(settings)
    opened = Ledger.read if options.plot_only else Ledger.open
    with opened(address, settings=agreement) as ledger:
        return list(
            certify_cells(result.rows, result.records, settings, certificates, ledger, is_plot_only=options.plot_only)
        )


def certify_cells(
    rows: Sequence[D90Row],
    records: Sequence[TrainingRecord],
    settings: StudySettings,
    certificates: CertificateSettings,
    ledger: Ledger,
    *,
    is_plot_only: bool = False,
    tell: Callable[[str], None] = print,
) -> Iterator[CertifiedCell]:
    """Certifies the cells of a study that have a d90, one after the other.

    Args:
        rows: of `d90.csv`.
        records: the trainings behind them.
        settings: of the study.
        certificates: how they are made.
        ledger: of the study; a certificate that it holds is not made again.
        is_plot_only: makes none that are missing.
        tell: is told of each that is made.

    Returns:
        A cell for each row; one that cannot be certified has a reason.

    Raises:
        UserError: if the ledger cannot be written.
    """
    cells = {(cell.series.name, cell.checkpoint, cell.task, cell.method): cell for cell in load_cells(settings)}
    trainings = Trainings()
    for row in rows:
        cell = cells[row.model, row.checkpoint, row.task, row.method]
        if row.status != "reached" or row.d90 is None:
            words = row.reason or f"d90 is {row.status.replace('_', ' ')}"
            yield CertifiedCell(row=_row(row, reason=words), message=None)
            continue
        try:
            asked = _Asked.of(row, records, prepare(cell, settings, trainings), certificates)
            found = ledger.certificate(asked.key)
        except UserError as error:
            yield CertifiedCell(row=_row(row, reason=str(error)), message=None)
            continue
        if found is None and is_plot_only:
            yield CertifiedCell(row=_row(row, reason=NOT_MADE), message=None)
            continue
        if found is None:
            try:
                found = _make(asked, trainings)
            except UserError as error:
                yield CertifiedCell(row=_row(row, reason=str(error)), message=None)
                continue
            ledger.write_certificate(asked.key, *found)
        certified = _certified(row, *found)
        tell(_told(cell, certified.row))
        yield certified


def write_generalization(folder: Path, cells: Sequence[CertifiedCell]) -> None:
    """Writes `generalization.csv`, and the message of each certificate in `certificates/`."""
    rows = [cell.row for cell in cells]
    columns = GENERALIZATION_COLUMNS
    write_table(folder / "generalization.csv", columns, ([getattr(row, name) for name in columns] for row in rows))
    messages = folder / "certificates"
    messages.mkdir(exist_ok=True)
    for cell in cells:
        if cell.message is not None:
            row = cell.row
            name = "-".join((row.model, row.checkpoint, row.task, row.method)).replace("/", "--")
            (messages / f"{name}.bin").write_bytes(cell.message)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is to be trained for a certificate: the subspace, and the whole model beside it."""

    cell: PreparedCell
    training: TrainingId
    full: TrainingId
    certificates: CertificateSettings

    @classmethod
    def of(
        cls,
        row: D90Row,
        records: Sequence[TrainingRecord],
        cell: PreparedCell,
        certificates: CertificateSettings,
    ) -> "_Asked":
        """The training at d90, rounded up, at its best learning rate, and that in full at its own."""
        assert row.d90 is not None
        mine = [
            record
            for record in records
            if (record.model, record.checkpoint, record.task) == (row.model, row.checkpoint, row.task)
        ]

        def rung(method: str, learning_rate: float | None) -> int:
            return next(
                record.rate for record in mine if (record.method, record.learning_rate) == (method, learning_rate)
            )

        return cls(
            cell=cell,
            training=TrainingId(math.ceil(row.d90), rung(row.method, row.learning_rate_best), 0),
            full=TrainingId(None, rung("full", row.full_learning_rate), 0),
            certificates=certificates,
        )

    @property
    def key(self) -> str:
        """Hash of everything that decides the numbers."""
        identity = {
            "version": CERTIFICATE_VERSION,
            "training": self.cell.key(self.training),
            "full": self.cell.key(self.full),
            "certificates": asdict(self.certificates),
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def _make(asked: _Asked, trainings: Trainings) -> tuple[dict[str, Any], bytes]:
    """The numbers of a certificate and of full fine-tuning on the same sample, and the message."""
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
    full = errors_by_part(train_on_sample(in_full, trainings, data), data, in_full.settings.precision)
    content = {name: getattr(certificate, name) for name in _CERTIFICATE_FIELDS}
    content |= {"full_train_error": full["train"], "full_dev_error": full["dev"]}
    content |= {"num_dev_examples": data.num_dev_examples, "seconds": round(time.perf_counter() - started, 3)}
    return content, certificate.message


def _certified(row: D90Row, content: dict[str, Any], message: bytes) -> CertifiedCell:
    one = Certificate(message=message, **{name: content[name] for name in _CERTIFICATE_FIELDS})
    full_train, full_dev = 1 - content["full_train_error"], 1 - content["full_dev_error"]
    found = _row(
        row,
        d=one.d,
        num_examples=one.num_examples,
        num_groups=one.num_groups,
        num_held_out=one.num_held_out,
        num_dev_examples=content["num_dev_examples"],
        full_train_accuracy=full_train,
        full_dev_accuracy=full_dev,
        full_generalization_gap=relative_generalization_gap(full_train, full_dev),
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
    )
    return CertifiedCell(row=found, message=message)


def _row(row: D90Row, **more: Any) -> GeneralizationRow:
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


def _told(cell: Cell, row: GeneralizationRow) -> str:
    return (
        f"certificate {cell.name}: d {row.d:,}, {row.num_bits:,} bits of {row.num_examples:,} examples: error "
        f"{row.sample_error:.3f} on them, {row.held_out_error:.3f} held out, at most {row.kl_bound:.3f} with "
        f"probability {1 - (row.delta or 0):g}"
    )
