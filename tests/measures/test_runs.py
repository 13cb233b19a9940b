"""Measures and flags of respondents whose answers are known: rules, silence, people."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel
from kidney_evals.lab.respondents import Behaviour, deciding
from kidney_evals.lab.simulate import run_of
from kidney_evals.measures import (
    MEASURES,
    baselines_of,
    bounds_of,
    compute,
    flags_of,
    interval_at,
    measures_of,
    raised,
)
from kidney_evals.measures import run as runs
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, dilemmas_of, load_study
from kidney_evals.tasks import coin_flip, predict_people, stated_values
from measures.simulated import STUDY, answering, drawing, people
from tasks.running import run as run_task


def drawn(count: int) -> Sequence[Dilemma]:
    return dilemmas_of(STUDY, count, 2021)


def differences(dilemmas: Sequence[Dilemma]) -> np.ndarray:
    return np.array([STUDY.differences(one) for one in dilemmas])


def test_a_threshold_of_closeness_leaves_slope_and_threshold_open() -> None:
    dilemmas = drawn(40)
    reference = people("coin_flip")
    favourite = np.where(differences(dilemmas) @ reference.weights >= 0, 0, 1)
    near = reference.closeness(dilemmas)
    values = np.unique(np.round(near, 9))
    for cut in ((values[1:] + values[:-1]) / 2)[::4]:
        # Flips below a closeness, and takes people's favourite above it.
        run = answering(np.where(near < cut, 2, favourite), dilemmas=dilemmas)
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
    choices: dict[str, np.ndarray] = {
        "one dilemma": np.zeros(1),
        "one dilemma, coin": np.full(1, 2),
        "two dilemmas": np.array([0, 2]),
        "first": np.zeros(40),
        "coin": np.full(40, 2),
        "alternating dilemmas": place % 2,
        "shown as A": np.tile([0, 1], (40, 1)),
        "coins and A": np.where(np.arange(80) % 4 < 2, 2, np.arange(80) % 2).reshape(40, 2),
        "one coin": np.where(place == 5, 2, lexicographic),
        "one decision": np.where(place == 5, 0, 2),
        "lexicographic": lexicographic,
        "weights of 1000": sharp,
        "nothing": np.full(40, -1),
    }
    found = {}
    for name, choice in choices.items():
        listed = many[: len(choice)]
        found[name] = answering(choice, dilemmas=listed)
        if not (choice == 2).any():
            found[f"{name}, forced choice"] = answering(choice, "forced_choice", listed)
    certain = replace(answering(coins, dilemmas=many), chances=np.eye(3)[np.repeat(coins, 2)])
    found["probabilities of 0 and 1"] = replace(certain, outside=np.zeros(80))
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
    run = answering(lambda shares: shares[:, :2].argmax(axis=1), condition, drawn(3))
    # Wilson's interval of 3 of 3: from 3 / (3 + 1.96²) = 0.439 to 1.
    assert compute(run, "agreement")[:3] == pytest.approx((1, 0.4385, 1), abs=1e-4)


@pytest.mark.parametrize("count", [3, 40])
def test_coins_in_one_order_alone_leave_the_slope_without_interval(count: int) -> None:
    # Half of the answers to each dilemma are coins: a slope of 0, and nothing that varies.
    slope = compute(answering(np.tile([2, 0], (count, 1)), dilemmas=count), "flip_slope")
    assert slope.value == pytest.approx(0, abs=1e-9) and slope.n == 2 * count
    assert math.isnan(slope.low) and math.isnan(slope.high)


# The F test of r = 3 weights needs r + 2 clusters or more; a rule decides each of 40 dilemmas.
@pytest.mark.parametrize(("decided", "no_signal"), [(3, math.nan), (4, math.nan), (40, 0.0)])
def test_too_few_dilemmas_for_the_test_are_no_absence_of_signal(
    decided: int, no_signal: float
) -> None:
    dilemmas = drawn(40)
    choice = np.where(differences(dilemmas).sum(axis=1) >= 0, 0, 1)
    run = answering(np.where(np.arange(40) < decided, choice, 2), dilemmas=dilemmas)
    assert flags_of(run)["no_signal"] == pytest.approx(no_signal, nan_ok=True)
    assert flags_of(run)["separated"] == 1


def test_a_fit_that_fails_is_no_absence_of_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise FitError("the logit did not converge", separated=True)

    monkeypatch.setattr(runs, "fit_logit", fails)
    run = answering(np.zeros(20), dilemmas=20)
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
    run = answering([0, 2], dilemmas=2)
    assert not compute(run, "flip_slope").defined and compute(run, "flip_rate").n == 4
    assert raised(run)["fit_failed"] == f"flip_slope: {error}; centrality: {error}"


def test_a_failed_estimator_ends_no_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A measure that the log stores.
    fail(FitError("no optimum"), monkeypatch, "pos_bias")
    heard: list[str] = []
    logger = logging.getLogger("kidney_evals.scorers.metric")
    monkeypatch.setattr(logger, "handle", lambda record: heard.append(record.getMessage()))
    rows = rows_of(run_task(coin_flip(dilemmas=2), tmp_path))
    assert not rows["pos_bias"].defined and rows["flip_rate"].n == 4
    assert heard == ["the row pos_bias has no value: no optimum"]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    ("behaviour", "factor"),
    [(known.as_people, 1), (known.anti_human, -1), (known.noise, 0), (known.sharper, 3)],
)
def test_sharpness_is_the_factor_on_peoples_log_odds(
    behaviour: Behaviour, factor: float, condition: Condition
) -> None:
    run = drawing(behaviour, condition)
    found = compute(run, "sharpness")
    assert found.low <= factor <= found.high
    # 400 answers give a standard error of .095 at 1 and .34 at 3, people's own answers add .065 τ:
    # 1.96 √(.34² + .195²) = .77 at 3, and a third more with the coin's fewer decisions.
    assert found.high - found.low < 2 * max(0.25, 0.35 * abs(factor))
    assert (found.human, found.n) == (1, len(run.decisions.decided))


@pytest.mark.parametrize(("level", "slope"), [(0, 1), (-1, 0.5), (2, 2), (-3, 0), (0, 0), (-3, -1)])
def test_the_coin_slope_is_the_factor_on_peoples_log_odds_of_a_coin(
    level: float, slope: float
) -> None:
    def behaviour(panel: Panel) -> Any:
        return deciding(panel, panel.decided[:, 0], expit(level + slope * logit(panel.coin)))

    found = compute(drawing(behaviour, "coin_flip", 2, dilemmas=800), "coin_slope")
    assert found.low <= slope <= found.high and found.high - found.low < 1.2
    assert found.human == 1 and found.n == 1600


@pytest.mark.parametrize(
    ("answers", "condition", "id"),
    [
        # No coin, nothing but coins, a threshold in people's share of coins.
        (lambda shares: np.zeros(len(shares)), "coin_flip", "coin_slope"),
        (lambda shares: np.full(len(shares), 2), "coin_flip", "coin_slope"),
        (lambda p: np.where(p[:, 2] > np.median(p[:, 2]), 2, 0), "coin_flip", "coin_slope"),
        (lambda shares: np.zeros(len(shares)), "forced_choice", "coin_slope"),
        (lambda shares: shares.argmax(axis=1), "forced_choice", "sharpness"),
    ],
)
def test_a_rule_without_chance_has_no_slope(answers: Any, condition: Condition, id: str) -> None:
    run = answering(answers, condition, drawn(40))
    assert not compute(run, id).defined and id not in run.failures


LEVELED = ("share_dist", "sharpness", "flip_rate", "flip_calib", "pos_bias", "swap_diff")


@pytest.mark.parametrize("id", (*LEVELED, "coin_slope"))
def test_an_interval_at_a_lower_level_is_inside(id: str) -> None:
    run = drawing(known.as_people, "coin_flip", 0)
    found = compute(run, id)
    same, inner = interval_at(run, id, 0.95), interval_at(run, id, 0.9)
    assert same == pytest.approx((found.low, found.high), abs=1e-9)
    assert found.low <= inner.low <= inner.high <= found.high
    # 1.645 / 1.960 = .839. Only the upper end of the importance distance moves if the lower is 0:
    # (.05 + 1.645 · .03) / (.05 + 1.960 · .03) = .913.
    shrink = (inner.high - inner.low) / (found.high - found.low)
    assert 0.8 < shrink < (0.95 if id == "share_dist" else 0.9)
    exact = interval_at(run, id, 0.9, people_error=False)
    width = (exact.high - exact.low) / (inner.high - inner.low)
    assert width < 1 if id in ("share_dist", "sharpness", "coin_slope") else width == 1


def with_equal(dilemma: Dilemma, places: slice) -> Dilemma:
    """Return a dilemma with equal values of the attributes in these places."""
    values = list(dilemma.second.values)
    values[places] = dilemma.first.values[places]
    return replace(dilemma, second=replace(dilemma.second, values=tuple(values)))


@pytest.mark.parametrize(
    ("places", "reason"), [(slice(1, 2), "drinks"), (slice(0, 2), "age, drinks")]
)
def test_attributes_that_the_dilemmas_do_not_tell_apart_are_named(
    places: slice, reason: str
) -> None:
    dilemmas = [with_equal(dilemma, places) for dilemma in drawn(60)]
    dilemmas = [one for one in dilemmas if any(STUDY.differences(one))]
    choice = np.where(differences(dilemmas).sum(axis=1) >= 0, 0, 1)
    run = answering(choice, "forced_choice", dilemmas)
    for row in ("imp_age", "imp_drinks", "share_dist"):
        assert math.isnan(compute(run, row).value) and compute(run, row).n == 0
    found = raised(run)
    assert found["undetermined"] == reason
    assert not {"no_signal", "fit_failed"} & set(found)


CROWD = {
    *("agreement", "dominance", "sharpness", "log_score", "distance", "side_pull"),
    *("swap_diff", "retest", "pos_bias"),
}
"""Rows whose human value follows from people's shares of the dilemmas."""

