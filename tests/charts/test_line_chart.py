"""Line charts: what stands where, read from the SVG itself."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from kidney_evals.charts.line_chart import Line, line_chart

SVG = "{http://www.w3.org/2000/svg}"
NAN = math.nan


@dataclass
class Chart:
    """A chart as it is read back.

    Attributes:
        texts: Every text with its place, in order.
        paths: The points of each line.
        circles: The centres of all marks.
        bars: Lower and upper end of each interval, with their x.
        size: Width and height.
    """

    texts: list[tuple[str, float, float]]
    paths: list[list[tuple[float, float]]]
    circles: list[tuple[float, float]]
    bars: list[tuple[float, float, float]]
    size: tuple[float, float]

    def numbers(self, anchor_left: bool) -> dict[float, float]:
        """Places of the numbers beside the y axis, or under the x axis."""
        floor = max(y for text, _, y in self.texts if _is_number(text))
        beside = {float(text): y - 4 for text, _, y in self.texts if _is_number(text) and y < floor}
        under = {float(text): x for text, x, y in self.texts if _is_number(text) and y == floor}
        return beside if anchor_left else under

    def up(self, value: float) -> float:
        """Where a height stands, by the first and last number beside the y axis."""
        return between(self.numbers(True), value)

    def across(self, value: float) -> float:
        """Where an x stands, by the first and last number under the x axis."""
        return between(self.numbers(False), value)

    def place(self, text: str) -> tuple[float, float]:
        [(_, x, y)] = [one for one in self.texts if one[0] == text]
        return x, y


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) is not None


def between(places: dict[float, float], value: float) -> float:
    low, high = min(places), max(places)
    return places[low] + (value - low) / (high - low) * (places[high] - places[low])


def chart(lines: list[Line], title: str = "Title", **more: Any) -> Chart:
    root = ElementTree.fromstring(line_chart(title, "the x", "the y", lines, **more))

    def number(one: ElementTree.Element, name: str) -> float:
        return float(one.get(name, "nan"))

    texts = [(str(one.text), number(one, "x"), number(one, "y")) for one in root.iter(f"{SVG}text")]
    paths = [
        [
            (float(x), float(y))
            for x, y in (pair.split(",") for pair in one.get("points", "").split())
        ]
        for one in root.iter(f"{SVG}polyline")
    ]
    circles = [(number(one, "cx"), number(one, "cy")) for one in root.iter(f"{SVG}circle")]
    bars = [
        (number(one, "x1"), number(one, "y1"), number(one, "y2"))
        for group in root.iter(f"{SVG}g")
        for one in group.iter(f"{SVG}line")
    ]
    _, _, width, height = map(float, root.get("viewBox", "").split())
    return Chart(texts, paths, circles, bars, (width, height))


def test_points_and_intervals_stand_where_the_axes_say() -> None:
    found = chart([Line("model", [0, 1, 4], [0.5, 0.7, 0.6], [0.4, 0.6, 0.6], [0.6, 0.8, 0.9])])
    expected = [(found.across(x), found.up(y)) for x, y in ((0, 0.5), (1, 0.7), (4, 0.6))]
    # Places are rounded to a tenth of a pixel.
    [path] = found.paths
    for drawn in (path, found.circles):
        assert [one for pair in drawn for one in pair] == pytest.approx(
            [one for pair in expected for one in pair], abs=0.11
        )
    ends = [(0, 0.4, 0.6), (1, 0.6, 0.8), (4, 0.6, 0.9)]
    for bar, (x, low, high) in zip(found.bars, ends, strict=True):
        assert bar == pytest.approx((found.across(x), found.up(low), found.up(high)), abs=0.11)
    # Heights grow upwards.
    assert found.up(0.9) < found.up(0.4)


def test_every_word_is_a_text() -> None:
    lines = [Line("held out", [0, 1], [2.0, 1.0]), Line("training", [0, 1], [1.5, 0.5])]
    found = chart(lines, "Loss of the answers")
    words = [text for text, _, _ in found.texts if not _is_number(text)]
    assert sorted(words) == ["Loss of the answers", "held out", "the x", "the y", "training"]
    assert list(found.numbers(False)) == [0, 1]
    # 0.5 to 2 in steps of 0.5: three steps, the fewest.
    assert sorted(found.numbers(True)) == [0.5, 1, 1.5, 2]
    # The title is what a screen reader says.
    root = ElementTree.fromstring(line_chart("Spoken", "x", "y", lines))
    assert [one.text for one in root.iter(f"{SVG}title")] == ["Spoken"]
    assert root.get("aria-label") == "Spoken"


def test_missing_values_are_left_out() -> None:
    found = chart(
        [
            Line("model", [0, 1, 2], [NAN, 0.2, 0.4], [NAN, NAN, 0.3], [NAN, NAN, 0.5]),
            Line("nobody", [0, 1, 2], [NAN, NAN, NAN]),
        ]
    )
    assert len(found.circles) == 2 and len(found.bars) == 1
    assert [len(path) for path in found.paths] == [2]
    # An x that has no value has no number under it, and a line without any no label.
    assert list(found.numbers(False)) == [1, 2]
    assert "nobody" not in [text for text, _, _ in found.texts]


@pytest.mark.parametrize("lines", [[], [Line("model", [1, 2], [NAN, NAN])]])
def test_a_chart_without_values_says_so(lines: list[Line]) -> None:
    found = chart(lines)
    assert "no values" in [text for text, _, _ in found.texts]
    assert not found.paths and not found.circles


def test_doublings_are_steps_of_one_length_and_zero_stands_one_before_the_first() -> None:
    sizes = [0, 8, 16, 64]
    found = chart([Line("model", sizes, [0.1, 0.2, 0.3, 0.4])], doubling=True)
    place = found.numbers(False)
    step = place[16] - place[8]
    # From 16 to 64 are two doublings.
    assert place[64] - place[16] == pytest.approx(2 * step, abs=0.3)
    assert place[8] - place[0] == pytest.approx(step, abs=0.2)
    assert [x for x, _ in found.circles] == [place[size] for size in sizes]


def test_without_doubling_equal_steps_are_equal() -> None:
    found = chart([Line("model", [0, 8, 16, 64], [0.1, 0.2, 0.3, 0.4])])
    place = found.numbers(False)
    assert (place[16] - place[8]) / (place[64] - place[0]) == pytest.approx(8 / 64, abs=0.002)


@pytest.mark.parametrize("doubling", [True, False])
def test_one_point_stands_in_the_middle(doubling: bool) -> None:
    lines = [Line("model", [32], [0.5], [0.4], [0.6]), Line("people", [32], [0.9], dashed=True)]
    found = chart(lines, doubling=doubling)
    assert list(found.numbers(False)) == [32]
    # A reference at one point is no line to be seen, so it gets a mark too.
    assert len(found.circles) == 2
    [(x, y), _] = found.circles
    assert (x, y) == pytest.approx((found.numbers(False)[32], found.up(0.5)), abs=0.11)
    assert x == pytest.approx(found.place("the x")[0], abs=0.11)


def test_only_zero_samples_can_be_drawn_in_doublings() -> None:
    assert list(chart([Line("model", [0], [0.5])], doubling=True).numbers(False)) == [0]


@pytest.mark.parametrize(
    ("value", "low", "high"), [(0.25, 0, 0.25), (0.0, 0, 1), (-3.0, -3, 0), (1.0, 0, 1)]
)
def test_where_all_values_are_equal_the_axis_goes_from_zero(
    value: float, low: float, high: float
) -> None:
    found = chart([Line("model", [1, 2, 3], [value, value, value * (1 + 1e-15)])])
    marks = found.numbers(True)
    assert (min(marks), max(marks)) == (low, high)
    assert [y for _, y in found.circles] == pytest.approx([found.up(value)] * 3, abs=0.11)


def test_axes_hold_every_value_with_few_round_numbers() -> None:
    generator = random.Random(1)
    for _ in range(300):
        size = 10 ** generator.uniform(-4, 5)
        values = [generator.uniform(-1, 1) * size + generator.choice([0, 3 * size]) for _ in "abc"]
        found = chart([Line("model", [0, 1, 2], values)])
        marks = sorted(found.numbers(True))
        assert 4 <= len(marks) <= 8
        step = marks[1] - marks[0]
        assert marks[0] <= min(values) + 1e-6 * step and max(values) <= marks[-1] + 1e-6 * step
        assert float(f"{step:.6e}".split("e")[0]) in (1, 2, 5)


@pytest.mark.parametrize(
    ("lines", "doubling"),
    [
        ([Line(f"line {end}", [0, 1], [0.0, 1 + end / 100]) for end in range(9)], False),
        # All at the foot, where labels have nowhere further down to go.
        ([Line(f"line {end}", [0, 1], [1.0, 0.0]) for end in range(6)], False),
        ([Line("of a long name that takes its room", [0, 1], [1.0, 0.0])], False),
        ([Line("model", [0, 8, 9, 10, 12, 16, 24, 8192, 10_000], [-0.00012] * 9)], True),
        ([Line("model", [0, 1, 2, 100, 101], [12_345.6, 12_345.7, 0, 0, 0])], False),
        ([Line("model", list(range(28)), [1 / (1 + x) for x in range(28)])], False),
    ],
)
def test_no_text_lies_over_another_or_leaves_the_chart(lines: list[Line], doubling: bool) -> None:
    found = chart(
        lines, "A title that is longer than the plot is wide, as titles are " * 2, doubling=doubling
    )
    labels = {line.label for line in lines}
    # 12 pixels high; a letter is at most 7 wide in the mean.
    right = [found.place(label) for label in labels]
    heights = sorted(y for _, y in right)
    assert all(two - one >= 12 for one, two in pairwise(heights))
    assert all(0 < y < found.size[1] for y in heights)
    assert all(found.place(one)[0] + 7 * len(one) <= found.size[0] for one in labels)
    under = sorted(found.numbers(False).items())
    spans = [
        (x - 3.5 * len(f"{number:.10g}"), x + 3.5 * len(f"{number:.10g}")) for number, x in under
    ]
    assert all(one[1] < two[0] for one, two in pairwise(spans))
    # Within the axis, and clear of the labels.
    xs = [x for x, _ in found.circles]
    assert min(xs) - 0.1 <= under[0][1] and under[-1][1] <= max(xs) + 0.1
    # Numbers beside the y axis end 8 pixels before it; the axis' own label is 20 wide.
    widest = max(7 * len(f"{number:.10g}") for number in found.numbers(True))
    assert min(xs) - 8 - widest >= 20


def test_labels_stand_at_their_lines_ends_where_there_is_room() -> None:
    found = chart([Line("up", [0, 1], [0.0, 1.0]), Line("down", [0, 1], [1.0, 0.0])])
    for label, value in (("up", 1.0), ("down", 0.0)):
        assert found.place(label)[1] - 4 == pytest.approx(found.up(value), abs=0.11)


def test_signs_of_markup_are_text() -> None:
    lines = [Line("a < b & c > d", [0, 1], [0.0, 1.0])]
    svg = line_chart('<script> & "x"', "x < 1", "y & z", lines)
    root = ElementTree.fromstring(svg)
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {'<script> & "x"', "x < 1", "y & z", "a < b & c > d"} <= set(texts)
    assert "<script>" not in svg


def test_references_are_dashed_and_measured_lines_are_not() -> None:
    lines = [Line("model", [0, 1], [0.0, 1.0]), Line("people", [0, 1], [0.5, 0.5], dashed=True)]
    root = ElementTree.fromstring(line_chart("Title", "x", "y", lines))
    dashes = ["dashed" in one.get("class", "").split() for one in root.iter(f"{SVG}polyline")]
    assert dashes == [False, True]
    # People's colour is theirs, in whatever order the lines come.
    groups = [one.get("class") for one in root.iter(f"{SVG}g") if one.get("class")]
    assert groups == ["line0", "people"]
    assert len(list(root.iter(f"{SVG}circle"))) == 2


def test_intervals_of_another_length_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        line_chart("Title", "x", "y", [Line("model", [0, 1], [0.0, 1.0], [0.0], [1.0])])
