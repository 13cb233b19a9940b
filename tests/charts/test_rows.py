"""Rows of values and changes: what stands where, read from the SVG itself."""

from __future__ import annotations

import math

import pytest

from charts.drawn import Drawn, middle, near, number
from kidney_evals.charts import DotRow, dot_panel

NAN = math.nan
ROWS = [
    DotRow("people", 0.3, 0.25, 0.35, "people"),
    DotRow("model", -0.1, -0.2, 0.05, "model"),
    DotRow("majority", 0.5, NAN, NAN, "baseline"),
]


def bars(found: Drawn, kind: str) -> list[tuple[float, float]]:
    """Return the ends of the intervals, without their caps."""
    ends = [(number(one, "x1"), number(one, "x2")) for one in found.of("line", kind, "bar")]
    return [(start, end) for start, end in ends if start != end]


def test_values_and_intervals_stand_where_the_axis_says() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6))
    # People, models and baselines have marks of their own.
    marks = [
        *found.of("polygon", "people", "mark"),
        *found.of("circle", "model", "mark"),
        *found.of("circle", "baseline", "open"),
    ]
    for one, row in zip(marks, ROWS, strict=True):
        x, y = middle(one)
        assert x == near(found.across(row.value))
        # A text's base line is 4 below the middle of its letters.
        assert y + 4 == near(found.place(row.label).y)
    for row in ROWS[:2]:
        [(start, end)] = bars(found, row.kind)
        assert (start, end) == (near(found.across(row.low)), near(found.across(row.high)))
    assert not bars(found, "baseline")
    # 1.0 on the axis from -0.4 to 0.6 is its whole length: 0.4 of the values is 0.4 of it.
    [axis] = [one for one in found.of("line", "axis") if one.get("y1") == one.get("y2")]
    long = number(axis, "x2") - number(axis, "x1")
    assert middle(marks[0])[0] - middle(marks[1])[0] == near(0.4 * long)
    for row, words in zip(ROWS, ("+0.30", "-0.10", "+0.50"), strict=True):
        label, value = found.place(row.label), found.place(words)
        assert label.y == value.y and label.right < found.across(-0.4)
        assert found.across(0.6) < value.left
    assert found.titles() == [
        "people: +0.30 (+0.25 to +0.35)", "model: -0.10 (-0.20 to +0.05)", "majority: +0.50",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "decimals", "low", "words"),
    [
        (0.1239, 2, 0, "0.12"),
        (0.1239, 3, -1, "+0.124"),
        (-0.0001, 2, -1, "0.00"),
        (1.5e7, 2, 0, "1.50e+07"),
        (NAN, 2, -1, "–"),
        (math.inf, 2, 0, "–"),
    ],
)
def test_the_number_at_the_right(value: float, decimals: int, low: float, words: str) -> None:
    row = DotRow("model", value, NAN, NAN, "model")
    found = Drawn(dot_panel("Age", [row], low=low, high=1, decimals=decimals))
    assert words in found.said()
    assert found.titles() == [f"model: {words if words != '–' else 'no value'}"]
    assert len(found.of("circle")) == (words != "–")


def test_a_label_is_a_link_only_where_it_leads_somewhere_safe() -> None:
    bad = ("javascript:alert(1)", " JavaScript:x", "java\x00script:x", "data:text/html,x", "")
    good = ("logs/#/run & more", "https://example.org/a:b")
    rows = [DotRow("a", 0.1, NAN, NAN, "model", href=href) for href in (*bad, *good)]
    links = Drawn(dot_panel("Age", rows, low=0, high=1)).of("a")
    assert [(one.get("href"), "".join(one.itertext())) for one in links] == [
        (href, "a") for href in good
    ]


def test_a_label_that_is_too_wide_takes_two_lines_and_its_row_more_room() -> None:
    labels = ("one", "lexicographic, reasons after", "two")
    rows = [DotRow(label, 0.1, NAN, NAN, "model") for label in labels]
    found = Drawn(dot_panel("Age", rows, low=0, high=1))
    first, second = found.place("lexicographic,"), found.place("reasons after")
    assert first.x == second.x and not first.over(second)
    marks = [middle(one)[1] for one in found.of("circle", "model", "mark")]
    # Half of a low row and half of a high one on either side: (21 + 34) / 2.
    assert marks[1] - marks[0] == marks[2] - marks[1] == pytest.approx(27.5)
    assert (first.y + second.y) / 2 - 4 == near(marks[1])


def test_a_panel_without_rows_says_so() -> None:
    assert "no values" in Drawn(dot_panel("", [], low=0, high=1)).said()
