import re
from collections import Counter
from pathlib import Path

import pytest

from lit_idim.report import ReportFigure, ReportTable, report_page, write_report
from lit_idim.report.exceptions import EXPLANATIONS
from lit_idim.study.d90_row import D90_COLUMNS

from .parsed import Element, parse

STATUSES = ("reached", "above_range", "below_range", "trivial", "no_signal", "failed")
HOSTILE = "</script><script>alert('1')</script> & \"quoted\" <img src=x onerror=alert(2)> ]]> --> {{ 7 * 7 }}"


@pytest.fixture
def rows(make_row):
    return [make_row(pretraining_step=500 * n, status=status) for n, status in enumerate(STATUSES)]


def section(page: Element, name: str) -> Element:
    (found,) = [one for one in page.all() if one.attributes.get("id") == name]
    return found


def test_written_whole_and_found_again(tmp_path, rows, make_content):
    path = write_report(tmp_path / "report.html", make_content(rows))

    assert path == tmp_path / "report.html"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text(encoding="utf-8") == report_page(make_content(rows))


def test_sections_come_in_reading_order_and_the_figure_first(rows, make_content):
    table = ReportTable(title="Beside the paper", header=["x"], rows=[["1"]])
    page = parse(report_page(make_content(rows, tables=[table])))
    main = page.all("main")[0]
    ids = [one.attributes["id"] for one in main.children if isinstance(one, Element) and "id" in one.attributes]

    assert ids == [
        "headline",
        "trends",
        "exceptions",
        "table",
        "scores",
        "tables",
        "trainings",
        "reproduce",
        "provenance",
    ]


def test_every_id_is_unique_and_every_link_leads_somewhere(rows, make_row, make_content):
    alike = [make_row(task="a/b"), make_row(task="a b"), make_row(task="a-b", method="did")]
    page = parse(report_page(make_content([*rows, *alike])))
    ids = Counter(one.attributes["id"] for one in page.all() if "id" in one.attributes)
    links = {one.attributes["href"] for one in page.all("a")}

    assert set(ids.values()) == {1}
    assert {link for link in links if link is not None and link[1:] not in ids} == set()


def test_names_cannot_become_markup(make_row, make_content):
    row = make_row(model=HOSTILE, task=HOSTILE, checkpoint=HOSTILE, status="failed", reason=HOSTILE, notes=HOSTILE)
    content = make_content(
        [row, make_row(model=HOSTILE, task=HOSTILE, notes=f"WARNING: {HOSTILE}")],
        study=HOSTILE,
        config=HOSTILE,
        trends=[HOSTILE],
        manifest={HOSTILE: {HOSTILE: [HOSTILE]}},
        tables=[ReportTable(title=HOSTILE, header=[HOSTILE], rows=[[HOSTILE]], note=HOSTILE)],
    )
    plain = parse(report_page(make_content([make_row(status="failed"), make_row(task="other")])))
    page = parse(report_page(content))

    assert len(page.all("script")) == len(plain.all("script")) == 1
    assert page.all("script")[0].text == plain.all("script")[0].text
    assert not page.all("img")
    assert not [name for one in page.all() for name in one.attributes if name.startswith("on")]
    assert HOSTILE in page.all("title")[0].text
    assert any(HOSTILE in (mark.attributes["aria-label"] or "") for mark in page.all("a", "mark"))
    for name in ("trends", "exceptions", "table", "scores", "tables", "reproduce", "provenance"):
        assert HOSTILE in section(page, name).text, name


def test_half_of_a_surrogate_pair_in_a_name_does_not_stop_the_page(tmp_path, make_row, make_content):
    path = write_report(tmp_path / "report.html", make_content([make_row(task="half \ud800")]))

    assert "half ?" in parse(path.read_text(encoding="utf-8")).all("h3")[-1].text


def test_a_figure_says_when_it_was_drawn(tmp_path, rows, make_content):
    (tmp_path / "figure.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    figures = [ReportFigure(path=tmp_path / "figure.svg", alt="A figure.", note=note) for note in ("Drawn today.", "")]
    captions = section(parse(report_page(make_content(rows, figures=figures))), "figures").all("figcaption")

    assert [[small.text for small in one.all("small")] for one in captions] == [["Drawn today."], []]


def test_nothing_is_loaded_from_elsewhere(tmp_path, rows, make_content):
    (tmp_path / "figure.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "figure.png").write_bytes(b"\x89PNG")
    figures = [ReportFigure(path=tmp_path / name, alt=f"the {name}") for name in ("figure.svg", "figure.png")]
    text = report_page(make_content(rows, figures=figures))
    page = parse(text)
    policy = page.all("meta")[1].attributes["content"]

    assert policy is not None and policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not page.all("link") + page.all("iframe") + page.all("object")
    assert all(not one.attributes.get("src") or one.attributes["src"].startswith("data:") for one in page.all())
    assert all(one.attributes["href"].startswith("#") for one in page.all() if "href" in one.attributes)
    assert [one.attributes["alt"] for one in page.all("img")] == ["the figure.svg", "the figure.png"]
    assert not re.search(r"https?://", text)
    assert "url(" not in text and "@import" not in text
    assert not [one for one in page.all() if "style" in one.attributes]  # the policy would not let it work


def test_a_figure_of_an_unknown_kind_is_refused(tmp_path, rows, make_content):
    with pytest.raises(ValueError, match=r"expected \.png or \.svg, got figure\.pdf"):
        report_page(make_content(rows, figures=[ReportFigure(path=tmp_path / "figure.pdf", alt="")]))


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "reached"])
def test_every_status_is_explained_where_it_occurs(status, rows, make_row, make_content):
    with_it = section(parse(report_page(make_content(rows))), "exceptions")
    without = section(parse(report_page(make_content([make_row()]))), "exceptions")

    assert EXPLANATIONS[status] in with_it.text
    assert f"{status.replace('_', ' ')}: 1 of 6" in with_it.text
    assert EXPLANATIONS[status] not in without.text
    assert "Every cell has a d90." in without.text


