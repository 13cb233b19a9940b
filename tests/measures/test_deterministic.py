"""Rows of respondents whose fits have no finite optimum, or no optimum at all."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval
from numpy.typing import ArrayLike

from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import load_reference
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
from kidney_evals.studies import Condition, Dilemma, draw_dilemmas, load_study
from kidney_evals.tasks import coin_flip

STUDY = load_study("mcelfresh_2021")


def drawn(count: int, seed: int = 2021) -> tuple[Dilemma, ...]:
    return tuple(draw_dilemmas(STUDY.id, STUDY.attributes, count, seed))


def run_of(
    dilemmas: tuple[Dilemma, ...],
    choice: ArrayLike,
    condition: Condition = "coin_flip",
    chances: ArrayLike | None = None,
) -> Run:
    """Return a run with one answer to each order of each dilemma.

    Args:
        dilemmas: The dilemmas.
        choice: 0 first-listed, 1 second-listed, 2 coin, for each dilemma or for each answer.
        condition: What was offered.
        chances: Probabilities of the answers, shape (2D, 3), where they were read out.
    """
    count = len(dilemmas)
    codes = np.asarray(choice, dtype=np.int64)
    answers = np.repeat(codes, 2) if len(codes) == count else codes
    return Run(
        study=STUDY,
        reference=load_reference(STUDY, condition),
        dilemmas=dilemmas,
        dilemma=np.repeat(np.arange(count), 2),
        order=np.tile([0, 1], count),
        epoch=np.ones(2 * count, dtype=np.int64),
        choice=answers,
        first_choice=answers,
        outcomes=np.array(["decision"] * (2 * count)),
        departures=np.zeros(2 * count, dtype=np.bool_),
        chances=None if chances is None else np.asarray(chances, dtype=np.float64),
        outside=None if chances is None else np.zeros(2 * count),
    )


def flips_below(dilemmas: tuple[Dilemma, ...], threshold: float) -> Run:
    """Return a respondent who flips below a closeness and takes people's favourite above it."""
    reference = load_reference(STUDY, "coin_flip")
    lean = np.array([STUDY.differences(one) for one in dilemmas]) @ reference.weights
    near = reference.closeness(dilemmas) < threshold
    return run_of(dilemmas, np.where(near, 2, np.where(lean >= 0, 0, 1)))


def thresholds(dilemmas: tuple[Dilemma, ...]) -> list[float]:
    """Return the middle between each two closenesses that are next to each other."""
    known = np.unique(np.round(load_reference(STUDY, "coin_flip").closeness(dilemmas), 9))
    return [float(one) for one in (known[1:] + known[:-1]) / 2]


@pytest.mark.parametrize(
    ("count", "seed"), [(40, 2021), pytest.param(200, 2021, marks=pytest.mark.slow)]
)
def test_a_threshold_of_closeness_leaves_slope_and_threshold_open(count: int, seed: int) -> None:
    dilemmas = drawn(count, seed)
    cuts = thresholds(dilemmas)
    assert len(cuts) > 0.8 * count
    for cut in cuts[::4]:
        run = flips_below(dilemmas, cut)
        for row in ("flip_slope", "threshold"):
            found = compute(run, row)
            assert math.isnan(found.value) and found.n == 0, (cut, row)
        flags = flags_of(run)
        assert flags["separated"] == 1 and flags["no_signal"] != 1, cut
        assert flags["fit_failed"] == 0 and not run.failures, cut


@cache
def extremes() -> dict[str, Run]:
    many, one = drawn(40), drawn(1)
    x = np.array([STUDY.differences(dilemma) for dilemma in many])
    lexicographic = np.where(x @ [1e6, 1e3, 1.0] >= 0, 0, 1)
    sharp = np.where(x @ [1e3, 1e-3, -1e3] >= 0, 0, 1)
    certain = np.eye(3)[np.repeat(np.where(np.arange(40) % 3 == 0, 2, lexicographic), 2)]
    found = {
        "one dilemma": run_of(one, [0]),
        "one dilemma, coin": run_of(one, [2]),
        "two dilemmas": run_of(many[:2], [0, 2]),
        "first": run_of(many, np.zeros(40)),
        "second": run_of(many, np.ones(40)),
        "coin": run_of(many, np.full(40, 2)),
        "alternating dilemmas": run_of(many, np.arange(40) % 2),
        "shown as A": run_of(many, np.tile([0, 1], 40)),
        "coins and A": run_of(many, np.where(np.arange(80) % 4 < 2, 2, np.arange(80) % 2)),
        "one coin": run_of(many, np.where(np.arange(40) == 5, 2, lexicographic)),
        "one decision": run_of(many, np.where(np.arange(40) == 5, 0, 2)),
        "lexicographic": run_of(many, lexicographic),
        "weights of 1000": run_of(many, sharp),
        "probabilities of 0 and 1": run_of(
            many, np.repeat(np.where(np.arange(40) % 3 == 0, 2, lexicographic), 2), chances=certain
        ),
        "nothing": run_of(many, np.full(40, -1)),
    }
    found |= {
        f"{name}, forced choice": run_of(run.dilemmas, run.choice, "forced_choice")
        for name, run in found.items()
        if not (run.choice == 2).any()
    }
    return found


