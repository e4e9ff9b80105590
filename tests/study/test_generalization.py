"""The study of generalization: certificates are made once, kept in the ledger, and written beside it."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lit_idim.certificate import Certificate, CertificateRequest, CertificateSettings
from lit_idim.errors import UserError
from lit_idim.ledger import Ledger
from lit_idim.study import generalization
from lit_idim.study.agreement import settings_to_agree
from lit_idim.study.d90_row import D90Row
from lit_idim.study.generalization import certify_cells, write_generalization
from lit_idim.study.generalization_summary import summarize_generalization
from lit_idim.study.settings import StudySettings, TrainingSettings

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

    def __init__(self, row: D90Row, method: str, learning_rate: float | None, rate: int) -> None:
        self.model, self.checkpoint, self.task = row.model, row.checkpoint, row.task
        self.method, self.learning_rate, self.rate = method, learning_rate, rate


@pytest.fixture
def records(rows: list[D90Row]) -> list[Any]:
    row = rows[1]
    return [Record(row, "full", row.full_learning_rate, 2), Record(row, row.method, row.learning_rate_best, -1)]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[CertificateRequest]:
    """Requests of certificates, which are made up; full fine-tuning is not run either."""
    requests: list[CertificateRequest] = []

    def certify(request: CertificateRequest, trainings: Any) -> Certificate:
        requests.append(request)
        return Certificate(
            message=bytes(20), num_examples=58, num_groups=58, num_held_out=6, delta=request.delta,
            sample_error=0.1, held_out_error=0.15, dev_error=0.2, majority_error=0.5, unrounded_sample_error=0.05,
            unrounded_held_out_error=0.1, unrounded_dev_error=0.24, d=21, seconds=1.0,
        )  # fmt: skip

    monkeypatch.setattr(generalization, "certify", certify)
    monkeypatch.setattr(generalization, "train_on_sample", lambda *arguments: None)
    monkeypatch.setattr(
        generalization, "errors_by_part", lambda *arguments: {"train": 0.0, "held_out": 0.1, "dev": 0.2}
    )
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


def test_what_cannot_be_certified_has_a_reason_and_does_not_end_the_study(
    rows: list[D90Row],
    records: list[Any],
    made: list[CertificateRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: Any) -> Any:
        raise UserError("learning_rate: the training diverged")

    monkeypatch.setattr(generalization, "certify", refuse)
    both = [rows[1], replace(rows[1])]
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        cells = list(certify_cells(both, records, SETTINGS, CertificateSettings(), ledger))
    assert [cell.row.reason for cell in cells] == ["learning_rate: the training diverged"] * 2


def test_correlations_over_cells_have_intervals(
    rows: list[D90Row], records: list[Any], made: list[CertificateRequest], tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        one = list(certify_cells(rows, records, SETTINGS, CertificateSettings(), ledger, tell=lambda _: None))[1].row
    falling = [replace(one, d90=100.0 - 9 * n, full_dev_accuracy=0.7 + 0.02 * n) for n in range(8)]
    text = summarize_generalization(falling)
    assert "dev accuracy of full fine-tuning: rank correlation -1.00 (-1.00 to -1.00, over 8 cells" in text
    assert "gap of full fine-tuning: no correlation (all cells are tied)" in text
