"""What a row tells its reader beside the numbers."""

from lit_idim.d90 import Estimate, SearchSettings
from lit_idim.study.measured_cell import MeasuredCell
from lit_idim.study.row_details import NOT_ENDED, notes

CELL = MeasuredCell(model="m", checkpoint="final", pretraining_step=None, task="toy-sst2", method="did")


def told(estimate: Estimate, *, has_ended: bool = True) -> list[str]:
    return list(notes(CELL, has_ended, {}, None, SearchSettings(), estimate))


def test_an_interval_that_rules_nothing_out_is_a_warning() -> None:
    (warning,) = told(Estimate(status="reached", d90=41_000.0))
    assert warning.startswith("WARNING: the interval is open at both ends")
    assert told(Estimate(status="reached", d90=41_000.0, low=9_000.0)) == []
    assert told(Estimate(status="above_range", low=100_000.0)) == []


def test_a_search_that_goes_on_says_so_first() -> None:
    assert told(Estimate(status="reached", d90=41_000.0), has_ended=False) == [NOT_ENDED]
