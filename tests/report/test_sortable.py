from lit_idim.report.sortable import Cell, sortable_table

from .parsed import parse


def test_columns_of_numbers_sort_as_numbers():
    table = parse(
        sortable_table(
            ["name", "d", "step"],
            [["b", "1,662", Cell(shown="step-10", key="10")], ["a", "", Cell(shown="step-9", key="9")]],
            title="a table",
        )
    )

    assert [head.attributes.get("data-kind") for head in table.all("th")] == [None, "number", "number"]
    assert [cell.attributes.get("data-key") for cell in table.all("td")] == [None, None, "10", None, None, "9"]
    assert [cell.attributes.get("class") for cell in table.all("td")[:3]] == [None, "number", None]


def test_names_that_look_like_numbers_are_none():
    for name in ("e5", "1e999", "-", ",", "\u0663"):
        table = parse(sortable_table(["model"], [["3"], [name]], title="a table"))
        assert table.all("th")[0].attributes.get("data-kind") is None, name


def test_each_heading_is_a_button_in_a_container_that_the_keyboard_can_scroll():
    (container,) = parse(sortable_table(["a", "b"], [], title="a table")).all("div")

    assert container.attributes["tabindex"] == "0"
    assert container.attributes["aria-label"] == "a table"
    assert [button.attributes["type"] for button in container.all("button")] == ["button", "button"]
