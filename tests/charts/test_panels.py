"""What holds for every panel, whatever it is given: its words fit and are only words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.drawn import HOSTILE, SHOWN, SVG, Drawn
from charts.every_panel import PANELS, Panel
from kidney_evals.charts import WIDTH, grid, standalone

EVERY = pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
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


@EVERY
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
    panel: Panel, words: str, names: list[str], values: list[float]
) -> None:
    found = Drawn(panel(words, names, values))
    assert found.width == WIDTH
    found.check_words()


@EVERY
def test_long_names_stay_apart_and_inside(panel: Panel) -> None:
    Drawn(panel("A long title " * 20, LONG, [0.1, 0.31, 0.5, 0.123456])).check_words()


@EVERY
def test_no_text_is_smaller_than_can_be_read(panel: Panel) -> None:
    found = Drawn(panel("Title", LONG, [0.1, 0.31, 0.5]))
    sizes = {float(one.get("font-size", "12")) for one in found.of("text")}
    assert min(sizes) >= 11


@EVERY
def test_what_comes_from_outside_is_text(panel: Panel) -> None:
    svg = panel(HOSTILE, [HOSTILE, HOSTILE], [0.1, 0.2, 0.3])
    assert "<script" not in svg and "\u202e" not in svg and "\x00" not in svg
    found = Drawn(svg)
    assert found.root.get("aria-label") == SHOWN
    known = {"svg", "g", "a", "title", "text", "line", "rect", "circle", "polygon", "polyline"}
    assert {one.tag.removeprefix(SVG) for one in found.root.iter()} <= known
    assert not found.of("a")
    # In a page too there is nothing in it but itself.
    assert Drawn(standalone(svg)).titles()[0] == SHOWN


@EVERY
def test_a_shortened_text_says_the_whole_when_pointed_at(panel: Panel) -> None:
    found = Drawn(panel("t", LONG[3:5], [0.1, 0.2]))
    assert "…" in "".join(found.said())
    for whole in LONG[3:5]:
        assert any(title.startswith(whole) for title in found.titles())


@EVERY
def test_a_title_too_long_for_its_lines_is_said_whole(panel: Panel) -> None:
    title = "of many words " * 30
    found = Drawn(panel(title, ["model"], [0.1]))
    assert title.strip() in found.titles()
    lines = found.of("text", "title")
    assert len(lines) == 3 and any("…" in "".join(one.itertext()) for one in lines[-1:])


@EVERY
def test_the_same_numbers_give_the_same_panel(panel: Panel) -> None:
    assert panel("t", LONG, [0.1, NAN]) == panel("t", LONG, [0.1, NAN])


@EVERY
def test_no_place_is_not_a_number(panel: Panel) -> None:
    svg = panel("t", ["a", "b"], [NAN, 0.3, math.inf, -math.inf, 0.1])
    places = [
        value
        for one in Drawn(svg).root.iter()
        for name, value in one.attrib.items()
        if name not in ("class", "aria-label", "href")
    ]
    assert not [value for value in places if "nan" in value or "inf" in value]


def panels(count: int) -> list[str]:
    kinds = list(PANELS.values())
    return [kinds[index % 4](f"panel {index}", LONG, [0.1, 0.4]) for index in range(count)]


@pytest.mark.parametrize(("count", "columns", "across"), [(7, 3, 3), (2, 3, 2), (3, 1, 1)])
def test_a_grid_puts_panels_side_by_side(count: int, columns: int, across: int) -> None:
    found = Drawn(grid(panels(count), columns, "The whole", "a note"))
    inner = [one for one in found.root.iter(f"{SVG}svg") if one is not found.root]
    assert len(inner) == count
    sizes = [
        tuple(float(one.get(name, "")) for name in ("x", "y", "width", "height")) for one in inner
    ]
    for index, (x, y, width, height) in enumerate(sizes):
        assert width == WIDTH and x + width <= found.width and y + height <= found.height
        # A row begins below all of the row before.
        before = sizes[: index // across * across]
        assert all(other[1] + other[3] <= y for other in before)
        assert index % across == 0 or sizes[index - 1][0] + WIDTH < x
    heads = [one for one in found.words if one.said in ("The whole", "a note")]
    assert heads[0].bottom <= min(y for _, y, *_ in sizes)
    assert heads[1].top >= max(y + height for _, y, _, height in sizes)


def test_a_grid_of_nothing_is_its_title() -> None:
    assert Drawn(grid([], 3, "The whole")).said() == ["The whole"]


@pytest.mark.parametrize(
    ("given_panels", "columns", "message"),
    [
        (panels(1), 0, "0 columns; at least 1"),
        (["<p>no</p>"], 1, "not a panel: '<p>no</p>'"),
        ([standalone(panels(1)[0])], 1, "not a panel"),
    ],
)
def test_bad_input_of_a_grid(given_panels: list[str], columns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid(given_panels, columns)
