"""Predictions of people: the arithmetic, no bias, intervals that cover, the flag, bad input."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from kidney_evals.estimation.arrays import Floats
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.lab.panel import resampled_reference
from kidney_evals.measures.other_study import from_other_study
from kidney_evals.measures.prediction_run import PredictionRun, Predictions
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Patient,
    Study,
    dilemmas_of,
    load_study,
)

FIXED, DRAWN = load_study("mcelfresh_2021_fixed"), load_study("mcelfresh_2021")


def given(**changes: Any) -> Predictions:
    """One question, 11 people of whom .5, .3, .2 chose first, second, coin; predicted twice."""
    people, off = np.array([[0.5, 0.3, 0.2]]), np.array([[0.1, -0.1, 0.0]])
    values: dict[str, Any] = {
        "dilemma": [0, 0],
        "order": [0, 1],
        "shares": [[0.6, 0.2, 0.2], [0.4, 0.2, 0.4]],
        "people": people,
        # Two crowds, ±.1 around: Σ_c Var = .02 + .02 with ddof 1.
        "draws": [people + off, people - off],
        "asked": [11],
        "fixed": True,
    } | changes
    for name in ("dilemma", "order"):
        values[name] = np.array(values[name], dtype=np.int64)
    for name in ("shares", "draws", "asked"):
        values[name] = None if values[name] is None else np.array(values[name], dtype=float)
    return Predictions(**values)


def run(fixed: Predictions, drawn: Predictions | None = None) -> PredictionRun:
    parts = {"fixed": fixed} | ({"drawn": drawn} if drawn else {})
    nothing = np.zeros(0, dtype=np.int64)
    return PredictionRun(parts, nothing, nothing, np.zeros(0, dtype=np.str_))  # type: ignore[arg-type]


# Σ p (1 - p) = .25 + .21 + .16 = .62, over n - 1 = 10: .062.
def test_the_distance_is_the_squared_one_less_peoples_variance() -> None:
    found = given().distance
    # Mean prediction (.5, .2, .3): 0 + .01 + .01 = .02, less .062.
    assert found.value == pytest.approx(0.02 - 0.062)
    assert found.n == 1
    assert found.human == given().floor.value == pytest.approx(2 * 0.062)
    modelled = given(asked=None, fixed=False).distance
    assert modelled.value == pytest.approx(0.02 - 0.04)
    assert modelled.human == pytest.approx(2 * 0.04)


def test_orders_count_alike_however_often_they_were_asked() -> None:
    shares = [[0.6, 0.2, 0.2], [0.6, 0.2, 0.2], [0.4, 0.2, 0.4]]
    often = given(dilemma=[0, 0, 0], order=[0, 0, 1], shares=shares)
    assert often.mean[0] == pytest.approx([0.5, 0.2, 0.3])


def test_what_repetitions_waver_by_is_taken_off_where_it_is_known() -> None:
    shares = [[0.6, 0.2, 0.2], [0.4, 0.4, 0.2]]
    once = given(shares=shares)
    # One prediction in each order: order and chance cannot be told apart, nothing comes off.
    assert once.noise[0] == 0
    assert once.distance.value == pytest.approx(0 - 0.062)
    same = given(shares=shares, order=[0, 0])
    # s² = .02 and .02 over 2 predictions: .01 + .01.
    assert same.noise[0] == pytest.approx(0.02)
    assert same.distance.value == pytest.approx(0 - 0.062 - 0.02)
    both = given(dilemma=[0] * 4, order=[0, 0, 1, 1], shares=shares * 2)
    # Each order weighs ½: ¼ (.02 + .02).
    assert both.noise[0] == pytest.approx(0.01)
    assert both.redrawn(4000)[:, 0].var(axis=0).sum() == pytest.approx(0.01, rel=0.1)


def test_a_dilemma_without_a_prediction_counts_nowhere() -> None:
    people = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    one = given(people=people, draws=np.stack([people, people]), asked=[11, 11])
    assert one.distance.n == 1
    assert one.distance.value == pytest.approx(0.02 - 0.062)
    assert run(one).swap_shift().n == 1
    nobody = given(dilemma=[], order=[], shares=np.empty((0, 3)))
    for found in (nobody.distance, nobody.floor, nobody.skill, nobody.flips):
        assert np.isnan(found.value) and found.n == 0
    assert np.isnan(run(nobody, one).contamination())


@pytest.mark.parametrize("fixed", [True, False])
def test_the_order_of_samples_changes_no_digit(fixed: bool) -> None:
    rng = np.random.default_rng(5)
    people = rng.dirichlet([2, 2, 1], 10)
    rest: list[Any] = [people, np.stack([people] * 3), np.full(10, 20.0), fixed]
    answers: list[Any] = [np.arange(60) % 10, np.arange(60) // 10 % 2, rng.dirichlet([1] * 3, 60)]
    rank = rng.permutation(60)
    first, other = Predictions(*answers, *rest), Predictions(*(a[rank] for a in answers), *rest)
    assert repr(first.distance) == repr(other.distance)
    assert repr(run(first).swap_shift()) == repr(run(other).swap_shift())


def test_the_shift_between_orders_is_a_share_of_people() -> None:
    # ½ (|.6 - .4| + |.2 - .2| + |.2 - .4|) = .2
    assert run(given()).swap_shift().value == pytest.approx(0.2)
    assert run(given(), given(order=[0, 0])).swap_shift().n == 1


def test_predicted_flips_stand_beside_peoples() -> None:
    found = given().flips
    assert (found.value, found.human) == pytest.approx((0.3, 0.2))
    assert np.isnan(found.low)


def test_own_choices() -> None:
    # Two answers in each order: first, first; first, coin. Shares (.75, 0, .25).
    own = given(chosen=np.array([[[2, 0, 0], [1, 0, 1]]]))
    # Variance of the pooled shares: ¼ (0 + .25/1) for first and the same for the coin: .125.
    # To the prediction (.5, .2, .3): .0625 + .04 + .0025 = .105, less .125.
    assert own.own_distance.value == pytest.approx(0.105 - 0.125)
    # To people (.5, .3, .2): .0625 + .09 + .0025 = .155, less .125, less .062.
    assert own.chosen_to_people.value == pytest.approx(0.155 - 0.125 - 0.062)
    # The gain: .155 - .125 for the choices, .02 for the prediction; people's error cancels.
    assert own.gain.value == pytest.approx(0.03 - 0.02)
    assert own.gain.value == pytest.approx(own.chosen_to_people.value - given().distance.value)
    alone = given(chosen=np.array([[[1, 0, 0], [0, 0, 0]]]))
    assert alone.own_distance.n == alone.chosen_to_people.n == alone.gain.n == 0


def of(
    reference: Reference, dilemmas: Sequence[Dilemma], shares: Floats, crowd: Reference
) -> Predictions:
    """Predictions of `shares` in both orders, compared with the people of `crowd`."""
    count = len(dilemmas)
    return Predictions(
        dilemma=np.tile(np.arange(count), 2),
        order=np.repeat([0, 1], count),
        shares=np.tile(shares, (2, 1)),
        people=crowd.shares(dilemmas),
        draws=crowd.share_draws(dilemmas),
        asked=reference.asked(dilemmas),
        fixed=reference.study.draw is None,
    )


def shown(study: Study, count: int) -> Sequence[Dilemma]:
    """All fixed questions, or some drawn dilemmas."""
    return dilemmas_of(study, None if study is FIXED else count, None)


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("study", [FIXED, DRAWN], ids=lambda study: study.id)
def test_no_bias_and_intervals_that_cover(study: Any, condition: Condition) -> None:
    reference = load_reference(study, condition)
    width = 3 if condition == "coin_flip" else 2
    forecasters: dict[str, Callable[[Sequence[Dilemma]], Floats]] = {
        "true": reference.shares,
        "uniform": lambda asked: np.full((len(asked), width), 1 / width),
        "majority": lambda asked: np.eye(width)[reference.shares(asked).argmax(axis=1)],
        "shrunk": lambda asked: 0.8 * reference.shares(asked) + 0.2 / width,
        "other": lambda asked: np.asarray(from_other_study(study, asked, condition)),
    }
    everything = study.listed if study is FIXED else dilemmas_of(study, 2000, 7)
    for name, says in forecasters.items():
        truth = ((says(everything) - reference.shares(everything)) ** 2).sum(axis=1).mean()
        values, covered = [], 0
        for draw in range(200):
            asked = study.listed if study is FIXED else dilemmas_of(study, 50, 1000 + draw)
            found = of(reference, asked, says(asked), resampled_reference(reference, draw)).distance
            values.append(found.value)
            covered += found.low <= truth <= found.high
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert abs(np.mean(values) - truth) < 3.5 * error + 0.003 * truth, name
        # 95 % of 200, less three standard errors of a share of .91.
        assert covered >= 0.85 * 200, (name, covered)


def knows(condition: Condition, *truth: float) -> list[Predictions]:
    """Predictions by study that mix the reference's shares, with these weights, and guessing."""
    found = []
    for study, weight in zip((FIXED, DRAWN), truth, strict=True):
        reference = load_reference(study, condition)
        dilemmas = shown(study, 50)
        shares = reference.shares(dilemmas)
        mixed = weight * shares + (1 - weight) / shares.shape[1]
        found.append(of(reference, dilemmas, mixed, reference))
    return found


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    ("fixed", "drawn", "flag"),
    [(1, 0, 1), (1, 0.5, 1), (1, 1, 0), (0, 0, 0), (0.5, 0.5, 0), (0, 1, 0)],
)
def test_contamination_is_knowing_the_public_answers_only(
    condition: Condition, fixed: float, drawn: float, flag: float
) -> None:
    assert run(*knows(condition, fixed, drawn)).contamination() == flag


