"""The study of generalization: certificates are made once, kept in the ledger, and written beside it."""

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.certificate import Certificate, CertificateRequest, CertificateSettings
from lit_idim.d90 import TrainingId
from lit_idim.errors import UserError
from lit_idim.generalization import making
from lit_idim.generalization.cells import certify_cells, write_generalization
from lit_idim.generalization.checks import require_certifiable
from lit_idim.generalization.summary import summarize_generalization
from lit_idim.ledger import Ledger, LedgerError
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.cell import load_cells
from lit_idim.study.d90_row import D90Row
from lit_idim.study.preparation import prepare
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.training import Trainings

SETTINGS = StudySettings(
    series=("toy-L2-H128",),
    steps=(2000, 4000),
    tasks=("toy-opinion",),
    training=TrainingSettings(num_updates=20, max_length=32, max_train_examples=64, max_dev_examples=32),
)
MakeRow = Callable[..., D90Row]


@pytest.fixture
def rows(make_row: MakeRow) -> list[D90Row]:
    named: dict[str, Any] = {"model": "toy-L2-H128", "task": "toy-opinion", "method": "said"}
    reached = make_row(
        **named,
        checkpoint="step-4000",
        pretraining_step=4000,
        d90=20.3,
        learning_rate_best=0.5,
        full_learning_rate=5e-5,
    )
    above = make_row(
        **named, checkpoint="step-2000", pretraining_step=2000, d90=None, status="above_range", reason=None
    )
    return [above, reached]


class Record:
    """What a certificate needs to know of a training."""

    def __init__(self, row: D90Row, method: str, learning_rate: float | None, rate: int, d: int | None = None) -> None:
        self.model, self.checkpoint, self.task = row.model, row.checkpoint, row.task
        self.method, self.learning_rate, self.rate, self.d = method, learning_rate, rate, d
        self.replicate, self.key, self.checksums = 0, "", dict[str, str]()


@pytest.fixture
def records(rows: list[D90Row]) -> list[Any]:
    row = rows[1]
    return [
        Record(row, "full", row.full_learning_rate, 2),
        # The same rate is another rung at another d.
        Record(row, row.method, row.learning_rate_best, -2, d=6),
        Record(row, row.method, row.learning_rate_best, -1, d=19),
        Record(row, row.method, row.learning_rate_best, 0, d=190),
    ]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[CertificateRequest]:
    """Requests of certificates, which are made up; full fine-tuning is not run either."""
    requests: list[CertificateRequest] = []

    def certify(request: CertificateRequest, trainings: Any) -> Certificate:
        requests.append(request)
        return Certificate(
            message=bytes(20), num_train_examples=58, num_examples=58, num_held_out=6, delta=request.delta,
            sample_error=0.1, held_out_error=0.15, dev_error=0.2, majority_error=0.5, unrounded_sample_error=0.05,
            unrounded_held_out_error=0.1, unrounded_dev_error=0.24, d=21, seconds=1.0,
        )  # fmt: skip

    monkeypatch.setattr(making, "certify", certify)
    monkeypatch.setattr(making, "train_on_sample", lambda *arguments: None)
    monkeypatch.setattr(making, "errors_by_part", lambda *arguments: {"sample": 0.0, "held_out": 0.1, "dev": 0.2})
    return requests


def open_ledger(path: Path) -> Ledger:
    return Ledger.open(path, settings=settings_to_agree(SETTINGS))


def test_a_certificate_is_made_once_at_d90_rounded_up_and_its_best_rate(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    told: list[str] = []
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        first = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=told.append))
    assert len(made) == 1 and len(told) == 1 and "160 bits of 58 examples" in told[0]
    (request,) = made
    assert (request.training.d, request.rate, request.step) == (21, -1, 4000)
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        again = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=told.append))
        assert again == first and len(made) == 1
        list(certify_cells(rows, records, SETTINGS, CertificateSettings(delta=0.1), ledger, tell=told.append))
        assert len(made) == 2 and made[1].delta == 0.1
    with Ledger.read(tmp_path / "ledger.sqlite") as ledger:
        drawn = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, is_plot_only=True))
        assert drawn == first
        other = CertificateSettings(holdout_seed=9)
        missing = list(certify_cells(rows, records, SETTINGS, other, ledger, is_plot_only=True))
    assert len(made) == 2 and "without --plot_only" in (missing[1].row.reason or "")


def test_checksums_that_a_series_states_later_leave_its_certificates(
    rows: list[D90Row],
    records: list[Any],
    made: list[CertificateRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stating = load_cells(SETTINGS)
    unstated = [replace(cell, series=replace(cell.series, checksums={})) for cell in stating]
    prepared = prepare(next(cell for cell in unstated if cell.step == 4000), SETTINGS, Trainings())
    for record in records:
        record.key = prepared.key(TrainingId(record.d, record.rate, record.replicate))
        record.checksums = prepared.checksums
    found = []
    for cells in (unstated, stating):
        monkeypatch.setattr("lit_idim.generalization.cells.load_cells", lambda settings, cells=cells: cells)
        with open_ledger(tmp_path / "ledger.sqlite") as ledger:
            found.append(list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger)))
    assert found[0] == found[1] and len(made) == 1


