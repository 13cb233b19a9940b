"""Sharpness: how strongly decisions follow people's log odds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kidney_evals.human.reference import load_reference
from kidney_evals.lab.respondents import RESPONDENTS
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.measures import compute
from kidney_evals.studies import CONDITIONS, Condition, load_study

TRUTH = {
    # Answers drawn from people's shares, and from these with the patients swapped.
    "human-like": 1.0,
    "anti-human": -1.0,
    # Each patient equally often.
    "noise": 0.0,
    # People's log odds times three.
    "sharper": 3.0,
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", TRUTH)
def test_it_is_the_factor_on_peoples_log_odds(name: str, condition: Condition) -> None:
    reference = load_reference(load_study("mcelfresh_2021"), condition)
    (respondent,) = (one for one in RESPONDENTS if one.name == name)
    run = simulate_run(reference, respondent, 1)
    found = compute(run, "sharpness")
    assert found.low <= TRUTH[name] <= found.high
    # 400 answers: the interval is no wider than a third of the truth on either side, or .15.
    assert found.high - found.low < 2 * max(0.15, abs(TRUTH[name]) / 3)
    assert math.isnan(found.human)
    assert found.n == len(run.decisions.decided)


def test_a_rule_without_chance_has_none() -> None:
    reference = load_reference(load_study("mcelfresh_2021"), "forced_choice")
    (respondent,) = (one for one in RESPONDENTS if one.name == "human-like")
    run = simulate_run(reference, respondent, 1)
    majority = run.reference.shares(run.dilemmas).argmax(axis=1)
    rule = replace(run, choice=majority[run.dilemma])
    assert not compute(rule, "sharpness").defined
    assert "sharpness" not in rule.failures
