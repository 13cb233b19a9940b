"""Centrality among people at one person's noise."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from estimation.simulated import coverage, human_shares, random_differences
from kidney_evals.estimation.centrality import centrality, share_farther
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import load_study

STUDY = load_study("mcelfresh_2021")
RANGES = np.array(STUDY.spans)
STRICT = load_reference(STUDY, "forced_choice")
WEIGHTS = STRICT.weights
assert STRICT.distances is not None
DISTANCES, LEVELS = STRICT.distances.distances, STRICT.distances.probabilities
PEOPLE: dict[str, Any] = {
    "group": STRICT.importance, "ranges": RANGES, "distances": DISTANCES,
    "probabilities": LEVELS, "people": 132,
}  # fmt: skip


FACTORS: dict[str, Any] = {
    "group": 1, "sharper": 3, "rule": 1e4, "uniform": 0, "anti_human": -1, "age": [3, 0, 0],
    "age alone": [1e4, 0, 0],
}  # fmt: skip
"""By what a respondent multiplies people's weights."""


def answer(respondent: str, seed: int, count: int = 200) -> tuple[np.ndarray, ...]:
    """Differences, choices of the first and dilemmas of a run in both orders."""
    rng = np.random.default_rng(seed)
    x = random_differences(rng, count)
    if respondent == "sampler":
        p = human_shares(x, "forced_choice")[:, 0]
    else:
        p = expit(x @ (WEIGHTS * FACTORS[respondent]))
    return np.tile(x, (2, 1)), rng.random(2 * count) < np.tile(p, 2), np.tile(np.arange(count), 2)


@pytest.mark.parametrize(
    ("respondent", "anchor"),
    [("group", 0.82), ("sampler", 0.82), ("sharper", 0.96), ("rule", 0.99), ("uniform", 0.13),
     ("age", 0.18), ("age alone", 0.135), ("anti_human", 0.0)],
)  # fmt: skip
def test_known_respondents_get_their_anchors(respondent: str, anchor: float) -> None:
    found = [centrality(*answer(respondent, seed), **PEOPLE, resamples=100) for seed in range(8)]
    # One run knows it to .045, and 100 resamples to .025: eight to .018.
    assert np.mean([run.value for run in found]) == pytest.approx(anchor, abs=0.035)
    assert all(0 <= run.low <= run.value <= run.high <= 1 for run in found)
    if respondent == "anti_human":
        # None of 132 people: Wilson's upper end is z²/(n + z²) = 3.84 / 135.8.
        assert found[1].value < 0.01
        assert found[1].high == pytest.approx(0.028, abs=0.015)


@pytest.mark.slow
@pytest.mark.parametrize("respondent", ["group", "sharper", "uniform", "age"])
def test_intervals_cover_when_dilemmas_and_people_are_drawn_again(respondent: str) -> None:
    quantiles = np.interp(np.linspace(0, 1, 5001), LEVELS, DISTANCES)
    found = []
    for seed in range(150):
        rng = np.random.default_rng(seed + 5000)
        asked = {
            "distances": np.sort(rng.choice(quantiles, 132)),
            "probabilities": (np.arange(132) + 0.5) / 132,
        }
        found.append(centrality(*answer(respondent, seed), **(PEOPLE | asked), seed=seed))
    # 150 runs know a coverage of .95 to .018.
    assert coverage(found, float(np.mean([run.value for run in found]))) > 0.91


def test_share_farther_reads_the_quantiles() -> None:
    # Quartiles at .2, .3 and .5; below the first and above the last nothing is known.
    found = share_farther([0.1, 0.2, 0.3, 0.5, 0.6, np.nan], [0.2, 0.3, 0.5], [0.25, 0.5, 0.75])
    assert found == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0, np.nan], nan_ok=True)
    # A person drawn at random is in the middle.
    assert share_farther(DISTANCES, DISTANCES, LEVELS).mean() == pytest.approx(0.5, abs=0.015)


def test_fewer_dilemmas_than_a_person_answered_give_nothing() -> None:
    x, first, dilemma = answer("group", 2, 39)
    found = centrality(x, first, dilemma, **PEOPLE)
    assert np.isnan(found).all()
    assert np.isfinite(centrality(x, first, dilemma, **PEOPLE, answers=33).value)
