"""Laws that every row of a whole run obeys, through `compute`, with its interval and human value.

shuffled  the samples come in another order: no digit changes
relisted  the two patients of every dilemma change places in the list: nothing changes
reshown   A and B change places on the screen, decisions stay: the side bias turns
doubled   every dilemma is there twice, under a second name: values stay
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.measures import baselines_of, bounds_of, compute, flags_of, measures_of
from kidney_evals.measures.run import Run, part_of
from kidney_evals.studies import CONDITIONS, Condition, dilemmas_of
from measures.simulated import STUDY, people

pytestmark = pytest.mark.filterwarnings("error")

OTHER = np.array([1, 0, 2, -1])
"""The answer that means the same with the patients listed the other way round; -1 is none."""

FIRTH = "Firth's penalty counts as half an answer for each weight, which is less among more answers"

SAME = 1e-9

NEARLY_DOUBLED: dict[str, tuple[float, str]] = {
    "flip_calib": (0.005, "takes off variances of G / (G - 1), and uses bins of one once doubled"),
    "flip_calib, bounds": (0.005, "as flip_calib"),
    "flip_slope": (0.05, FIRTH),
    "threshold": (0.02, FIRTH),
    "share_dist": (0.001, FIRTH),
    "imp_age": (0.001, FIRTH),
    "imp_drinks": (0.001, FIRTH),
    "imp_dependents": (0.001, FIRTH),
    "side_pull": (0.005, "takes off a variance over G"),
    "centrality": (0.05, "a person's worth of answers is drawn at random from other dilemmas"),
    "var_repeat": (0.005, "of a variance over different dilemmas: over G - 1"),
    "no_signal": (1.0, "a flag: twice the dilemmas show more"),
    "few": (1.0, "a flag: counts dilemmas"),
}
"""Rows that depend on the number of dilemmas: by how much doubling may move them, and why."""


@lru_cache(maxsize=2)
def whole_run(condition: Condition) -> Run:
    """A run of 60 dilemmas in both orders, each answered twice; a tenth cannot be read."""
    reference, random = people(condition), np.random.default_rng(2)
    listed = dilemmas_of(STUDY, 60, 7)
    choice = choose(np.repeat(reference.shares(listed), 4, axis=0), random).reshape(60, 4)
    return run_of(reference, listed, np.where(random.random((60, 4)) < 0.1, -1, choice))


def relisted(run: Run) -> Run:
    return replace(
        run,
        dilemmas=tuple(replace(one, first=one.second, second=one.first) for one in run.dilemmas),
        order=1 - run.order,
        choice=OTHER[run.choice],
        first_choice=OTHER[run.first_choice],
    )


def reshown(run: Run) -> Run:
    return replace(run, order=1 - run.order)


def doubled(run: Run) -> Run:
    return replace(
        part_of(run, np.tile(np.arange(len(run.choice)), 2)),
        dilemmas=(*run.dilemmas, *(replace(one, id=f"z{one.id}") for one in run.dilemmas)),
        dilemma=np.concatenate([run.dilemma, run.dilemma + len(run.dilemmas)]),
    )


def shuffled(run: Run) -> Run:
    return part_of(run, np.random.default_rng(4).permutation(len(run.choice)))


def quantities(run: Run) -> dict[str, Quantity]:
    """Every measure of a run with its bounds and baselines, first answers, and flags."""
    found = {}
    for one in measures_of(run):
        found[one.id] = compute(run, one.id)
        if (bounds := bounds_of(run, one.id)) is not None:
            found[f"{one.id}, bounds"] = bounds
        known = baselines_of(run, one.id)
        found |= {f"{one.id}, {name}": value for name, value in known.items()}
    first = [one.id for one in measures_of(run) if one.id in ("coverage", "agreement", "flip_rate")]
    found |= {f"{id}, first": compute(run.first, id) for id in first}
    return found | {id: Quantity(value) for id, value in flags_of(run).items()}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_row_has_a_value_somewhere_in_these_runs(condition: Condition) -> None:
    found = quantities(whole_run(condition))
    assert all(one.defined for one in found.values()), found
    always = {"agreement, first", "coverage, first", "agreement, bounds", "swap_diff, bounds"}
    always |= {"distance, bounds", "agreement, guessing", "few", "retest"}
    coin = {"flip_rate", "coin_slope", "flip_calib", "flip_slope", "threshold", "dominated_flips"}
    coin |= {"flip_rate, first", "flip_rate, bounds", "flip_calib, bounds", "distance, never flips"}
    assert always <= set(found)
    assert coin & set(found) == (coin if condition == "coin_flip" else set())


def fixed_run(study: str) -> Run:
    """Random answers to a fixed list, each asked in both orders, twice."""
    reference = people("forced_choice", study)
    listed = reference.study.listed
    return run_of(reference, listed, np.random.default_rng(6).integers(0, 2, (len(listed), 4)))


Moved = dict[str, tuple[Quantity, Quantity]]


def moved(run: Run, law: Callable[[Run], Run]) -> Moved:
    """Every row before and after a law is applied."""
    one, other = quantities(run), quantities(law(run))
    assert set(one) == set(other)
    return {row: (one[row], other[row]) for row in one}


def unlike(found: Moved, within: float) -> list[str]:
    return [
        f"{row}: {one} {other}"
        for row, (one, other) in found.items()
        if not np.allclose(one, other, rtol=0, atol=within, equal_nan=True)
    ]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("law", "within"), [(shuffled, 0), (relisted, SAME)])
def test_the_order_of_samples_and_patients_changes_nothing(
    law: Callable[[Run], Run], within: float, condition: Condition
) -> None:
    assert not unlike(moved(whole_run(condition), law), within)


@pytest.mark.parametrize("study", ["mcelfresh_2021_fixed", "boerstler_2024", "freedman_2020"])
def test_the_order_of_samples_changes_no_digit_over_a_fixed_list(study: str) -> None:
    found = moved(fixed_run(study), shuffled)
    assert ("rank_rho" in found) == (study == "freedman_2020")
    assert not unlike(found, 0)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_who_is_shown_as_a_turns_the_side_bias_and_nothing_else(condition: Condition) -> None:
    found = moved(whole_run(condition), reshown)
    one, turned = found["pos_bias"]
    assert one.value != 0
    found["pos_bias"] = (one._replace(value=-one.value, low=-one.high, high=-one.low), turned)
    assert not unlike(found, SAME)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_dilemma_twice_leaves_values_alone(condition: Condition) -> None:
    found = moved(whole_run(condition), doubled)
    coin = {"flip_calib", "flip_calib, bounds", "flip_slope", "threshold", "var_repeat"}
    assert set(NEARLY_DOUBLED) - set(found) <= coin
    for row, (one, two) in found.items():
        within = NEARLY_DOUBLED[row][0] if row in NEARLY_DOUBLED else SAME
        assert two.value == pytest.approx(one.value, abs=within, nan_ok=True), row
        # The human value belongs to the dilemmas, and those are the same.
        assert two.human == pytest.approx(one.human, abs=SAME, nan_ok=True), row
