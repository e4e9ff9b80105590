"""The quick faults, injected once each; `python -m tests.faults.campaign` injects all of them, in 20 minutes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lit_idim.ledger import Ledger, TrainingRecord

from .campaign import inject, undisturbed
from .case import Case
from .fault import FAULTS, Skipped


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield undisturbed(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.is_quick])
def test_nothing_is_lost(name: str, reference: Case, tmp_path: Path) -> None:
    try:
        result = inject(FAULTS[name], tmp_path / "case", reference, f"0 {name}")
    except Skipped as why:
        pytest.skip(str(why))
    assert result.survived and result.lost == 0, result.note


def test_the_campaign_can_fail(reference: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that tells that it has written what it has not is found out."""
    write = Ledger.write

    def forget(ledger: Ledger, record: TrainingRecord) -> bool:
        return (record.status == "finished" and record.replicate == 0) or write(ledger, record)

    monkeypatch.setattr(Ledger, "write", forget)
    result = inject(FAULTS["driver killed"], tmp_path / "case", reference, "0")
    assert result.lost > 0