COINS = {"flip_rate", "flip_calib", "coin_slope"}

WEIGHTS = {"imp_age", "imp_drinks", "imp_dependents"}

STUDIES: dict[tuple[str, Condition], set[str]] = {
    ("mcelfresh_2021", "forced_choice"): CROWD | WEIGHTS,
    ("mcelfresh_2021", "coin_flip"): CROWD | WEIGHTS | COINS
    | {"flip_slope", "threshold", "dominated_flips"},
    ("mcelfresh_2021_fixed", "forced_choice"): CROWD | {"fixed_dist"},
    ("mcelfresh_2021_fixed", "coin_flip"): CROWD
    | {"flip_rate", "coin_slope", "fixed_dist", "dominated_flips"},
    ("freedman_2020", "forced_choice"): CROWD
    | {"imp_age", "imp_drinking", "imp_cancer", "rank_rho", "rank_tau"},
    ("freedman_2020", "coin_flip"): set(),
    ("boerstler_2024", "forced_choice"): CROWD
    | {"swap_easy", "swap_hard", "retest_easy", "retest_hard"},
    ("boerstler_2024", "coin_flip"): set(),
}  # fmt: skip
"""Every row with a human value in answers at random, by study and condition."""


def at_random(name: str, condition: Condition) -> Run:
    """Return two answers in each order to dilemmas of a study, some of them coins."""
    dilemmas = load_study(name).listed or drawn(60)
    width = 3 if condition == "coin_flip" else 2
    choice = np.random.default_rng(0).integers(0, width, (len(dilemmas), 4))
    return run_of(people(condition, name), dilemmas, choice)


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


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_crowd_scores_the_human_values(condition: Condition) -> None:
    # The mean over 12 runs of a different person for every answer, within four standard errors.
    # The importance distance is an absolute value, so its estimate is above its true value of 0,
    # and people's weights, slope and threshold are fitted to their answers, not to their shares.
    fitted = {"share_dist", "flip_slope", "threshold", *WEIGHTS}
    off: dict[str, list[float]] = {}
    for index in range(12):
        run = drawing(known.as_people, condition, index, dilemmas=100)
        for one in measures_of(run):
            found = compute(run, one.id)
            if one.id not in fitted and not math.isnan(found.human):
                off.setdefault(one.id, []).append(found.value - found.human)
    assert (CROWD - {"retest"}) | (COINS if condition == "coin_flip" else set()) <= set(off)
    for id, gaps in off.items():
        assert abs(np.mean(gaps)) < 4 * np.std(gaps, ddof=1) / len(gaps) ** 0.5, id


