from lit_idim.figures.caption import caption
from lit_idim.study.row_details import NOT_ENDED


def test_a_caption_tells_what_is_in_and_what_is_not(make_row):
    rows = [
        make_row(),
        make_row(num_seeds=5, tolerance_met=False, learning_rate_at_edge=True, num_diverged=1),
        make_row(status="above_range"),
        make_row(status="trivial"),
        make_row(task="sst2", status="no_signal"),
    ]
    assert caption(rows, further="First.") == (
        "First. Target: 90% of the checkpoint's own full score; dev accuracy. 2 of 5 d90 reached; 1 above range (not "
        "reached at d_max); 1 trivial (chance reaches the target); 1 without signal (full score not above chance). "
        "Intervals: 90% (seeds, target). SAID with fastfood, adaptive protocol, d from 16 to 16,384, 3-5 seeds at the "
        "d nearest to d90, 400 updates of 32 examples. 1 search ended at its budget, wider than the tolerance. In "
        "1 the best learning rate is at the edge of those tried. 1 training diverged. toy-sst2 are in a generated "
        "language, not in English."
    )


def test_a_variant_is_named_and_unmeasured_cells_counted(make_row):
    words = caption([make_row()], variant="d90_final_target")
    assert "90% of the last checkpoint's full score" in words and "1 not measured" in words


def test_a_search_that_goes_on_counts_as_in_progress_alone(make_row):
    goes_on = {"notes": f"{NOT_ENDED}; x", "tolerance_met": False, "learning_rate_at_edge": True}
    words = caption(
        [make_row(), make_row(d90_low=None, **goes_on), make_row(status="failed", **goes_on), make_row(status="failed")]
    )

    assert "1 of 4 d90 reached; 1 failed; 2 in progress (search not ended, numbers may still change)." in words
    assert not [text for text in ("Open at an end", "budget", "at the edge") if text in words]


def test_no_rows_leave_the_further_words():
    assert caption([], further="Nothing.") == "Nothing."


def test_large_numbers_keep_their_digits(make_row):
    assert "d from 16 to 1,000,000" in caption([make_row(d_max=1_000_000)])
