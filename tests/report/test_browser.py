"""The report in a real browser: opened as a file, hovered, tapped, sorted, driven by the keyboard, dark and small."""

import shutil

import pytest
from matplotlib.figure import Figure

from lit_idim.report import ReportFigure, ReportTable, write_report
from lit_idim.study.row_details import NOT_ENDED

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STATUSES = ("reached", "above_range", "below_range", "trivial", "no_signal", "failed")
NUMBERS = ("10", "", "9", "1,000", "9", "-1")
# WCAG's contrast of a text with what is behind it.
CONTRAST = """(selector) => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => color.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const one = document.querySelector(selector);
  const style = getComputedStyle(one);
  let behind = one;
  while (behind && (rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  const text = light(rgb(one instanceof SVGElement && style.fill !== "none" ? style.fill : style.color));
  const page = light(rgb(getComputedStyle(behind).backgroundColor));
  return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
}"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        pytest.skip(f"needs one of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """A figure as matplotlib writes it, as SVG, with the styles within, and as PNG."""
    folder = tmp_path_factory.mktemp("figures")
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([1, 2, 3], [3, 1, 2], marker="o")
    for end in ("svg", "png"):
        figure.savefig(folder / f"figure.{end}")
    return [ReportFigure(path=folder / f"figure.{end}", alt=f"the {end}", note="Now.") for end in ("svg", "png")]


@pytest.fixture
def opened(browser, tmp_path, make_row, make_content, figures):
    """Opens the report of some rows; whatever goes wrong in the page fails the test."""
    problems, contexts = [], []

    def open_page(**of_context):
        rows = [make_row(pretraining_step=500 * n, status=status) for n, status in enumerate(STATUSES)]
        rows.append(make_row(pretraining_step=4000, task="second", d90=40.0, d90_low=None, d90_high=90.0))
        rows.append(make_row(pretraining_step=8000, task="second", notes=NOT_ENDED))
        table = ReportTable(
            title="numbers", header=["n", "name"], rows=[[n, f"row-{i}"] for i, n in enumerate(NUMBERS)]
        )
        content = make_content(rows, tables=[table], figures=figures, is_complete=False)
        path = write_report(tmp_path / "report.html", content)
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | of_context))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(request.url))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url))
        page.set_default_timeout(10_000)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def middle(page, locator):
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_hovering_a_mark_shows_its_cell(opened):
    page = opened()
    page.mouse.move(*middle(page, page.locator("a.mark[data-status=reached] .hit").first))

    tip = page.locator("#tip")
    assert tip.is_visible()
    assert "d90 300 (90% interval 200 to 450)" in tip.inner_text()
    assert "30 trainings" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_clicking_a_mark_goes_to_its_scores(opened):
    page = opened()
    mark = page.locator("a.mark[data-status=trivial]")
    page.mouse.click(*middle(page, mark.locator(".hit")))

    assert page.evaluate("location.hash") == mark.get_attribute("href")
    panel = page.locator(mark.get_attribute("href").replace(".", "\\."))
    panel.wait_for(state="visible")
    page.wait_for_function(
        "() => { const y = document.activeElement.getBoundingClientRect().y; return y > -5 && y < 700 }"
    )
    assert page.evaluate("document.activeElement.id") == panel.get_attribute("id")


def test_the_keyboard_shows_a_mark_and_enter_follows_it(opened):
    page = opened()
    mark = page.locator("a.mark[data-status=reached]").first
    mark.focus()
    assert "d90 300 (90% interval 200 to 450)" in page.locator("#tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert "status: above_range" in page.locator("#tip").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")

    assert page.evaluate("location.hash") == mark.get_attribute("href")


def test_a_chart_is_one_stop_of_the_tab_key(opened):
    page = opened()
    page.locator("[data-toggles]").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('mark')")
    assert page.locator("#tip").is_visible()
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('nav') !== null")


def test_the_keyboard_goes_through_the_trainings_of_a_panel(opened):
    page = opened()
    points = page.locator("article").first.locator(".point")
    points.first.focus()
    assert "d = 16" in page.locator("#tip").inner_text()
    page.keyboard.press("End")

    assert "diverged" in page.locator("#tip").inner_text()
    assert [one.get_attribute("tabindex") for one in points.all()] == ["-1", "-1", "-1", "-1", "0"]


def test_a_first_tap_shows_and_a_second_follows(opened):
    page = opened(viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    mark = page.locator("a.mark[data-status=reached]").first
    place = middle(page, mark.locator(".hit"))
    page.touchscreen.tap(*place)
    assert "d90 300" in page.locator("#tip").inner_text()
    assert page.evaluate("location.hash") == ""
    page.touchscreen.tap(*place)

    page.wait_for_function("location.hash !== ''")
    assert page.evaluate("location.hash") == mark.get_attribute("href")


def test_embedded_figures_are_shown(opened):
    images = opened().locator("figure.embedded img")

    assert images.count() == 2
    for image in images.all():
        assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") > 200


def test_the_legend_hides_and_shows_a_line(opened):
    page = opened()
    button, line = page.locator("[data-toggles=line-0]"), page.locator("[data-line=line-0]")
    button.focus()
    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "false"
    assert not line.locator("a.mark .shape").first.is_visible()
    button.click()
    assert line.locator("a.mark .shape").first.is_visible()


def test_tables_sort_by_number_with_empty_cells_last_and_ties_as_they_were(opened):
    page = opened()
    table = page.locator("#tables table")
    head = table.locator("th").first

    def column(number):
        return [line.locator("td").nth(number).inner_text() for line in table.locator("tbody tr").all()]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(0) == ["-1", "9", "9", "10", "1,000", ""]
    assert column(1)[1:3] == ["row-2", "row-4"]
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(0) == ["1,000", "10", "9", "9", "-1", ""]
    assert column(1)[2:4] == ["row-2", "row-4"]
    table.locator("th").nth(1).locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert column(1) == [f"row-{number}" for number in range(6)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_marks_stand_out(scheme, opened):
    page = opened(color_scheme=scheme)

    page.locator("#exceptions a").first.scroll_into_view_if_needed()
    for selector in (
        "p",
        "nav a",
        "figcaption",
        ".tick",
        ".legend button",
        ".unfinished",
        "th button",
        ".card dt",
        "pre",
    ):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector
    for selector in (".s0 .shape", ".s1 .shape"):
        assert page.evaluate(CONTRAST, selector) >= 3, selector
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")


def test_a_phone_scrolls_down_only_and_can_read_the_axes(opened):
    page = opened(viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true }")

    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    heights = "ticks => ticks.map(one => one.getBoundingClientRect().height)"
    assert min(page.locator("#headline .tick").evaluate_all(heights)) >= 9


def test_without_a_script_a_mark_still_leads_to_its_scores(opened):
    page = opened(java_script_enabled=False)
    mark = page.locator("a.mark[data-status=reached]").first
    mark.locator(".hit").click(force=True)

    assert page.url.endswith(mark.get_attribute("href"))