def test_skill_is_1_for_the_true_shares_and_0_for_a_guess() -> None:
    fixed, drawn = knows("coin_flip", 0, 0)
    assert fixed.skill.value == drawn.skill.value == 0
    fixed, _ = knows("coin_flip", 1, 1)
    guess = fixed.always_of("uniform").distance.value
    # The shares of record lie people's variance nearer to themselves than the truth does.
    assert fixed.skill.value == pytest.approx(1 + fixed.crowd.mean() / guess)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_other_study_is_a_better_guide_than_the_majority(condition: Condition) -> None:
    for study in (FIXED, DRAWN):
        dilemmas, reference = shown(study, 50), load_reference(study, condition)
        shares = from_other_study(study, dilemmas, condition)
        assert shares is not None and shares.sum(axis=1) == pytest.approx(1)
        one = of(reference, dilemmas, shares, reference)
        for worse in ("majority", "uniform"):
            assert one.distance.value < one.always_of(worse).distance.value
    assert from_other_study(load_study("freedman_2020"), (), condition) is None


def test_fixed_questions_are_put_to_the_drawn_study_with_drinks_a_day() -> None:
    # q06: 32 years, 0 children, heavy (taken for 5 drinks a day) or none (0): only drinks differ.
    [q06] = [one for one in FIXED.listed if one.id == "q06"]
    drawn = Dilemma("x", Patient((32.0, 5.0, 0.0)), Patient((32.0, 0.0, 0.0)), "drawn")
    direct = load_reference(DRAWN, "coin_flip").shares([drawn])
    mapped = from_other_study(FIXED, [q06], "coin_flip")
    assert mapped == pytest.approx(direct)