def test_what_to_beware_of_is_listed(make_row, make_content):
    row = make_row(
        d90_low=None,
        tolerance_met=False,
        learning_rate_at_edge=True,
        num_diverged=2,
        notes="x; WARNING: under-tuned; y",
    )
    text = section(parse(report_page(make_content([row]))), "exceptions").text

    assert "Warnings (1)" in text and ": WARNING: under-tuned" in text and "; y" not in text
    assert "open below, down to d_min = 16" in text
    for words in ("at its budget", "at the edge", "diverged"):
        assert words in text


def test_the_table_has_no_number_where_there_is_no_d90(rows, make_content):
    body = section(parse(report_page(make_content(rows))), "table").all("tbody")[0]
    column = [line.all("td")[5].text for line in body.all("tr")]

    assert column == ["300", "", "", "", "", ""]


def test_all_columns_of_d90_csv_can_be_reached(rows, make_content):
    table = section(parse(report_page(make_content(rows))), "table").all("table")[1]

    assert [head.text for head in table.all("th")] == list(D90_COLUMNS)
    assert {len(line.all("td")) for line in table.all("tbody")[0].all("tr")} == {len(D90_COLUMNS)}


def test_says_how_to_reproduce_and_what_it_was_measured_with(rows, make_content):
    page = parse(report_page(make_content(rows)))

    assert (
        "lightning run studies/pretrain_curve.py --config config.yaml --out FOLDER" in section(page, "reproduce").text
    )
    assert "series:\n- toy-L2-H128\n" in section(page, "reproduce").text
    for words in ("250d246", "2.13.0", "308d6321d82eb621", "study_seed", "cpu"):
        assert words in section(page, "provenance").text
    assert "lightning run" not in parse(report_page(make_content(rows, study="measure_d90"))).text


def test_a_ledger_of_its_own_is_left_for_a_fresh_measurement(rows, make_content):
    shared = parse(report_page(make_content(rows, config="ledger: postgresql://ada@server/d90\n")))
    command, text = section(shared, "reproduce").all("pre")[0].text, section(shared, "reproduce").text

    assert command.endswith("--config config.yaml --out FOLDER --ledger null")
    assert "finished trainings are rows of postgresql://ada@server/d90" in text and "ledger.sqlite" not in text
    for config in ("ledger: null\n", "a: [", "- a list\n"):
        text = section(parse(report_page(make_content(rows, config=config))), "reproduce").text
        assert "--ledger null" not in text and "rows of ledger.sqlite" in text


def test_a_study_without_a_name_or_settings_reads_well(rows, make_content):
    page = parse(report_page(make_content(rows, study="")))
    bare = section(parse(report_page(make_content(rows, study="", config=""))), "reproduce").text

    assert page.all("title")[0].text == "d90: toy-L2-H128"
    assert "The settings of this study, as it ran" in section(page, "reproduce").text
    assert "lightning run" not in page.text
    assert bare == "How to reproduceThe settings of this study are not known; its trainings are in its ledger."


def test_an_unfinished_study_says_so_at_the_top(make_row, make_content):
    rows = [make_row(), make_row(task="b", notes="the search has not ended")]
    unfinished = parse(report_page(make_content(rows, is_complete=False, num_cells=7))).all("header")[0]

    assert "Not complete: 1 of 7 cells done." in unfinished.text
    assert "Not complete" not in parse(report_page(make_content(rows))).text


def test_a_cell_whose_search_goes_on_says_so(make_row, make_content):
    rows = [make_row(), make_row(task="b", notes="the search has not ended")]
    page = parse(report_page(make_content(rows, is_complete=False)))
    lines = section(page, "table").all("tbody")[0].all("tr")

    assert [line.all("td")[8].text for line in lines] == ["reached", "reached, so far"]
    assert "status: reached, so far" in page.all("a", "mark")[1].attributes["aria-label"]


def test_a_study_without_a_row_has_a_page(make_content):
    page = parse(report_page(make_content([], is_complete=False, num_cells=4)))

    assert "Not complete: 0 of 4 cells done." in page.text
    assert "No cell has been measured yet." in page.text


def test_five_hundred_trainings_fit_in_three_megabytes(make_row, make_content):
    rows = [
        make_row(pretraining_step=1000 * step, task=task, d90=300.0 + step)
        for step in range(1, 11)
        for task in ("mrpc", "qqp", "sst2", "mnli", "yelp_polarity")
    ]
    content = make_content(rows, trainings_each=10)

    assert len(content.records) == 500
    assert len(report_page(content).encode()) < 1_500_000  # which leaves as much for further figures


def test_styles_and_script_are_package_data():
    import lit_idim.report

    folder = Path(lit_idim.report.__file__).parent
    assert {"report.css", "report.js"} <= {path.name for path in folder.iterdir()}
    for name in ("report.css", "report.js"):
        assert "</" not in (folder / name).read_text(encoding="utf-8")
