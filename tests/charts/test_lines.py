"""Line charts: the places of their marks and texts, read from the SVG."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.drawn import Drawn, corners, middle, near, number
from kidney_evals.charts import Line, line_chart
from kidney_evals.charts.drawing import ticks

NAN = math.nan
X = [0.0, 1.0, 2.0, 4.0]
PEOPLE = Line("people", X, [0.4] * 4, people=True)
MODEL = Line("model", X, [0.1, 0.2, 0.3, 0.6], [0.0, 0.1, 0.2, 0.5], [0.2, 0.3, 0.4, 0.7])


def drawn(*lines: Line, doubling: bool = False) -> Drawn:
    return Drawn(line_chart("Title", "how far", "share", lines, doubling=doubling))


def points(found: Drawn, kind: str) -> list[tuple[float, float]]:
    [line] = found.of("polyline", kind, "line")
    return corners(line)


def test_lines_and_bars_stand_where_the_axes_say() -> None:
    found = drawn(PEOPLE, MODEL)
    for kind, line in (("people", PEOPLE), ("model", MODEL)):
        assert points(found, kind) == [
            near((found.across(x), found.up(y))) for x, y in zip(X, line.y, strict=True)
        ]
        # The label and its mark stand at the line's end, right of the plot.
        label, height = found.place(kind), found.up(line.y[-1])
        assert label.left > found.across(4) and label.y - 4 == near(height)
    marks = found.of("circle", "model", "mark")
    assert len(marks) == len(X) + 1 and middle(marks[-1])[0] < found.place("model").left
    bars = found.of("line", "model", "bar")
    for bar, x, low, high in zip(bars, X, MODEL.low, MODEL.high, strict=True):
        ends = tuple(number(bar, name) for name in ("x1", "y1", "y2"))
        assert ends == near((found.across(x), found.up(low), found.up(high)))
    assert {"Title", "how far", "share"} <= set(found.said())
    # From 0 to 4 is twice as far as from 0 to 2, and heights grow upwards.
    xs = [x for x, _ in points(found, "people")]
    assert xs[3] - xs[0] == near(2 * (xs[2] - xs[0])) and found.up(0.7) < found.up(0)
    # People are a dashed line, with a mark at the label alone.
    assert found.of("polyline", "people", "dashed") and not found.of("polyline", "model", "dashed")
    assert len(found.of("polygon", "people", "mark")) == 1
    # A second line of models has another colour.
    two = drawn(MODEL, Line("other", X, [0.5] * 4))
    assert two.of("polyline", "model2") and two.of("circle", "model2")


def test_nothing_is_drawn_across_a_gap() -> None:
    gap = Line("people", X, [0.4, NAN, 0.2, 0.1], people=True)
    found = drawn(gap, Line("model", X, MODEL.y, [NAN, 0.1, 0.2, 0.5], MODEL.high))
    # From 2 to 4 is a line; at 0 is a point alone, with a mark besides that of the label.
    assert tuple(x for x, _ in points(found, "people")) == near((found.across(2), found.across(4)))
    assert middle(found.of("polygon", "people", "mark")[0])[0] == near(found.across(0))
    assert len(found.of("line", "model", "bar")) == 3


def test_a_line_without_values_is_left_out() -> None:
    found = drawn(Line("a", X, [NAN] * 4), Line("b", X, [NAN] * 4))
    assert not {"a", "b"} & set(found.said()) and not found.of("polyline")
    found.check_words()


@pytest.mark.parametrize("xs", [[0, 8, 16, 64], [8, 16, 64]])
def test_doublings_are_steps_of_one_length_and_zero_stands_one_before(xs: list[float]) -> None:
    found = drawn(Line("model", xs, [0.1, 0.2, 0.3, 0.4][: len(xs)]), doubling=True)
    place = {one: found.place(f"{one:g}").x for one in xs}
    assert [x for x, _ in points(found, "model")] == [place[one] for one in xs]
    # From 16 to 64 are two doublings.
    step = place[16] - place[8]
    assert place[64] - place[16] == pytest.approx(2 * step, abs=0.3)
    assert 0 not in place or place[8] - place[0] == pytest.approx(step, abs=0.2)


@pytest.mark.parametrize("doubling", [True, False])
@pytest.mark.parametrize("x", [0, 32])
def test_one_point_is_a_mark_in_the_middle(x: float, doubling: bool) -> None:
    lines = [Line("model", [x], [0.5], [0.4], [0.6]), Line("people", [x], [0.9], people=True)]
    found = drawn(*lines, doubling=doubling)
    assert not found.of("polyline")
    assert len(found.of("circle", "mark")) == len(found.of("polygon", "mark")) == 2
    assert middle(found.of("circle", "mark")[0])[0] == pytest.approx(found.place(f"{x}").x)


@given(st.lists(st.floats(-1e5, 1e5).filter(lambda v: v == 0 or abs(v) > 1e-4), min_size=2))
@settings(max_examples=100, deadline=None)
def test_an_axis_holds_every_value_with_few_round_numbers(values: list[float]) -> None:
    low, high = min(values), max(values)
    marks = ticks(low, high)
    step = marks[1] - marks[0]
    assert 3 <= len(marks) <= 9 and float(f"{step:.6e}".split("e")[0]) in (1, 2, 5)
    assert marks[0] <= low + 1e-6 * step and high <= marks[-1] + 1e-6 * step


@pytest.mark.parametrize(
    ("lines", "doubling"),
    [
        ([Line(f"line {end}", [0, 1], [0.0, 1 + end / 100]) for end in range(9)], False),
        # All at the foot, where labels have nowhere further down to go.
        ([Line(f"line {end}", [0, 1], [1.0, 0.0]) for end in range(6)], False),
        (
            [Line(f"a label far longer than its room {end} " * 4, [0, 1], [1, 0]) for end in "ab"],
            True,
        ),
        ([Line("model", [0, 8, 9, 10, 12, 16, 24, 8192, 10_000], [-0.00012] * 9)], True),
    ],
)
def test_no_text_covers_another_or_leaves_a_file(lines: list[Line], doubling: bool) -> None:
    title = "A title that is longer than the plot is wide, as titles are " * 2
    svg = line_chart(title, "the x", "the y", lines, doubling=doubling)
    Drawn(svg).check_words()
    assert Drawn(svg).titles()[0] == title.strip() and svg.count("<style>") == 1
