"""A report that is written while searches go on."""

import pytest

from lit_idim.report import report_page
from lit_idim.report.exceptions import EXPLANATIONS
from lit_idim.report.facts import facts
from lit_idim.study.row_details import NOT_ENDED

from .parsed import parse

SEARCHED = {"tolerance_met": False, "learning_rate_at_edge": True, "notes": NOT_ENDED}


@pytest.fixture
def rows(make_row):
    """One that has ended, and of searches that go on one of each status that they can have so far."""
    of_status = {
        "reached": {"d90_low": None},
        "above_range": {"d90_low": 16384.0},
        "failed": {"reason": "not measured yet", "num_trainings": 1},
    }
    goes_on = [
        make_row(pretraining_step=2000 * n, status=status, **SEARCHED, **changes)
        for n, (status, changes) in enumerate(of_status.items(), 1)
    ]
    return [make_row(pretraining_step=1000), *goes_on]


@pytest.fixture
def page(rows, make_content):
    return parse(report_page(make_content(rows, is_complete=False)))


def exceptions_of(page):
    (found,) = [one for one in page.all("section") if one.attributes.get("id") == "exceptions"]
    return found


def test_a_search_that_goes_on_counts_as_in_progress_alone(page):
    words = "in progress (search not ended, numbers may still change)"

    assert f"Here 1 of 4 cells reached the target; 3 {words}." in page.all("header")[0].text
    assert f"1 of 4 d90 reached; 3 {words}." in page.all("figcaption")[0].text
    assert not [text for text in ("budget", "Open at an end", "at the edge") if text in page.all("figcaption")[0].text]


def test_nothing_final_is_said_of_it(page):
    found = exceptions_of(page)
    (group,) = found.all("section")

    assert group.all("h3")[0].text == "in progress: 3 of 4"
    assert EXPLANATIONS["in_progress"] in group.text
    assert [item.text.split("SAID: ")[1] for item in group.all("li")] == [
        "d90 300 (90% interval open below, up to 450), so far; 30 trainings",
        "above_range, so far; 30 trainings",
        "1 training",
    ]
    assert not found.all("details")
    assert "failed" not in found.text and "Not even d_max" not in found.text


def test_its_mark_is_its_own_and_stands_in_the_legend(page):
    figure = page.all("figure", "headline")[0]
    marks = figure.all("a", "mark")

    assert [mark.attributes["data-status"] for mark in marks] == ["reached", "in_progress", "in_progress"]
    assert [len(mark.all(of_class="dashed")) for mark in marks] == [0, 1, 0]
    assert "d90 300 (90% interval open below, up to 450), so far" in marks[1].attributes["aria-label"]
    assert "no d90 yet: the search has not ended; status: above_range, so far" in marks[2].attributes["aria-label"]
    assert [key.text for key in figure.all("ul", "keys")[0].all("li")] == [
        "in progress: d90 so far",
        "in progress: no d90 yet",
    ]


def test_the_facts_of_a_cell_without_an_estimate_call_it_in_progress(rows):
    text = parse(facts(rows[-1], "d90")).text

    assert "statusin progress" in text and "the search has not ended" in text and "not measured yet" not in text


def test_a_study_of_which_nothing_is_estimated_yet_has_a_page(make_row, make_content):
    rows = [make_row(status="failed", full_score=None, notes=NOT_ENDED, num_trainings=1)]
    page = parse(report_page(make_content(rows, is_complete=False)))

    assert not page.all("a", "mark")
    assert "in progress: 1 of 1" in exceptions_of(page).text


def test_a_line_does_not_pass_over_a_cell_without_an_estimate(make_row, make_content):
    rows = [make_row(pretraining_step=step) for step in (1, 10, 1000, 10_000)]
    rows.append(make_row(pretraining_step=100, status="failed", notes=NOT_ENDED))
    (line,) = parse(report_page(make_content(rows))).all("g", "series")

    assert len(line.all("path", "line")) == 2


def test_there_is_no_mean_over_tasks_while_one_goes_on(make_row, make_content):
    rows = [make_row(pretraining_step=step, task=task) for step in (1, 10, 100) for task in ("a", "b")]
    rows.append(make_row(pretraining_step=1000, task="a"))
    rows.append(make_row(pretraining_step=1000, task="b", notes=NOT_ENDED))
    (means,) = parse(report_page(make_content(rows))).all("g", "mean")

    assert len(means.all("g", "mark")) == 3


def test_a_reason_of_d90_is_none_of_another_target(make_row):
    row = make_row(status="above_range", reason="of d90", d90_first_crossing=64)
    words = parse(facts(row, "d90_chance_corrected")).text

    assert "of d90" not in words and "first crossing" not in words
    assert "of d90" in parse(facts(row, "d90")).text and "first crossing64" in parse(facts(row, "d90")).text
    failed = make_row(status="failed", reason="no such file", d90_chance_corrected_status="failed")
    assert "reasonno such file" in parse(facts(failed, "d90_chance_corrected")).text


def test_a_reason_of_d90_stands_in_no_list_of_another_target(make_row, make_content):
    row = make_row(status="above_range", reason="of d90", d90_chance_corrected_status="no_signal")
    page = parse(report_page(make_content([row], variant="d90_chance_corrected")))

    assert "no signal: 1 of 1" in exceptions_of(page).text and "of d90" not in exceptions_of(page).text