def test_a_certificate_that_is_not_as_it_was_written_is_made_again(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    def certified() -> list[Any]:
        with open_ledger(tmp_path / "ledger.sqlite") as ledger:
            cells = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None))
        return [replace(cell, row=replace(cell.row, seconds=None)) for cell in cells]

    first = certified()
    for damage in (
        "content = replace(content, '58', '59')",
        "content = substr(content, 5)",
        "content = '[]'",
        "content = replace(content, '58', 'NaN')",
        "message = x'01'",
    ):
        number = len(made)
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as database:
            assert database.execute(f"UPDATE certificates SET {damage}").rowcount == 1
            database.commit()
        assert certified() == first and len(made) == number + 1, damage
    assert certified() == first and len(made) == 6


def test_the_row_holds_gap_bits_and_bounds(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        above, reached = certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None)
    assert (above.message, above.row.kl_bound, above.row.reason) == (None, None, "d90 is above range")
    row = reached.row
    assert row.full_generalization_gap == pytest.approx((1.0 - 0.8) / (1 - 0.8))
    assert row.subspace_generalization_gap == pytest.approx((0.95 - 0.76) / (1 - 0.76))
    assert row.num_bits == 160 and row.asymptotic_shape == pytest.approx((21 / 58) ** 0.5)
    assert row.kl_bound is not None and row.hoeffding_bound is not None and row.kl_bound < row.hoeffding_bound
    assert row.is_non_vacuous == (row.kl_bound < 0.5)
    write_generalization(tmp_path, [above, reached])
    with (tmp_path / "generalization.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["num_bits"] for line in lines] == ["", "160"]
    message = tmp_path / "certificates" / "toy-L2-H128-step-4000-toy-opinion-said.bin"
    assert 8 * len(message.read_bytes()) == int(lines[1]["num_bits"])
    text = summarize_generalization([above.row, row])
    assert "no certificate: d90 is above range" in text and "at least 4 are needed" in text
    assert "WARNING" not in text
    assert "the bounds on mnli take every pair" in summarize_generalization([row, replace(row, task="mnli")])


def test_another_d_certifies_cells_without_a_d90_too(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    above = replace(rows[0], learning_rate_best=None)
    both = [*records, Record(above, "full", above.full_learning_rate, 1)]
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        settings = CertificateSettings()
        cells = list(certify_cells([above, rows[1]], both, SETTINGS, settings, ledger, d=12, tell=lambda _: None))
    assert [(request.training.d, request.step, request.rate) for request in made] == [(12, 2000, 0), (12, 4000, -1)]
    assert all(cell.message is not None for cell in cells)


def test_what_cannot_be_certified_has_a_reason_and_does_not_end_the_study(
    rows: list[D90Row],
    records: list[Any],
    made: list[CertificateRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: Any) -> Any:
        raise UserError("learning_rate: the training diverged")

    monkeypatch.setattr(making, "certify", refuse)
    both = [rows[1], replace(rows[1])]
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        cells = list(certify_cells(both, records, SETTINGS, CertificateSettings(), ledger))
    assert [cell.row.reason for cell in cells] == ["learning_rate: the training diverged"] * 2
    assert all(cell.has_failed and cell.message is None for cell in cells)


def test_a_certificate_stays_where_full_fine_tuning_diverges(
    rows: list[D90Row],
    records: list[Any],
    made: list[CertificateRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def diverge(*arguments: Any) -> Any:
        raise UserError("the full training diverged")

    monkeypatch.setattr(making, "train_on_sample", diverge)
    for _ in range(2):
        with open_ledger(tmp_path / "ledger.sqlite") as ledger:
            cells = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None))
    assert len(made) == 1 and not cells[1].has_failed
    row = cells[1].row
    assert (row.num_bits, row.full_train_accuracy, row.reason) == (160, None, "the full training diverged")
    assert "without full fine-tuning: the full training diverged" in summarize_generalization([row])


def test_a_lost_ledger_ends_the_study(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        (tmp_path / "ledger.sqlite").unlink()
        with pytest.raises(LedgerError):
            list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None))


@pytest.mark.parametrize(
    ("changes", "d", "message"),
    [
        ({"tasks": ("stsb",)}, None, "tasks: a certificate bounds the error of classes, but stsb is a regression"),
        ({"training": TrainingSettings(epochs=1, score="best_epoch")}, None, "training.score: a certificate is of the"),
        ({}, 0, "certificate_d: expected 1 to"),
        ({}, 2**20 + 1, "certificate_d: expected 1 to"),
    ],
)
def test_what_cannot_be_certified_is_refused_at_once(changes: dict[str, Any], d: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        require_certifiable(replace(SETTINGS, **changes), d)


def test_a_ledger_from_before_certificates_gets_their_table(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE certificates")
    with Ledger.read(path) as ledger:
        assert ledger.certificate("any") is None
    with open_ledger(path) as ledger:
        ledger.write_certificate("any", {"d": 3}, b"1")
        assert ledger.certificate("any") == ({"d": 3}, b"1")


def test_correlations_over_cells_have_intervals(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        one = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None))[1].row
    falling = [replace(one, d90=100.0 - 9 * n, full_dev_accuracy=0.7 + 0.02 * n) for n in range(8)]
    text = summarize_generalization(falling)
    assert "dev accuracy of full fine-tuning: rank correlation -1.00 (-1.00 to -1.00, over 8 cells" in text
    assert "gap of full fine-tuning: no correlation (all cells are tied)" in text


def test_no_certificates_on_several_devices() -> None:
    require_certifiable(SETTINGS)
    with pytest.raises(UserError, match="devices_per_training: a certificate is computed on one device, got 2"):
        require_certifiable(SETTINGS, devices_per_training=2)
