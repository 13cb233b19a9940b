"""Panels of rows: the places of their marks; texts that fit, are escaped, and can be read."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.drawn import SVG, Drawn, dots, middle, near, number
from kidney_evals.charts import STYLE, DotRow, dot_panel, grid, standalone
from kidney_evals.charts.drawing import WIDTH, plain

NAN = math.nan
LONG = [
    "people",
    "provider/a-model-of-a-long-name-2025-08-07",
    "provider/a-model-of-a-long-name-2025-09-07",
    "provider/group/another-model-whose-name-says-all-of-it-Instruct-Turbo",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "short",
    "",
    "a name of several words, as long as people make them",
]
# Markup, quotes, signs that XML forbids, one that turns the direction of writing.
HOSTILE = "<script>alert('1')</script> & \"x\" \x00\x07\ud800\ufffe\u202e]]>\n--"
SHOWN = "<script>alert('1')</script> & \"x\" ]]> --"


@given(
    words=st.text(max_size=300),
    names=st.lists(st.text(max_size=80), min_size=1, max_size=9),
    values=st.lists(
        st.one_of(
            st.floats(-2, 2),
            st.floats(-10_000, 10_000),
            st.sampled_from([NAN, math.inf, -math.inf, 0.0, 1.0]),
        ),
        min_size=1,
        max_size=9,
    ),
)
@settings(max_examples=25, deadline=None)
def test_all_words_are_inside_and_none_is_over_another(
    words: str, names: list[str], values: list[float]
) -> None:
    found = Drawn(dots(words, names, values))
    assert found.width == WIDTH
    found.check_words()
    drawn = [value for one in list(found.root.iter())[1:] for value in one.attrib.values()]
    assert not [value for value in drawn if "nan" in value or "inf" in value]


def test_long_names_stay_apart_inside_and_readable() -> None:
    found = Drawn(dots("A long title " * 20, LONG, [0.1, 0.31, 0.5, 0.123456]))
    found.check_words()
    assert min(float(one.get("font-size", "12")) for one in found.of("text")) >= 11
    # What had to be shortened is there when pointed at.
    assert ("A long title " * 20).strip() in found.titles()
    assert len(found.of("text", "title")) == 3
    short = Drawn(dots("t", LONG[3:5], [0.1, 0.2]))
    assert "…" in "".join(short.said())
    assert all(any(title.startswith(name) for title in short.titles()) for name in LONG[3:5])


def test_words_from_outside_are_text() -> None:
    svg = dots(HOSTILE, [HOSTILE, HOSTILE], [0.1, 0.2, 0.3])
    assert "<script" not in svg and "\u202e" not in svg and "\x00" not in svg
    found = Drawn(svg)
    assert found.root.get("aria-label") == SHOWN
    known = {"svg", "g", "title", "text", "line", "rect", "circle", "polygon", "polyline"}
    assert {one.tag.removeprefix(SVG) for one in found.root.iter()} <= known
    assert Drawn(standalone(svg)).titles()[0] == SHOWN


@pytest.mark.parametrize(("count", "across"), [(7, 3), (2, 2)])
def test_a_grid_puts_panels_side_by_side(count: int, across: int) -> None:
    panels = [dots(f"panel {i}", LONG, [0.1, 0.4]) for i in range(count)]
    found = Drawn(grid(panels, "The whole", "a note"))
    inner = [one for one in found.root.iter(f"{SVG}svg") if one is not found.root]
    sizes = [tuple(number(one, name) for name in ("x", "y", "width", "height")) for one in inner]
    assert len(sizes) == count
    for index, (x, y, width, height) in enumerate(sizes):
        assert width == WIDTH and x + width <= found.width and y + height <= found.height
        # A row begins below all of the row before.
        before = sizes[: index // across * across]
        assert all(other[1] + other[3] <= y for other in before)
        assert index % across == 0 or sizes[index - 1][0] + WIDTH < x
    head, note = (one for one in found.words if one.said in ("The whole", "a note"))
    assert head.bottom <= min(y for _, y, *_ in sizes)
    assert note.top >= max(y + height for _, y, _, height in sizes)
    assert Drawn(grid([], "The whole")).said() == ["The whole"]


def contrast(one: str, two: str) -> float:
    """Return the contrast of two colours of sRGB, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        levels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
                  for level in levels]  # fmt: skip
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_can_be_read_on_its_page() -> None:
    light, dark = (dict(re.findall(r"--kc-(\w+): (#\w+)", part)) for part in STYLE.split("@media"))
    for colours in (light, light | dark):
        # 4.5 for text and 3 for marks are what WCAG 2 asks for.
        for name in ("ink", "muted"):
            assert contrast(colours[name], colours["page"]) >= 4.5
        for name in ("people", "model", "baseline", "model2"):
            assert contrast(colours[name], colours["page"]) >= 3


def test_a_file_has_one_style_sheet_with_a_rule_for_every_class() -> None:
    svg = grid([dots("t", ["a", "b"], [0.1, 0.2])], "t")
    assert svg.count("<style>") == 1 and svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    # The ids of several figures on one page would clash.
    assert " id=" not in svg and "url(" not in svg
    classes = {name for one in Drawn(svg).root.iter() for name in one.get("class", "").split()}
    assert classes - {"kc"} <= set(re.findall(r"\.([\w]+)", STYLE))


def test_the_plain_sheet_has_literal_light_colours_and_no_links() -> None:
    row = DotRow("a", 0.1, 0.0, 0.2, "model", href="run")
    linked = standalone(dot_panel("t", [row], low=0, high=1))
    svg = plain(linked)
    assert Drawn(linked).of("a") and not Drawn(svg).of("a")
    assert Drawn(svg).said() == Drawn(linked).said()
    [sheet] = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert "var(" not in sheet and "@media" not in sheet and "--kc" not in sheet
    assert "svg.kc .people { color: #0072B2; }" in sheet


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
