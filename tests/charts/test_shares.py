"""Bars of shares, read from the SVG itself."""

from __future__ import annotations

import math
import re

import pytest

from charts.drawn import Drawn, number
from kidney_evals.charts import ShareRow, share_panel
from kidney_evals.charts.style import PARTS

NAN = math.nan
LABELS = ("first", "second", "coin", "no answer")
PEOPLE = ShareRow("people", (0.5, 0.3, 0.2, 0.0), "people", 118)
MODEL = ShareRow("model", (0.9, 0.02, 0.0, 0.08), "model", 1000)


def drawn(*rows: ShareRow) -> Drawn:
    return Drawn(share_panel("Dilemma 1", rows, LABELS))


def parts(found: Drawn, row: str) -> list[tuple[int, float, float]]:
    """Which part, from where, how wide: those of the bar at a label's height."""
    line = found.place(row).y - 4
    boxes = [
        (int(match[1]), number(one, "x"), number(one, "width"))
        for one in found.of("rect")
        if (match := re.fullmatch(r"part(\d)", one.get("class", "")))
        and number(one, "y") < line < number(one, "y") + number(one, "height")
    ]
    return sorted(boxes)


def test_parts_are_as_wide_as_their_shares_and_follow_one_another() -> None:
    found = drawn(PEOPLE, MODEL)
    # 100% is the width of people's bar: their shares make 1.
    whole = sum(width for *_, width in parts(found, "people"))
    for row in (PEOPLE, MODEL):
        start = parts(found, "people")[0][1]
        drawn_parts = {index: (x, width) for index, x, width in parts(found, row.label)}
        for index, share in enumerate(row.shares):
            if share:
                expected = pytest.approx((start, share * whole), abs=0.3)
                assert drawn_parts.pop(index) == expected
            start += share * whole
        # A share of 0 is not drawn.
        assert not drawn_parts


def test_a_part_is_labelled_where_it_is_wide_enough() -> None:
    said = drawn(PEOPLE, MODEL).said()
    assert {"50%", "30%", "90%"} <= set(said) and "2%" not in said and "0%" not in said


def test_what_is_left_of_a_bar_stays_empty() -> None:
    found = drawn(PEOPLE, ShareRow("half", (0.5, 0.0, 0.0, 0.0), "model", 1))
    assert sum(width for *_, width in parts(found, "half")) == pytest.approx(
        0.5 * sum(width for *_, width in parts(found, "people")), abs=0.3
    )


def test_counts_and_the_key_are_said_once() -> None:
    said = drawn(PEOPLE, MODEL).said()
    assert {"n = 118", "n = 1,000"} <= set(said)
    assert all(said.count(label) == 1 for label in LABELS)


def test_parts_differ_in_pattern_too() -> None:
    found = drawn(PEOPLE)
    strokes = [
        (number(one, "x1"), number(one, "x2"), number(one, "y1"), number(one, "y2"))
        for one in found.of("line", "hatch")
    ]
    [(_, start, width)] = [one for one in parts(found, "people") if one[0] == 1]
    inside = [one for one in strokes if start - 0.11 <= one[0] and one[1] <= start + width + 0.11]
    line = found.place("people").y - 4
    rising = [one for one in inside if abs(one[2] - line) < 9 and one[2] != one[3]]
    assert len(rising) > 3
    # At half a right angle, within the part: it rises as far as it goes to the right.
    assert all(x2 - x1 == pytest.approx(y1 - y2, abs=0.21) for x1, x2, y1, y2 in rising)
    assert any(y1 == y2 for *_, y1, y2 in strokes)
    assert len(set(PARTS)) == len(PARTS)


def test_people_and_models_have_signs_of_their_own() -> None:
    found = drawn(PEOPLE, MODEL)
    assert len(found.of("polygon", "people")) == len(found.of("circle", "model")) == 1


def test_missing_shares_are_said_to_be() -> None:
    found = drawn(PEOPLE, ShareRow("model", (NAN,) * 4, "model", 0))
    assert parts(found, "model") == [] and "no value" in found.said()
    assert "model: no value" in found.titles()
    assert "people: first 50%, second 30%, coin 20%, no answer 0% (n = 118)" in found.titles()


def test_a_panel_without_rows_says_so() -> None:
    assert "no values" in drawn().said()


@pytest.mark.parametrize(
    ("shares", "labels", "message"),
    [
        ((0.5, 0.6), ("a", "b"), "at most 1 together"),
        ((-0.1, 0.6), ("a", "b"), "none below 0"),
        ((0.5,), ("a", "b"), "1 shares for 2 labels"),
        ((0.1,) * 5, tuple("abcde"), "a bar can have 4"),
    ],
)
def test_bad_input(shares: tuple[float, ...], labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        share_panel("", [ShareRow("model", shares, "model", 1)], labels)
