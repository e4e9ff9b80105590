"""What of a cell can be drawn: its d90, also that of a search which has not ended, or a mark instead of one."""

from lit_idim.figures.caption import standing
from lit_idim.study.d90_row import D90Row, D90Variant
from lit_idim.study.row_details import has_ended

_ON_STRIP = ("trivial", "no_signal", "failed", "not_measured", "in_progress")


def d90_of(row: D90Row, variant: D90Variant) -> float | None:
    """d90 if the target is reached, be it so far; else None."""
    return row.interval_of(variant)[0] if row.status_of(variant) == "reached" else None


def is_drawn(row: D90Row, variant: D90Variant) -> bool:
    """Whether there is anything to draw yet: a search that goes on may have no estimate at all."""
    return has_ended(row) or row.status_of(variant) not in ("failed", None)


def is_on_strip(row: D90Row, variant: D90Variant) -> bool:
    """Whether the mark has no place on the scale of d."""
    has_no_place = standing(row, variant) in _ON_STRIP and d90_of(row, variant) is None
    return has_no_place and is_drawn(row, variant)
