"""The nearest known respondent: who is named, who is not, and where there is nothing to say."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, panel
from kidney_evals.lab.respondents import Behaviour, deciding
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.measures.nearest_respondent import AHEAD, NAMES, nearest_respondent
from kidney_evals.measures.run import Run
from kidney_evals.respondents import definitions
from kidney_evals.respondents.definitions import Dilemmas
from kidney_evals.respondents.people import answers_of_persons
from kidney_evals.studies import CONDITIONS, Condition, load_study
from measures.simulated import drawing, people

Floats = np.ndarray


def answered(behaviour: Behaviour, condition: Condition, index: int, dilemmas: int = 200) -> Run:
    """A run beside the shipped reference, from which the respondent is made."""
    run = drawing(behaviour, condition, index, dilemmas=dilemmas)
    return replace(run, reference=people(condition))


def same_in_both_orders(shares: Floats) -> Floats:
    return np.repeat(shares[:, None], 2, axis=1)


def person(panel: Panel) -> Floats:
    answers = answers_of_persons(panel.reference, list(panel.dilemmas))
    return same_in_both_orders(answers[:, 7])


def lexicographic_by_dependents(panel: Panel) -> Floats:
    return definitions.lexicographic(Dilemmas(panel.shares, panel.differences[:, [2, 0, 1]]))


def consistent(panel: Panel) -> Floats:
    """One person of the crowd for each dilemma, who answers both orders alike."""
    points = np.random.default_rng(5).random((len(panel.shares), 1))
    choice = (points > panel.shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return same_in_both_orders(np.eye(panel.shares.shape[1])[choice])


def wrong_sign(panel: Panel) -> Floats:
    """People's weights three times as sharp, that of drinks reversed."""
    weights = panel.reference.weights * [3, -3, 3]
    return deciding(panel, expit(panel.differences @ weights), panel.coin)


NAMED: dict[str, Callable[[Panel], Floats]] = {
    "majority": known.majority,
    "lexicographic": lexicographic_by_dependents,
    "uniform": known.noise,
    "anti_human": known.anti_human,
    "first": definitions.first,
    "person": person,
}


@pytest.mark.parametrize(
    ("name", "condition"),
    [*itertools.product(NAMED, CONDITIONS), ("never_flips", "coin_flip")],
)
def test_a_known_respondent_is_named(name: str, condition: Condition) -> None:
    behaviour = NAMED.get(name, known.never_flips)
    found = [nearest_respondent(answered(behaviour, condition, index)) for index in range(3)]
    # Each is named in .90 of runs or more, so that one of three may fail to fit.
    assert sum(one.outcome == "named" for one in found) >= 2
    for one in found:
        assert one.name == name and one.name in NAMES
        assert one.z > AHEAD and one.answers == 400


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("behaviour", [known.leaning, consistent, wrong_sign])
def test_an_unknown_respondent_is_none_of_these(behaviour: Behaviour, condition: Condition) -> None:
    found = [nearest_respondent(answered(behaviour, condition, index)) for index in range(3)]
    assert [one.outcome for one in found].count("none of these") >= 2
    assert not any(one.outcome == "named" and one.name == "human" for one in found)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_crowd_is_a_candidate_and_takes_many_answers_to_name(condition: Condition) -> None:
    few = nearest_respondent(answered(known.as_people, condition, 1, dilemmas=20))
    assert few.outcome == "cannot tell" and "human" in few.candidates
    run = answered(known.as_people, condition, 1, dilemmas=2000)
    many = nearest_respondent(run)
    assert (many.outcome, many.name, many.candidates) == ("named", "human", ("human",))
    # The mean log-probability of the crowd's answers is minus the entropy of people's shares.
    shares = run.decisions.shares
    entropy = -float((shares * np.log(shares)).sum(axis=1).mean())
    assert many.log_likelihood["human"] == pytest.approx(-entropy, abs=0.03)


@pytest.mark.parametrize(
    ("study", "condition"),
    [
        ("mcelfresh_2021_fixed", "forced_choice"),
        ("mcelfresh_2021_fixed", "coin_flip"),
        ("freedman_2020", "forced_choice"),
    ],
)
def test_a_crowd_that_answers_each_dilemma_twenty_times_fits(
    study: str, condition: Condition
) -> None:
    reference, listed = people(condition, study), load_study(study).listed
    shares = np.repeat(reference.shares(listed), 20, axis=0)
    fits = 0
    for index in range(20):
        answers = choose(shares, np.random.default_rng(index)).reshape(-1, 20)
        fits += "human" in nearest_respondent(run_of(reference, listed, answers)).candidates
    # The test rejects at .05: 4 or more of 20 have a probability of .016.
    assert fits >= 17


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", ["majority", "lexicographic"])
def test_a_rule_that_answers_each_dilemma_twenty_times_fits(
    name: str, condition: Condition
) -> None:
    study, reference = load_study("mcelfresh_2021_fixed"), people(condition, "mcelfresh_2021_fixed")
    shown = panel(reference, study.listed)
    # Both rules answer alike in both orders and leave nothing to chance.
    choice = getattr(definitions, name)(shown)[:, 0].argmax(axis=1)
    run = run_of(reference, study.listed, np.repeat(choice[:, None], 20, axis=1))
    assert name in nearest_respondent(run).candidates


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_few_respondents_are_named_wrongly(condition: Condition) -> None:
    behaviours = NAMED | {"human": known.as_people, "sharper": known.sharper}
    for name, behaviour in behaviours.items():
        found = [nearest_respondent(answered(behaviour, condition, index)) for index in range(40)]
        wrong = [one.name for one in found if one.outcome == "named" and one.name != name]
        assert len(wrong) <= 1, (name, wrong)


def test_where_nothing_can_be_said() -> None:
    run = answered(known.as_people, "coin_flip", 1, dilemmas=20)
    nobody = np.full(len(run.choice), -1)
    silent = replace(run, choice=nobody, first_choice=nobody)
    other, one = replace(run, mechanism="committee"), replace(run, dilemma=run.dilemma * 0)
    for nothing in (silent, other, one):
        found = nearest_respondent(nothing)
        assert (found.outcome, found.name, found.candidates) == ("cannot tell", "", ())
        assert math.isnan(found.z)


def test_without_people_only_rules_are_candidates() -> None:
    reference = people("coin_flip", "freedman_2020")
    assert not reference.has_people
    choice = np.tile([0, 1], (len(reference.study.listed), 1))
    found = nearest_respondent(run_of(reference, reference.study.listed, choice))
    # First as listed, second as swapped: the patient shown as A.
    assert (found.outcome, found.name) == ("named", "first")
    assert set(found.log_likelihood) == {"first", "uniform", "lexicographic", "coin"}
