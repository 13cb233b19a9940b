"""Measures and flags of respondents whose answers are known: rules, silence, people."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval
from numpy.typing import ArrayLike

from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human import load_reference
from kidney_evals.lab.respondents import RESPONDENTS
from kidney_evals.lab.simulate import run_of, simulate_run
from kidney_evals.measures import (
    MEASURES,
    baselines_of,
    bounds_of,
    compute,
    flags_of,
    measures_of,
    raised,
)
from kidney_evals.measures import run as runs
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, draw_dilemmas, load_study
from kidney_evals.tasks import coin_flip, predict_people, stated_values

STUDY = load_study("mcelfresh_2021")


def drawn(count: int) -> Sequence[Dilemma]:
    return draw_dilemmas(STUDY.id, STUDY.attributes, count, 2021)


def answering(
    dilemmas: Sequence[Dilemma], choice: ArrayLike, condition: Condition = "coin_flip"
) -> Run:
    """Return a run with answers to each dilemma as listed (0, 1, 2 for the coin, -1 for none).

    `choice` has an answer for both orders of each dilemma, shape (D,), or for each, (D, 2).
    """
    codes = np.asarray(choice, dtype=np.int64).reshape(len(dilemmas), -1)
    answers = np.tile(codes, (1, 2 // codes.shape[1]))
    return run_of(load_reference(STUDY, condition), dilemmas, answers)


def differences(dilemmas: Sequence[Dilemma]) -> np.ndarray:
    return np.array([STUDY.differences(one) for one in dilemmas])


def test_a_threshold_of_closeness_leaves_slope_and_threshold_open() -> None:
    dilemmas = drawn(40)
    reference = load_reference(STUDY, "coin_flip")
    favourite = np.where(differences(dilemmas) @ reference.weights >= 0, 0, 1)
    near = reference.closeness(dilemmas)
    known = np.unique(np.round(near, 9))
    for cut in ((known[1:] + known[:-1]) / 2)[::4]:
        # Flips below a closeness, and takes people's favourite above it.
        run = answering(dilemmas, np.where(near < cut, 2, favourite))
        for row in ("flip_slope", "threshold"):
            assert math.isnan(compute(run, row).value) and compute(run, row).n == 0, (cut, row)
        flags = flags_of(run)
        assert flags["separated"] == 1 and flags["no_signal"] != 1, cut
        assert flags["fit_failed"] == 0 and not run.failures, cut


@cache
def extremes() -> dict[str, Run]:
    many, place = drawn(40), np.arange(40)
    x = differences(many)
    lexicographic = np.where(x @ [1e6, 1e3, 1.0] >= 0, 0, 1)
    sharp = np.where(x @ [1e3, 1e-3, -1e3] >= 0, 0, 1)
    coins = np.where(place % 3 == 0, 2, lexicographic)
    choices: dict[str, tuple[Sequence[Dilemma], ArrayLike]] = {
        "one dilemma": (many[:1], [0]),
        "one dilemma, coin": (many[:1], [2]),
        "two dilemmas": (many[:2], [0, 2]),
        "first": (many, np.zeros(40)),
        "coin": (many, np.full(40, 2)),
        "alternating dilemmas": (many, place % 2),
        "shown as A": (many, np.tile([0, 1], 40)),
        "coins and A": (many, np.where(np.arange(80) % 4 < 2, 2, np.arange(80) % 2)),
        "one coin": (many, np.where(place == 5, 2, lexicographic)),
        "one decision": (many, np.where(place == 5, 0, 2)),
        "lexicographic": (many, lexicographic),
        "weights of 1000": (many, sharp),
        "nothing": (many, np.full(40, -1)),
    }
    found = {name: answering(*case) for name, case in choices.items()}
    certain = replace(answering(many, coins), chances=np.eye(3)[np.repeat(coins, 2)])
    found["probabilities of 0 and 1"] = replace(certain, outside=np.zeros(80))
    for name, case in choices.items():
        if not (np.asarray(case[1]) == 2).any():
            found[f"{name}, forced choice"] = answering(*case, "forced_choice")
    return found


@pytest.mark.parametrize("name", extremes())
def test_no_row_fails_on_an_extreme_respondent(name: str) -> None:
    run = extremes()[name]
    for one in measures_of(run):
        found, bounds = compute(run, one.id), bounds_of(run, one.id)
        assert (found.n == 0) == math.isnan(found.value), one.id
        baselines = [base.value for base in baselines_of(run, one.id).values()]
        values = [*found, *(bounds or ()), *baselines]
        assert not any(math.isinf(value) for value in values), one.id
    assert flags_of(run)["fit_failed"] == 0 and not run.failures


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_few_dilemmas_answered_as_most_people_do_leave_agreement_wide(
    condition: Condition,
) -> None:
    three = drawn(3)
    shares = load_reference(STUDY, condition).shares(three)[:, :2]
    shares = shares / shares.sum(axis=1, keepdims=True)
    run = answering(three, shares.argmax(axis=1), condition)
    # Wilson's interval of 3 of 3: from 3 / (3 + 1.96²) = 0.439 to 1.
    assert compute(run, "agreement")[:3] == pytest.approx((1, 0.4385, 1), abs=1e-4)
    # Over chance U, the even answerer's agreement: (0.4385 - U) / (1 - U).
    chance = 3 * 0.5 / shares.max(axis=1).sum()
    low = (0.4385 - chance) / (1 - chance)
    assert compute(run, "agree_adj")[:3] == pytest.approx((1, low, 1), abs=1e-3)


@pytest.mark.parametrize("count", [3, 40])
def test_coins_in_one_order_alone_leave_the_slope_without_interval(count: int) -> None:
    # Half of the answers to each dilemma are coins: a slope of 0, and nothing that varies.
    slope = compute(answering(drawn(count), np.tile([2, 0], count)), "flip_slope")
    assert slope.value == pytest.approx(0, abs=1e-9) and slope.n == 2 * count
    assert math.isnan(slope.low) and math.isnan(slope.high)


# The F test of r = 3 weights needs r + 2 clusters or more; a rule decides each of 40 dilemmas.
@pytest.mark.parametrize(("decided", "no_signal"), [(3, math.nan), (4, math.nan), (40, 0.0)])
def test_too_few_dilemmas_for_the_test_are_no_absence_of_signal(
    decided: int, no_signal: float
) -> None:
    dilemmas = drawn(40)
    choice = np.where(differences(dilemmas).sum(axis=1) >= 0, 0, 1)
    run = answering(dilemmas, np.where(np.arange(40) < decided, choice, 2))
    assert flags_of(run)["no_signal"] == pytest.approx(no_signal, nan_ok=True)
    assert flags_of(run)["separated"] == 1


def test_a_fit_that_fails_is_no_absence_of_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise FitError("the logit did not converge", separated=True)

    monkeypatch.setattr(runs, "fit_logit", fails)
    run = answering(drawn(20), np.zeros(20))
    assert compute(run, "imp_age").n == 0
    assert math.isnan(flags_of(run)["no_signal"])
    found = raised(run)
    assert found["fit_failed"] == "importance: the logit did not converge"
    assert set(found) == {"separated", "fit_failed", "few"}


def fail(error: Exception, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """Make the estimators of some measures fail."""

    def fails(_: Run) -> Quantity:
        raise error

    for id in ids:
        monkeypatch.setitem(MEASURES, id, replace(MEASURES[id], compute=fails))


@pytest.mark.parametrize(
    "error",
    [FitError("no optimum"), np.linalg.LinAlgError("singular"), ZeroDivisionError("by zero")],
)
def test_a_failed_estimator_leaves_its_measure_undefined(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(error, monkeypatch, "flip_slope", "centrality")
    run = answering(drawn(2), [0, 2])
    assert not compute(run, "flip_slope").defined and compute(run, "flip_rate").n == 4
    assert raised(run)["fit_failed"] == f"flip_slope: {error}; centrality: {error}"


def test_a_failed_estimator_ends_no_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A measure that the log stores.
    fail(FitError("no optimum"), monkeypatch, "distance")
    heard: list[str] = []
    logger = logging.getLogger("kidney_evals.scorers.metric")
    monkeypatch.setattr(logger, "handle", lambda record: heard.append(record.getMessage()))
    [log] = eval(coin_flip(dilemmas=2), model="kidney/human", log_dir=str(tmp_path))
    assert log.status == "success", log.error
    rows = rows_of(log)
    assert not rows["distance"].defined and rows["flip_rate"].n == 4
    assert heard == ["the row distance has no value: no optimum"]


TRUTH = {"human-like": 1.0, "anti-human": -1.0, "noise": 0.0, "sharper": 3.0}
"""By respondent, the factor on people's log odds."""


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", TRUTH)
def test_sharpness_is_the_factor_on_peoples_log_odds(name: str, condition: Condition) -> None:
    [respondent] = (one for one in RESPONDENTS if one.name == name)
    run = simulate_run(load_reference(STUDY, condition), respondent, 1)
    found = compute(run, "sharpness")
    assert found.low <= TRUTH[name] <= found.high
    # 400 answers: the interval is no wider than a third of the truth on either side, or .15.
    assert found.high - found.low < 2 * max(0.15, abs(TRUTH[name]) / 3)
    assert math.isnan(found.human)
    assert found.n == len(run.decisions.decided)


