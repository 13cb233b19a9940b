"""One model's curve over people's, read from the SVG itself."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

import pytest

from charts.drawn import Drawn, between, corners, is_number, middle, number
from kidney_evals.charts import Curve, curve_panel

NAN = math.nan
X = [0.0, 1.0, 2.0, 4.0]
PEOPLE = Curve("people", [0.4, 0.3, 0.2, 0.1], [0.3, 0.2, 0.1, 0.0], [0.5, 0.4, 0.3, 0.2])
MODEL = Curve("model", [0.1, 0.2, 0.3, 0.6], [0.0, 0.1, 0.2, 0.5], [0.2, 0.3, 0.4, 0.7])


def drawn(people: Curve = PEOPLE, model: Curve = MODEL, x: list[float] = X) -> Drawn:
    return Drawn(
        curve_panel("Title", x, people, model, x_label="how far", y_label="share", y_high=0.8)
    )


def height(found: Drawn, value: float) -> float:
    """Where a height stands, by the numbers beside the y axis."""
    foot = max(one.y for one in found.words if is_number(one.said))
    beside = [one for one in found.words if is_number(one.said) and one.y < foot]
    # The base line is 4 below the line that the number belongs to.
    return between({float(one.said): one.y - 4 for one in beside}, value)


def points(found: Drawn, kind: str) -> list[tuple[float, float]]:
    [line] = found.of("polyline", kind, "line")
    return corners(line)


def test_both_curves_stand_where_the_axes_say() -> None:
    found = drawn()
    for kind, curve in (("people", PEOPLE), ("model", MODEL)):
        expected = [(found.across(x), height(found, y)) for x, y in zip(X, curve.y, strict=True)]
        assert points(found, kind) == [pytest.approx(one, abs=0.15) for one in expected]
    # From 0 to 4 is twice as far as from 0 to 2.
    xs = [x for x, _ in points(found, "people")]
    assert xs[3] - xs[0] == pytest.approx(2 * (xs[2] - xs[0]), abs=0.2)


def test_peoples_intervals_are_a_band_and_the_models_are_bars() -> None:
    found = drawn()
    [band] = found.of("polygon", "people", "band")
    edge = [height(found, y) for y in [*PEOPLE.high, *reversed(PEOPLE.low)]]
    assert [y for _, y in corners(band)] == pytest.approx(edge, abs=0.15)
    bars = [(number(one, "y1"), number(one, "y2")) for one in found.of("line", "bar")]
    expected = [
        (height(found, low), height(found, high))
        for low, high in zip(MODEL.low, MODEL.high, strict=True)
    ]
    assert bars == [pytest.approx(one, abs=0.15) for one in expected]


def signs(found: Drawn, kind: str) -> list[Element]:
    return found.of("polygon" if kind == "people" else "circle", kind, "mark")


def test_labels_stand_at_the_curves_ends_with_their_sign() -> None:
    found = drawn()
    for kind, last in (("people", 0.1), ("model", 0.6)):
        label = found.place(kind)
        assert label.y - 4 == pytest.approx(height(found, last), abs=0.15)
        assert label.left > found.across(4)
        x, y = middle(signs(found, kind)[-1])
        assert x < label.left and y == pytest.approx(label.y - 4, abs=0.15)


def test_labels_of_curves_that_end_together_stand_apart() -> None:
    found = drawn(model=Curve("model", PEOPLE.y))
    assert abs(found.place("people").y - found.place("model").y) >= 12
    found.check_words()


def test_above_the_axis_an_arrow_stands_at_the_top() -> None:
    found = drawn(model=Curve("model", [0.1, 3.0, 0.3, 0.6]))
    [arrow] = found.of("polygon", "model", "beyond")
    tip, *foot = corners(arrow)
    assert tip == pytest.approx((found.across(1), height(found, 0.8)), abs=0.15)
    assert all(y > tip[1] for _, y in foot)
    assert min(y for _, y in points(found, "model")) == pytest.approx(height(found, 0.8), abs=0.15)


def test_missing_points_are_left_out() -> None:
    found = drawn(model=Curve("model", [0.1, 0.2, 0.3, NAN], [NAN, 0, 0.2, 0], [0.2, 1, 0.4, 1]))
    assert len(points(found, "model")) == 3
    # The first has no interval, the last no value.
    assert len(found.of("line", "bar")) == 2
    # Three points and the sign at the label, which stands at the last height there is.
    assert len(signs(found, "model")) == 4
    assert found.place("model").y - 4 == pytest.approx(height(found, 0.3), abs=0.15)


def test_nothing_is_drawn_across_a_gap() -> None:
    people = Curve("people", [0.4, NAN, 0.2, 0.1], [0.3, 0.2, 0.1, 0.0], [0.5, 0.4, 0.3, 0.2])
    found = drawn(people)
    # From 2 to 4 is a line with a band; at 0 is a point alone, its interval a bar.
    assert [x for x, _ in points(found, "people")] == pytest.approx(
        [found.across(2), found.across(4)], abs=0.15
    )
    [band] = found.of("polygon", "people", "band")
    assert min(x for x, _ in corners(band)) == pytest.approx(found.across(2), abs=0.15)
    [bar] = found.of("line", "people", "bar")
    assert number(bar, "x1") == pytest.approx(found.across(0), abs=0.15)
    assert len(signs(found, "people")) == 3 + 1


def test_a_curve_without_values_says_so() -> None:
    found = drawn(model=Curve("a/model", [NAN] * 4))
    assert "a/model: no value" in found.said() and "a/model" not in found.said()
    assert not found.of("polyline", "model")
    found = drawn(Curve("people", [NAN] * 4), Curve("model", [NAN] * 4))
    assert {"people: no value", "model: no value"} <= set(found.said())
    found.check_words()


def test_one_point_is_no_line() -> None:
    found = drawn(Curve("people", [0.3]), Curve("model", [0.5]), x=[2.0])
    assert not found.of("polyline") and len(signs(found, "model")) == 2


def test_every_axis_has_its_words() -> None:
    assert {"Title", "how far", "share"} <= set(drawn().said())


@pytest.mark.parametrize(
    ("x", "curve", "y_high"),
    [([], Curve("m", []), 1.0), (X, Curve("m", [0.1]), 1.0), (X, MODEL, 0.0), (X, MODEL, NAN)],
)
def test_bad_input(x: list[float], curve: Curve, y_high: float) -> None:
    with pytest.raises(ValueError, match=r"no x|shorter|below the second"):
        curve_panel("", x, curve, curve, x_label="", y_label="", y_high=y_high)
