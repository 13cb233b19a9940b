"""The tables of misfit and margins, for simulated people whose shares are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from kidney_evals.estimation.arrays import Floats
from kidney_evals.human.sources import ModelShares
from kidney_evals.lab.drawn_models import Group, flip_model, person_counts, share_model
from kidney_evals.lab.misfit import crowd_table, margin_table
from kidney_evals.studies import Condition, load_study

STUDY = load_study("mcelfresh_2021")
PEOPLE = 132
WEIGHTS = np.array([0.7, 0.4, 0.8])


def asked(condition: Condition, seed: int, each: int = 40) -> tuple[Group, np.random.Generator]:
    """Return people and their dilemmas, with 0 for every answer, and a random generator."""
    random, size = np.random.default_rng(seed), PEOPLE * each
    first, second = (
        np.column_stack(
            [[one.favour(v) for v in random.choice(one.values, size)] for one in STUDY.attributes]
        )
        for _ in range(2)
    )
    person, nothing = np.repeat(np.arange(PEOPLE), each), np.zeros(size, dtype=np.int64)
    counts = person_counts(seed, PEOPLE)
    return Group(STUDY, condition, first, second, nothing, person, PEOPLE, counts), random


def crowd(data: Group) -> pd.DataFrame:
    coin = data.condition == "coin_flip"
    flip = flip_model(data, WEIGHTS, data.counts) if coin else None
    shares = ModelShares(STUDY, share_model(data.decided(), data.counts), WEIGHTS, flip)
    bins = np.digitize(np.abs(data.x @ WEIGHTS), [0.5, 1.0, 1.5, 2.5])
    return crowd_table(data, shares, bins).set_index("quantity")


def with_answers(data: Group, share: Floats, coin: Floats, random: np.random.Generator) -> Group:
    decided = np.where(random.random(len(share)) < share, 0, 1)
    return replace(data, choice=np.where(random.random(len(share)) < coin, 2, decided))


@pytest.mark.slow
def test_people_whom_the_models_describe_have_no_misfit() -> None:
    data, random = asked("coin_flip", 3)
    utility = data.x @ WEIGHTS
    # Terms that both models have: a line for each attribute, a lapse of .1, and closeness.
    share, coin = 0.05 + 0.9 * expit(utility), expit(-0.5 - np.abs(utility) / 2)
    found = crowd(with_answers(data, share, coin, random))
    assert set(found.index) == {"distance", "sharpness", "flip_calib", "flip_rate", "coin_slope"}
    high = found["high"]
    assert ((found["low"] < 0) & (high > 0)).all()
    # Widths for 5,280 answers: squares of shares, the log of a slope, rates.
    assert high["distance"] < 0.01 and high["flip_calib"] < 0.002
    # √(.25 · .75 / 5280) = .006 at a rate of a quarter.
    assert high["flip_rate"] == pytest.approx(1.96 * 0.006, rel=0.3)


@pytest.mark.slow
def test_a_misfit_is_measured() -> None:
    def shares(data: Group) -> Floats:
        # Age matters only if dependents are equal: the model has no such interaction.
        age, _, dependents = data.x.T
        return np.asarray(expit(np.where(dependents == 0, 1.5 * age, dependents)))

    data, random = asked("forced_choice", 4)
    found = crowd(with_answers(data, shares(data), np.zeros(len(data.choice)), random))
    # The best model of the same people from ten times the answers, and its squared distance.
    large, random = asked("forced_choice", 5, each=400)
    share = shares(large)
    large = with_answers(large, share, np.zeros(len(share)), random)
    best = ModelShares(STUDY, share_model(large, large.counts[:0]), WEIGHTS)
    p = best.predict(large.first, large.second)[:, 0]
    truth = float(2 * ((share - p) ** 2).mean())  # two answers, each with the same gap
    assert truth > 0.012
    assert found["low"]["distance"] < truth < found["high"]["distance"]
    assert found["value"]["distance"] == pytest.approx(truth, abs=0.006)


def test_the_margin_of_equal_people_is_that_of_their_answers() -> None:
    data, random = asked("coin_flip", 6)
    share, coin = expit(data.x @ WEIGHTS), np.full(len(data.choice), 0.2)
    found = margin_table(with_answers(data, share, coin, random)).set_index("quantity")
    assert list(found.index) == ["share_dist", "sharpness", "flip_rate"]
    # The rates of two halves differ with a variance of .2 · .8 · (2 / 5280 + 2 / 5280).
    expected = 1.96 * np.sqrt(0.2 * 0.8 * 4 / 5280)
    assert found["margin"]["flip_rate"] == pytest.approx(expected, rel=0.15)
    share_dist, sharpness, flip_rate = found["answers"]
    assert share_dist == sharpness < 5280 == flip_rate and set(found["halves"]) == {500}


@pytest.mark.filterwarnings("error")
def test_people_without_preferences_have_no_sharpness() -> None:
    data, random = asked("forced_choice", 6, each=3)
    half, nothing = np.full(len(data.choice), 0.5), np.zeros(len(data.choice))
    found = margin_table(with_answers(data, half, nothing, random)).set_index("quantity")
    assert list(found.index) == ["share_dist"]
