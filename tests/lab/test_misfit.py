"""What the tables of misfit and margins say of simulated people, whose shares are known."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from scipy.special import expit

from kidney_evals.estimation.arrays import Floats
from kidney_evals.human.sources import ModelShares
from kidney_evals.lab.drawn_models import Group, flip_model, person_counts, share_model
from kidney_evals.lab.misfit import crowd_table, margin_table
from kidney_evals.lab.table_text import table_text
from kidney_evals.studies import Condition, load_study

STUDY = load_study("mcelfresh_2021")
PEOPLE, EACH = 132, 40
WEIGHTS = np.array([0.7, 0.4, 0.8])


def asked(condition: Condition, seed: int, each: int = EACH) -> tuple[Group, np.random.Generator]:
    """Return people who have not answered yet."""
    random, size = np.random.default_rng(seed), PEOPLE * each
    first, second = (
        np.column_stack(
            [[one.favour(v) for v in random.choice(one.values, size)] for one in STUDY.attributes]
        )
        for _ in range(2)
    )
    person = np.repeat(np.arange(PEOPLE), each)
    nothing = np.zeros(size, dtype=np.int64)
    counts = person_counts(seed, PEOPLE)
    return Group(STUDY, condition, first, second, nothing, person, PEOPLE, counts), random


def read(table: str) -> dict[str, dict[str, float]]:
    lines = list(csv.DictReader(io.StringIO(table)))
    return {one.pop("quantity"): {name: float(one[name]) for name in one} for one in lines}


def crowd(data: Group) -> dict[str, dict[str, float]]:
    flip = None
    if data.condition == "coin_flip":
        flip = flip_model(data, WEIGHTS, data.counts)
    shares = ModelShares(STUDY, share_model(data.decided(), data.counts), WEIGHTS, flip)
    bins = np.digitize(np.abs(data.x @ WEIGHTS), [0.5, 1.0, 1.5, 2.5])
    return read(table_text(crowd_table(data, shares, bins)))


def with_answers(data: Group, share: Floats, coin: Floats, random: np.random.Generator) -> Group:
    decided = np.where(random.random(len(share)) < share, 0, 1)
    choice = np.where(random.random(len(share)) < coin, 2, decided)
    return Group(
        STUDY, data.condition, data.first, data.second, choice, data.person, PEOPLE, data.counts
    )


@pytest.mark.slow
def test_people_whom_the_models_describe_have_no_misfit() -> None:
    data, random = asked("coin_flip", 3)
    utility = data.x @ WEIGHTS
    # Terms that both models have: a line for each attribute, a lapse of .1, and closeness.
    share, coin = 0.05 + 0.9 * expit(utility), expit(-0.5 - np.abs(utility) / 2)
    found = crowd(with_answers(data, share, coin, random))
    assert set(found) == {"distance", "sharpness", "flip_calib", "flip_rate", "coin_slope"}
    for name, one in found.items():
        assert one["low"] < 0 < one["high"], name
    # Widths for 5,280 answers: squares of shares, the log of a slope, rates.
    assert found["distance"]["high"] < 0.01 and found["flip_calib"]["high"] < 0.002
    # √(.25 · .75 / 5280) = .006 at a rate of a quarter.
    assert found["flip_rate"]["high"] == pytest.approx(1.96 * 0.006, rel=0.3)


@pytest.mark.slow
def test_a_misfit_is_measured() -> None:
    def shares(data: Group) -> Floats:
        # Age matters only if dependents are equal: the model has no such interaction.
        age, _, dependents = data.x.T
        return np.asarray(expit(np.where(dependents == 0, 1.5 * age, dependents)))

    data, random = asked("forced_choice", 4)
    nobody = np.zeros(len(data.choice))
    found = crowd(with_answers(data, shares(data), nobody, random))["distance"]
    # The best model of the same people from ten times the answers, and its squared distance.
    large, random = asked("forced_choice", 5, each=400)
    share = shares(large)
    large = with_answers(large, share, np.zeros(len(share)), random)
    best = ModelShares(STUDY, share_model(large, large.counts[:0]), WEIGHTS)
    p = best.predict(large.first, large.second)[:, 0]
    truth = float(2 * ((share - p) ** 2).mean())  # two answers, each with the same gap
    assert truth > 0.012
    assert found["low"] < truth < found["high"]
    assert found["value"] == pytest.approx(truth, abs=0.006)


def test_the_margin_of_equal_people_is_that_of_their_answers() -> None:
    data, random = asked("coin_flip", 6)
    share, coin = expit(data.x @ WEIGHTS), np.full(len(data.choice), 0.2)
    found = read(table_text(margin_table(with_answers(data, share, coin, random))))
    assert set(found) == {"share_dist", "sharpness", "flip_rate"}
    # The rates of two halves differ with a variance of .2 · .8 · (2 / 5280 + 2 / 5280).
    expected = 1.96 * np.sqrt(0.2 * 0.8 * 4 / 5280)
    assert found["flip_rate"]["margin"] == pytest.approx(expected, rel=0.15)
    assert found["flip_rate"]["answers"] == 5280 and found["flip_rate"]["halves"] == 500
    assert found["share_dist"]["answers"] == found["sharpness"]["answers"] < 5280