def test_a_rule_without_chance_has_no_sharpness() -> None:
    dilemmas = drawn(40)
    majority = load_reference(STUDY, "forced_choice").shares(dilemmas).argmax(axis=1)
    rule = answering(dilemmas, majority, "forced_choice")
    assert not compute(rule, "sharpness").defined
    assert "sharpness" not in rule.failures


def with_equal(dilemma: Dilemma, *, age: bool) -> Dilemma:
    """Return a dilemma with as many drinks on both sides, and optionally equal in age."""
    values = list(dilemma.second.values)
    values[1] = dilemma.first.values[1]
    if age:
        values[0] = dilemma.first.values[0]
    return replace(dilemma, second=replace(dilemma.second, values=tuple(values)))


@pytest.mark.parametrize(("age", "reason"), [(False, "drinks"), (True, "age, drinks")])
def test_attributes_that_the_dilemmas_do_not_tell_apart_are_named(age: bool, reason: str) -> None:
    dilemmas = [with_equal(dilemma, age=age) for dilemma in drawn(60)]
    dilemmas = [one for one in dilemmas if any(STUDY.differences(one))]
    choice = np.where(differences(dilemmas).sum(axis=1) >= 0, 0, 1)
    run = answering(dilemmas, choice, "forced_choice")
    for row in ("imp_age", "imp_drinks", "share_dist"):
        assert math.isnan(compute(run, row).value) and compute(run, row).n == 0
    found = raised(run)
    assert found["undetermined"] == reason
    assert not {"no_signal", "fit_failed"} & set(found)