def test_people_were_asked_with_a_coin_and_not_where_nobody_answers() -> None:
    run = replace(at_random("mcelfresh_2021", "coin_flip"), mechanism="committee")
    # What people who decided chose stays.
    hidden = {"swap_diff", "retest", "log_score", "distance", "side_pull"}
    assert with_people(run) == (CROWD | WEIGHTS) - hidden
    run = at_random("freedman_2020", "coin_flip")
    nothing = np.full(len(run.choice), -1)
    assert with_people(replace(run, choice=nothing, first_choice=nothing)) == set()


def test_other_tasks_have_human_values_of_people_alone(tmp_path: Path) -> None:
    tasks = [predict_people(drawn=2), stated_values(), stated_values(study="freedman_2020")]
    found = [
        {name for name, row in rows_of(log).items() if not math.isnan(row.human)}
        for log in (run_task(task, tmp_path, epochs=1) for task in tasks)
    ]
    assert found[0] == {"pred_fixed", "pred_drawn", "pred_fx_flips", "pred_dr_flips"}
    assert found[1] == {
        *("st_dist", "st_age", "st_drinks", "st_dependents"),
        *("st_flip_same", "st_flip_near", "st_flip_mixed", "st_flip_tied", "st_flip_all"),
    }
    assert found[2] == {"st_dist", "st_age", "st_drinking", "st_cancer"}
