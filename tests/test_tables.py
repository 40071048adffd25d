"""A table of numbers: aligned, with a caption that says what is the same in all rows, and refused where ragged."""

import pytest

from dendnet.tables import Table

BeautifulSoup = pytest.importorskip("bs4").BeautifulSoup

ROWS = [
    {"against": "its <twin>", "difference": "-0.29 [-1.9, +1.3]", "pairs": 5, "data": "CIFAR-10"},
    {"against": "wider", "difference": "+1.32 [+0.8, +1.8]", "pairs": 10, "data": "CIFAR-10"},
]


@pytest.fixture
def page():
    return BeautifulSoup(Table(ROWS, "Accuracy")._repr_html_(), "html.parser")


def test_it_has_a_caption_a_head_and_a_row_for_each(page):
    assert page.caption.text == "Accuracy (data: CIFAR-10)"
    assert [cell.text for cell in page.thead.find_all("th")] == ["against", "difference", "pairs"]
    assert all(cell["scope"] == "col" for cell in page.thead.find_all("th"))
    assert len(page.tbody.find_all("tr")) == 2


def test_numbers_stand_to_the_right(page):
    assert [cell.get("class") for cell in page.tbody.tr.find_all("td")] == [None, ["number"], ["number"]]


def test_a_minus_is_a_minus_and_an_interval_does_not_break(page):
    assert page.tbody.find_all("td")[1].text == "−0.29 [−1.9,\u00a0+1.3]"


def test_in_markdown():
    assert Table(ROWS, "Accuracy").to_markdown().splitlines() == [
        "Accuracy (data: CIFAR-10)",
        "",
        "| against | difference | pairs |",
        "| --- | --: | --: |",
        "| its <twin> | -0.29 [-1.9, +1.3] | 5 |",
        "| wider | +1.32 [+0.8, +1.8] | 10 |",
    ]


def test_words_are_escaped(page):
    assert page.tbody.td.text == "its <twin>"


def test_one_row_keeps_its_columns():
    assert Table(ROWS[:1], "Accuracy").columns == list(ROWS[0])


def test_it_can_be_reached_by_keys_and_has_a_name(page):
    assert page.div["tabindex"] == "0" and page.div["role"] == "region" and page.div["aria-label"] == page.caption.text


@pytest.mark.parametrize(
    "rows, caption, message",
    [
        ([], "Accuracy", r"Received: rows=\[\]"),
        (ROWS, " ", "caption=' '"),
        ([ROWS[0], {"against": "wider"}], "Accuracy", r"Received: \['against'\]"),
    ],
)
def test_what_is_no_table_is_refused(rows, caption, message):
    with pytest.raises(ValueError, match=message):
        Table(rows, caption)


def test_a_column_left_to_the_reader_stays():
    table = Table([{"a": 1, "yours": ""}, {"a": 2, "yours": ""}], "To fill in")
    assert table.caption == "To fill in" and list(table.rows[0]) == ["a", "yours"]