@pytest.mark.parametrize("name", extremes())
def test_no_row_fails_on_an_extreme_respondent(name: str) -> None:
    run = extremes()[name]
    for one in measures_of(run):
        found, bounds = compute(run, one.id), bounds_of(run, one.id)
        assert (found.n == 0) == math.isnan(found.value), one.id
        values = [
            *found,
            *(bounds or ()),
            *(base.value for base in baselines_of(run, one.id).values()),
        ]
        assert not any(math.isinf(value) for value in values), one.id
    assert flags_of(run)["fit_failed"] == 0 and not run.failures


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_a_few_dilemmas_answered_as_most_people_do_leave_agreement_wide(
    condition: Condition,
) -> None:
    three = drawn(3)
    shares = load_reference(STUDY, condition).shares(three)[:, :2]
    shares = shares / shares.sum(axis=1, keepdims=True)
    run = run_of(three, shares.argmax(axis=1), condition)
    # Wilson's interval of 3 of 3: from 3 / (3 + 1.96²) = 0.439 to 1.
    assert compute(run, "agreement")[:3] == pytest.approx((1, 0.4385, 1), abs=1e-4)
    # Over chance U, the even answerer's agreement: (0.4385 - U) / (1 - U).
    chance = 3 * 0.5 / shares.max(axis=1).sum()
    low = (0.4385 - chance) / (1 - chance)
    assert compute(run, "agree_adj")[:3] == pytest.approx((1, low, 1), abs=1e-3)


@pytest.mark.parametrize("count", [3, 10, 40])
def test_coins_in_one_order_alone_leave_the_slope_without_interval(count: int) -> None:
    # Half of the answers to each dilemma are coins: a slope of 0, and nothing that varies.
    run = run_of(drawn(count), np.tile([2, 0], count))
    slope = compute(run, "flip_slope")
    assert slope.value == pytest.approx(0, abs=1e-9) and slope.n == 2 * count
    assert math.isnan(slope.low) and math.isnan(slope.high)


@pytest.mark.parametrize(
    ("decided", "no_signal"),
    [
        # r = 3 weights need at least r + 2 clusters for the F test.
        (3, math.nan),
        (4, math.nan),
        # A rule that follows the attributes in every one of 40 dilemmas.
        (40, 0.0),
    ],
)
def test_too_few_dilemmas_for_the_test_are_no_absence_of_signal(
    decided: int, no_signal: float
) -> None:
    dilemmas = drawn(40)
    x = np.array([STUDY.differences(one) for one in dilemmas])
    choice = np.where(x @ [1.0, 1.0, 1.0] >= 0, 0, 1)
    run = run_of(dilemmas, np.where(np.arange(40) < decided, choice, 2))
    assert flags_of(run)["no_signal"] == pytest.approx(no_signal, nan_ok=True)
    assert flags_of(run)["separated"] == 1


def test_a_fit_that_fails_is_no_absence_of_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise FitError("the logit did not converge", separated=True)

    monkeypatch.setattr(runs, "fit_logit", fails)
    run = run_of(drawn(20), np.zeros(20))
    assert compute(run, "imp_age").n == 0
    assert math.isnan(flags_of(run)["no_signal"])
    found = raised(run)
    assert found["fit_failed"] == "importance: the logit did not converge"
    assert set(found) == {"separated", "fit_failed", "few"}


FAILURES: list[Exception] = [
    FitError("no optimum was reached"),
    np.linalg.LinAlgError("Singular matrix"),
    ZeroDivisionError("division by zero"),
    ValueError("array must not contain infs or NaNs"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda one: type(one).__name__)
def test_a_failed_estimator_leaves_its_measure_undefined(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail(error, monkeypatch, "flip_slope", "centrality")
    run = run_of(drawn(2), [0, 2])
    assert not compute(run, "flip_slope").defined and compute(run, "flip_rate").n == 4
    assert raised(run)["fit_failed"] == f"flip_slope: {error}; centrality: {error}"


def test_a_failed_estimator_ends_no_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A measure that the log stores.
    _fail(FAILURES[0], monkeypatch, "distance")
    heard: list[str] = []
    logger = logging.getLogger("kidney_evals.scorers.metric")
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(listener)
    try:
        [log] = eval(coin_flip(dilemmas=2), model="kidney/human", log_dir=str(tmp_path))
    finally:
        logger.removeHandler(listener)
    assert log.status == "success", log.error
    rows = rows_of(log)
    assert not rows["distance"].defined and rows["flip_rate"].n == 4
    assert heard == [f"the row distance has no value: {FAILURES[0]}"]


def _fail(error: Exception, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """Make the estimators of some measures fail."""

    def fails(_: Run) -> Quantity:
        raise error

    for id in ids:
        monkeypatch.setitem(MEASURES, id, replace(MEASURES[id], compute=fails))
