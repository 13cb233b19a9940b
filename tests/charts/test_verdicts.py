"""The figure of verdicts: where values stand between the crowd and guessing."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.drawn import Drawn, corners, middle, near, number
from charts.test_panels import HOSTILE, LONG
from kidney_evals.charts import Place, Verdict, grid, legend, scale_mark, verdict_panel

NAN = math.nan
ANY = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([NAN, 0.0, 1.0]))


def test_a_value_stands_between_the_crowd_and_guessing() -> None:
    found = Drawn(scale_mark(Place(0.25, 0.0, 0.5, 0.1, 1.0, "spoken")))
    [crowd], [guess] = found.of("line", "people"), found.of("line", "baseline")
    start, end = number(crowd, "x1"), number(guess, "x1")
    assert start < end

    def across(place: float) -> float:
        return start + place * (end - start)

    [mark], [interval] = found.of("circle", "model"), found.of("line", "model", "line")
    assert middle(mark)[0] == near(across(0.25))
    assert (number(interval, "x1"), number(interval, "x2")) == near((across(0), across(0.5)))
    [band] = found.of("rect", "people", "band")
    assert (number(band, "x"), number(band, "width")) == near((across(0.1), 0.9 * (end - start)))
    assert found.titles() == ["spoken"]


@pytest.mark.parametrize(("value", "right"), [(50.0, True), (-50.0, False)])
def test_a_value_beyond_the_scale_is_a_triangle_at_its_end(value: float, right: bool) -> None:
    found = Drawn(scale_mark(Place(value, value - 1, value + 1, -90.0, 90.0)))
    assert not found.of("circle")
    [triangle], [axis] = found.of("polygon", "model"), found.of("line", "axis")
    tip = corners(triangle)[0][0]
    assert tip == near(number(axis, "x2" if right else "x1"))
    assert (tip > middle(triangle)[0]) == right
    # The band is cut at both ends.
    [band] = found.of("rect", "band")
    assert number(band, "width") == near(number(axis, "x2") - number(axis, "x1"))


def test_without_a_place_there_is_no_scale() -> None:
    assert scale_mark(Place(NAN, 0.1, 0.2, 0.3, 0.4)) == ""
    found = Drawn(scale_mark(Place(0.5, NAN, NAN, NAN, NAN)))
    assert not found.of("rect", "band") and not found.of("line", "model")


@given(st.tuples(ANY, ANY, ANY, ANY, ANY), st.lists(st.text(max_size=60), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_nothing_leaves_the_figure_or_covers_another_text(
    values: tuple[float, float, float, float, float], questions: list[str]
) -> None:
    cell = Verdict("= like the crowd", "no value", Place(*values))
    cells = [cell if index % 2 else None for index in range(len(questions))]
    panel = verdict_panel(questions, [(name, HOSTILE, cells) for name in LONG])
    found = Drawn(panel)
    found.check_words()
    assert "<script" not in panel and "nan" not in panel.split("<g>", 1)[-1]
    for one in (*found.of("line"), *found.of("circle"), *found.of("rect")):
        places = [number(one, name) for name in ("x", "x1", "x2", "cx") if one.get(name)]
        assert all(0 <= place <= found.width for place in places)


def test_rows_and_columns_are_apart_and_the_key_is_there() -> None:
    cell = Verdict("≠ unlike", ".50", Place(0.5, 0.4, 0.6, 0.0, 1.0))
    panel = verdict_panel(["one?", "two?"], [("a", "coin", [cell, None]), ("b", "", [cell] * 2)])
    found = Drawn(grid([panel], "Title"))
    found.check_words()
    assert found.said().count("≠ unlike") == 3
    xs = [found.place(head).x for head in ("one?", "two?")]
    assert sorted({one.x for one in found.words if one.said == "≠ unlike"}) == xs
    assert all(words in found.said() for _, words in legend())
    ys = sorted({one.y for one in found.words if one.said == "≠ unlike"})
    assert all(two - one > 20 for one, two in pairwise(ys))