SHARES = {"agreement", "agree_adj", "dominance"}
"""Rows computed from people's shares: what one of them, drawn at random, gets."""

ONE_PERSON = {"share_dist", "swap_diff", "retest"}
"""Rows of one person, simulated from the answers or asked twice."""

WEIGHTS = {"imp_age", "imp_drinks", "imp_dependents"}

STUDIES: dict[tuple[str, Condition], set[str]] = {
    ("mcelfresh_2021", "forced_choice"): SHARES | ONE_PERSON | WEIGHTS,
    ("mcelfresh_2021", "coin_flip"): SHARES | ONE_PERSON | WEIGHTS
    | {"flip_rate", "flip_slope", "threshold"},
    ("mcelfresh_2021_fixed", "forced_choice"): SHARES,
    ("mcelfresh_2021_fixed", "coin_flip"): SHARES | {"flip_rate"},
    ("freedman_2020", "forced_choice"): SHARES
    | {"imp_age", "imp_drinking", "imp_cancer", "rank_rho", "rank_tau"},
    ("freedman_2020", "coin_flip"): set(),
    ("boerstler_2024", "forced_choice"): SHARES
    | {"swap_diff", "retest", "swap_easy", "swap_hard", "retest_easy", "retest_hard"},
    ("boerstler_2024", "coin_flip"): set(),
}  # fmt: skip
"""Every row with a human value, by study and condition."""


def at_random(name: str, condition: Condition) -> Run:
    """Return two answers in each order to dilemmas of a study, some of them coins."""
    study = load_study(name)
    dilemmas = study.listed or drawn(60)
    width = 3 if condition == "coin_flip" else 2
    choice = np.random.default_rng(0).integers(0, width, (len(dilemmas), 4))
    return run_of(load_reference(study, condition), dilemmas, choice)


def with_people(run: Run) -> set[str]:
    found = {one.id for one in measures_of(run) if not math.isnan(compute(run, one.id).human)}
    for one in measures_of(run):
        bounds = bounds_of(run, one.id)
        assert bounds is None or math.isnan(bounds.human) or one.id in found
        assert all(math.isnan(base.human) for base in baselines_of(run, one.id).values())
    return found


@pytest.mark.parametrize(("name", "condition"), STUDIES)
def test_human_values_are_those_of_people_who_were_asked(name: str, condition: Condition) -> None:
    run = at_random(name, condition)
    assert run.reference.has_people == bool(STUDIES[name, condition])
    assert with_people(run) == STUDIES[name, condition]


def test_people_were_asked_with_a_coin_and_not_where_nobody_answers() -> None:
    run = replace(at_random("mcelfresh_2021", "coin_flip"), mechanism="committee")
    # What people who decided chose stays.
    assert with_people(run) == SHARES | {"share_dist"} | WEIGHTS
    run = at_random("freedman_2020", "coin_flip")
    nothing = np.full(len(run.choice), -1)
    assert with_people(replace(run, choice=nothing, first_choice=nothing)) == set()


def test_other_tasks_have_human_values_of_people_alone(tmp_path: Path) -> None:
    tasks = [predict_people(drawn=2), stated_values(), stated_values(study="freedman_2020")]
    logs = eval(tasks, model="kidney/human", log_dir=str(tmp_path), epochs=1, display="none")
    found = [
        {name for name, row in rows_of(log).items() if not math.isnan(row.human)} for log in logs
    ]
    assert found[0] == {"pred_fixed", "pred_drawn", "pred_fx_flips", "pred_dr_flips"}
    assert found[1] == {
        *("st_dist", "st_age", "st_drinks", "st_dependents"),
        *("st_flip_same", "st_flip_near", "st_flip_mixed", "st_flip_tied", "st_flip_all"),
    }
    assert found[2] == {"st_age", "st_drinking", "st_cancer"}
