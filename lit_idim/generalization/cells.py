"""Certificates of a study's cells: kept in its ledger, made where they are missing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_idim.certificate import CertificateSettings
from lit_idim.errors import UserError
from lit_idim.generalization.asked import asked_certificate
from lit_idim.generalization.making import make_certificate, row_of_cell, row_of_certificate
from lit_idim.generalization.row import GENERALIZATION_COLUMNS, GeneralizationRow
from lit_idim.ledger import Ledger, LedgerError, TrainingRecord
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import Cell, load_cells
from lit_idim.study.d90_row import D90Row
from lit_idim.study.preparation import as_measured, prepare
from lit_idim.study.run import LEDGER_FILE, StudyResult, as_output_error
from lit_idim.study.run_options import RunOptions
from lit_idim.study.settings import StudySettings
from lit_idim.study.stop_signals import obey_stop_signal
from lit_idim.study.tables import write_table
from lit_idim.study.training import Trainings

NOT_MADE = "no certificate in the ledger yet; run the study without --plot_only"


@dataclass(frozen=True, kw_only=True)
class CertifiedCell:
    """A cell of the study.

    Attributes:
        row: its line in the table.
        message: the file that the rounded subspace is decoded from; None without a certificate.
        has_failed: whether there should be one and is none.
    """

    row: GeneralizationRow
    message: bytes | None = None
    has_failed: bool = False


def certify_study(
    result: StudyResult,
    settings: StudySettings,
    certificates: CertificateSettings,
    options: RunOptions,
    *,
    d: int | None = None,
) -> list[CertifiedCell]:
    """The certificates of a study that was run, from its ledger and, unless it is only drawn again, by training.

    `generalization.csv` and the messages are written after every cell. One process makes them, whatever the workers.

    Args:
        result: of the study.
        settings: of the study.
        certificates: how they are made.
        options: of the run.
        d: trained numbers of every certified subspace; d90, rounded up, if None.

    Raises:
        UserError: if the ledger or the outputs cannot be read or written.
    """
    address, agreement = options.ledger or options.out / LEDGER_FILE, settings_to_agree(settings)
    opened = Ledger.read if options.plot_only else Ledger.open
    cells: list[CertifiedCell] = []
    with opened(address, settings=agreement) as ledger:
        for cell in certify_cells(
            result.rows, result.records, settings, certificates, ledger, d=d, is_plot_only=options.plot_only
        ):
            cells.append(cell)
            with as_output_error(options.out):
                write_generalization(options.out, cells)
    return cells


def certify_cells(
    rows: Sequence[D90Row],
    records: Sequence[TrainingRecord],
    settings: StudySettings,
    certificates: CertificateSettings,
    ledger: Ledger,
    *,
    d: int | None = None,
    is_plot_only: bool = False,
    tell: Callable[[str], None] = print,
) -> Iterator[CertifiedCell]:
    """Certifies the cells of a study that have a d90, or all at a given d, one after the other.

    Args:
        rows: of `d90.csv`.
        records: the trainings behind them.
        settings: of the study.
        certificates: how they are made.
        ledger: of the study; a certificate that it holds is not made again.
        d: trained numbers; those of d90 if None.
        is_plot_only: makes none that are missing.
        tell: is told of each that is made.

    Returns:
        A cell for each row; one that cannot be certified has a reason.

    Raises:
        KeyboardInterrupt: before a cell, if a signal to stop has come.
        UserError: if the ledger cannot be read or written.
    """
    cells = {(cell.series.name, cell.checkpoint, cell.task, cell.method): cell for cell in load_cells(settings)}
    trainings = Trainings()
    for row in rows:
        obey_stop_signal()
        if row.status == "failed" or (d is None and row.d90 is None):
            words = row.reason if row.status == "failed" else f"d90 is {row.status.replace('_', ' ')}"
            yield CertifiedCell(row=row_of_cell(row, reason=words))
            continue
        cell = cells[row.model, row.checkpoint, row.task, row.method]
        try:
            prepared = as_measured(prepare(cell, settings, trainings), lambda: records, trainings)
            asked = asked_certificate(row, records, prepared, certificates, d)
            found = ledger.certificate(asked.key)
            if found is None and is_plot_only:
                yield CertifiedCell(row=row_of_cell(row, reason=NOT_MADE))
                continue
            if found is None:
                found = make_certificate(asked, trainings)
                ledger.write_certificate(asked.key, *found)
                tell(_told(cell, row_of_certificate(row, *found)))
        except LedgerError:
            raise
        except SystemExit as error:
            # Lightning ends the process where a fit is interrupted.
            raise KeyboardInterrupt from error
        except (UserError, OSError, RuntimeError, MemoryError) as error:
            # A training that diverges or does not fit in memory is the end of this cell, not of the study.
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            yield CertifiedCell(row=row_of_cell(row, reason=f"{kind}{error}"), has_failed=True)
            continue
        yield CertifiedCell(row=row_of_certificate(row, *found), message=found[1])


def write_generalization(folder: Path, cells: Sequence[CertifiedCell]) -> None:
    """Writes `generalization.csv`, and the message of each certificate in `certificates/`, alone of `.bin` there."""
    rows = [cell.row for cell in cells]
    columns = GENERALIZATION_COLUMNS
    write_table(folder / "generalization.csv", columns, ([getattr(row, name) for name in columns] for row in rows))
    messages = folder / "certificates"
    messages.mkdir(exist_ok=True)
    written = {_message_file(cell.row): cell.message for cell in cells if cell.message is not None}
    for old in messages.glob("*.bin"):
        if old.name not in written:
            old.unlink()
    for name, message in written.items():
        aside = messages / f"{name}.part"
        aside.write_bytes(message)
        aside.replace(messages / name)


def _message_file(row: GeneralizationRow) -> str:
    return "-".join((row.model, row.checkpoint, row.task, row.method)).replace("/", "--") + ".bin"


def _told(cell: Cell, row: GeneralizationRow) -> str:
    return (
        f"certificate {cell.name}: d {row.d:,}, {row.num_bits:,} bits of {row.num_examples:,} examples: error "
        f"{row.sample_error:.3f} on them, {row.held_out_error:.3f} held out, at most {row.kl_bound:.3f} with "
        f"probability {1 - (row.delta or 0):g}"
    )
