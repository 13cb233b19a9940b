"""A change in a word: nearer to and farther from what people's answers would get."""

import math

import pytest

from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.paired import NOTHING, changed
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures.verdict import edge_of, verdict_of

NAN = math.nan


@pytest.mark.parametrize(
    ("first", "second", "half", "aim", "verdict"),
    [
        (0.0, 0.1, 0.05, 0.17, "nearer"),
        (0.2, 0.4, 0.05, 0.17, "farther"),
        (0.1, 0.12, 0.05, 0.17, "unclear"),
        (0.1, 0.4, 0.05, NAN, "higher"),
        # .03 below and .13 above people: with ends of .02 each the sum, .1, leaves .04 to spare...
        (0.14, 0.30, 0.02, 0.17, "farther"),
        # ... and with .06 each it does not: .1 - .12 is below 0.
        (0.14, 0.30, 0.06, 0.17, "higher"),
        (0.30, 0.14, 0.06, 0.17, "lower"),
        (0.30, 0.14, 0.02, 0.17, "nearer"),
    ],
)
def test_across_people_it_takes_more(
    first: float, second: float, half: float, aim: float, verdict: str
) -> None:
    value = second - first
    found = changed(first, second, Interval(value - half, value + half), 100)
    levels = tuple(Quantity(one, one - half, one + half) for one in (first, second))
    assert verdict_of(found, aim, (levels[0], levels[1])) == verdict


def test_what_lies_beyond_the_possible_is_chance() -> None:
    found = changed(-0.04, 0.02, Interval(0.01, 0.11), 100)
    levels = Quantity(-0.04, -0.05, -0.03), Quantity(0.02, 0.01, 0.025)
    # .02 is nearer to 0 by its size, -.03 + .025 < 0; a distance that rose is farther all the same.
    assert verdict_of(found, 0.0, levels) == "nearer"
    assert verdict_of(found, 0.0, levels, edge_of(0)) == "farther"
    fewer = changed(1.0, 0.9, Interval(-0.15, -0.05), 100)
    assert verdict_of(fewer, 1.0, levels, edge_of(1)) == "farther"
    assert verdict_of(NOTHING, 0.0, levels, 1) == "not measured"


def test_edges() -> None:
    assert [edge_of(aim) for aim in ("people", "none", "one person", 0, 1)] == [0, 0, 0, 1, -1]
