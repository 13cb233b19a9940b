"""The change of a row between two runs on the dilemmas that both share, and its class."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.paired import NOTHING, changed
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab import respondents as known
from kidney_evals.lab.readout_table import simulated
from kidney_evals.lab.respondents import Behaviour
from kidney_evals.measures import change, compute, measures_of
from kidney_evals.measures.run import Run, part_of
from kidney_evals.measures.verdict import verdict_of
from kidney_evals.studies import Condition
from measures.simulated import drawing

ROWS = ["agreement", "sharpness", "imp_age", "swap_diff", "flip_rate", "flip_calib", "coin_slope"]


@pytest.fixture(scope="module")
def whole() -> Run:
    return drawing(known.as_people, "coin_flip")


@pytest.mark.parametrize("row", ROWS)
def test_it_is_the_difference_of_the_rows(row: str) -> None:
    # With a coin, importance and agreement leave out what either run left to it altogether.
    condition: Condition = "coin_flip" if row.startswith(("flip", "coin")) else "forced_choice"
    # Without flips there is no coin slope.
    second: Behaviour = known.never_flips if row.startswith("flip") else known.noise
    second = known.sharper if condition == "forced_choice" else second
    before, after = drawing(known.as_people, condition), drawing(second, condition)
    found = change(before, after, row)
    values = compute(before, row).value, compute(after, row).value
    assert (found.first, found.second) == pytest.approx(values, abs=1e-6)
    assert found.change.value == pytest.approx(values[1] - values[0], abs=1e-6)
    assert found.change.low < found.change.value < found.change.high
    backwards = change(after, before, row).change
    assert backwards.value == pytest.approx(-found.change.value, abs=1e-9)


def test_never_flipping_is_found_and_changed_choices_are_not(whole: Run) -> None:
    after = drawing(known.never_flips, "coin_flip")
    assert change(whole, after, "flip_rate").p_value < 1e-4
    assert change(whole, after, "imp_age").p_value > 0.05


def test_only_shared_dilemmas_count(whole: Run) -> None:
    # A log that was cut short: without its first 50 dilemmas.
    part = part_of(whole, whole.dilemma >= 50)
    rest = replace(part, dilemmas=whole.dilemmas[50:], dilemma=part.dilemma - 50)
    found = change(whole, rest, "flip_rate")
    assert (found.change.value, found.change.n) == (0, 150)
    assert found.first == pytest.approx(compute(rest, "flip_rate").value)


def test_every_change_of_a_run_to_itself_is_nothing(whole: Run) -> None:
    names = [one.id for one in measures_of(whole) if one.change is not None]
    assert set(ROWS) | {"coverage", "dominated_flips"} <= set(names)
    for name in names:
        same = change(whole, whole, name)
        assert same.change.value == 0 or same.change.n == 0, name
        assert same.first == pytest.approx(compute(whole, name).value, nan_ok=True), name


def with_other_names(run: Run) -> Run:
    return replace(run, dilemmas=tuple(replace(one, id="x" + one.id) for one in run.dilemmas))


@pytest.mark.parametrize(
    ("other", "row", "said"),
    [
        (lambda _: drawing(known.as_people, "forced_choice"), "agreement", "different conditions"),
        (
            lambda _: drawing(known.as_people, "coin_flip", 2),
            "agreement",
            "human tables|has other patients",
        ),
        (lambda run: run, "pos_bias", "'pos_bias' has no paired difference"),
        (lambda run: run, "imp_height", "'imp_height' has no paired difference"),
        (with_other_names, "agreement", "share no dilemma"),
    ],
)
def test_what_cannot_be_compared_is_named(
    other: Callable[[Run], Run], row: str, said: str, whole: Run
) -> None:
    with pytest.raises(InputError, match=said):
        change(whole, other(whole), row)


def test_probabilities_that_were_read_out_change_by_what_they_differ() -> None:
    people, sharp = (simulated(name, 100, 1, read_out=True) for name in ("human", "sharp"))
    found = change(people, sharp, "flip_rate")
    coins = [float(run.decisions.counts[:, :, 2].mean()) for run in (people, sharp)]
    assert found.change.value == pytest.approx(coins[1] - coins[0])
    # Known far better than from as many answers.
    drawn = change(people, simulated("sharp", 100, 1, read_out=False), "flip_rate")
    assert found.change.high - found.change.low < drawn.change.high - drawn.change.low
    same = change(people, people, "agreement")
    assert same.change.low <= same.change.value == 0 <= same.change.high


@pytest.mark.parametrize(
    ("first", "second", "half", "aim", "verdict"),
    [
        (0.0, 0.1, 0.05, 0.17, "nearer"),
        (0.2, 0.4, 0.05, 0.17, "farther"),
        (0.1, 0.12, 0.05, 0.17, "unclear"),
        (0.1, 0.4, 0.05, math.nan, "higher"),
        # .03 below and .13 above people: with ends of .02 each the sum, .1, leaves .04 to spare...
        (0.14, 0.30, 0.02, 0.17, "farther"),
        # ... and with .06 each it does not: .1 - .12 is below 0.
        (0.14, 0.30, 0.06, 0.17, "higher"),
        (0.30, 0.14, 0.06, 0.17, "lower"),
        (0.30, 0.14, 0.02, 0.17, "nearer"),
    ],
)
def test_a_change_across_the_aim_takes_more(
    first: float, second: float, half: float, aim: float, verdict: str
) -> None:
    value = second - first
    found = changed(first, second, Interval(value - half, value + half), 100)
    one, two = (Quantity(level, level - half, level + half) for level in (first, second))
    assert verdict_of(found, aim, (one, two)) == verdict


def test_values_beyond_the_possible_are_chance() -> None:
    found = changed(-0.04, 0.02, Interval(0.01, 0.11), 100)
    levels = Quantity(-0.04, -0.05, -0.03), Quantity(0.02, 0.01, 0.025)
    # .02 is nearer to 0 by its size, -.03 + .025 < 0; a distance that rose is farther all the same.
    assert verdict_of(found, 0.0, levels) == "nearer"
    assert verdict_of(found, 0.0, levels, lowest=True) == "farther"
    assert verdict_of(NOTHING, 0.0, levels, lowest=True) == "not measured"
