"""`human` against the human reference: shares, flips, and the consistency of one person."""

from collections import Counter
from statistics import fmean
from typing import Any

import pytest
from inspect_ai.model import get_model

from kidney_evals.human.reference import load_reference
from kidney_evals.respondents.people import answers_of_persons
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Study,
    dilemmas_of,
    load_study,
    study_names,
)
from respondents.asking import BOTH, DILEMMAS, DRAWN, answers, message, probabilities

Dilemmas = tuple[Dilemma, ...]
ANSWERED: list[tuple[str, Condition]] = [
    (name, condition)
    for name in study_names()
    for condition in CONDITIONS
    if load_study(name).people[condition]
]


def of_person(study: Study, condition: Condition, dilemmas: Dilemmas, **how: Any) -> Any:
    """The probabilities of `human` in the listed order, shape (D, K)."""
    return probabilities("human", study, condition, dilemmas, **how)[:, 0]


@pytest.mark.parametrize(("name", "condition"), ANSWERED)
def test_simulated_persons_together_are_the_reference(name: str, condition: Condition) -> None:
    study = load_study(name)
    dilemmas = (*dilemmas_of(study, None, None), *study.control_block)
    reference = load_reference(study, condition)
    shares = reference.shares(dilemmas)
    persons = answers_of_persons(reference, dilemmas)
    assert persons.sum(axis=2) == pytest.approx(1)
    assert persons.mean(axis=1) == pytest.approx(shares, abs=0.001)
    found = probabilities("human", study, condition, dilemmas)
    assert found[:, 0] == pytest.approx(shares)
    # In the other order, A is the second patient.
    assert found[:, 1, 0] == pytest.approx(shares[:, 1])
    biased = probabilities("first", study, condition, dilemmas, position_bias=-0.25)
    assert biased[:, :, 0].tolist() == [[0.5, 0.5]] * len(dilemmas)
    swapped = probabilities("anti_human", study, condition, dilemmas)
    assert swapped[:, 0, :2] == pytest.approx(shares[:, 1::-1])


def test_the_answers_to_a_dilemma_do_not_depend_on_the_other_dilemmas() -> None:
    # More dilemmas than one block.
    study = load_study("mcelfresh_2021")
    reference, dilemmas = load_reference(study, "coin_flip"), dilemmas_of(study, 1050, None)
    together = answers_of_persons(reference, dilemmas)
    assert together.shape == (1050, 132, 3)
    for place in (0, 999, 1000, 1049):
        [alone] = answers_of_persons(reference, [dilemmas[place]])
        assert together[place] == pytest.approx(alone, abs=1e-12)


def test_answers_meet_shares_and_flips_of_people() -> None:
    counts = Counter[str]()
    for seed in range(12):
        order = BOTH[seed % 2]
        put = [[message(dilemma, order=order)] for dilemma in DILEMMAS]
        for output in answers(get_model("kidney/human", seed=seed), put):
            answer = output.completion.split("ANSWER: ")[1]
            counts["first" if answer == "AB"[seed % 2] else answer] += 1
    reference = load_reference(DRAWN, "coin_flip").shares(DILEMMAS)
    assert counts.total() == 12 * 200
    # Standard errors of shares of 2,400 persons: .01 at worst, .008 for the coin.
    for answer, column in (("first", 0), ("COIN", 2)):
        expected = float(reference[:, column].mean())
        assert counts[answer] / 2400 == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_one_person_answers_a_dilemma(condition: Condition) -> None:
    shares = load_reference(DRAWN, condition).shares(DILEMMAS[:5])
    person = probabilities("human", DRAWN, condition, DILEMMAS[:5], person="dilemma")
    # The same person in both orders, where A and B change places, and not the group.
    assert person[:, 1, 0] == pytest.approx(person[:, 0, 1])
    assert (abs(person[:, 0] - shares).max(axis=1) > 0.02).all()
    assert of_person(DRAWN, condition, DILEMMAS[:5]) == pytest.approx(shares)


def test_a_person_asked_twice_agrees_more_than_two_people() -> None:
    def disagreement(person: str) -> float:
        """Mean probability that two answers to one dilemma differ, 1 - sum of p squared."""
        return fmean(
            float((1 - (p**2).sum(axis=1)).mean())
            for seed in (1, 2)
            for p in [of_person(DRAWN, "forced_choice", DILEMMAS, person=person, seed=seed)]
        )

    # Two people: 1 - sum of squared shares. The same person by a model of people's answers: .15.
    shares = load_reference(DRAWN, "forced_choice").shares(DILEMMAS)
    assert disagreement("fresh") == pytest.approx((1 - (shares**2).sum(axis=1)).mean())
    assert disagreement("dilemma") == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize(("name", "condition"), ANSWERED)
def test_one_person_answers_everything(name: str, condition: Condition) -> None:
    study = load_study(name)
    dilemmas = tuple(dilemmas_of(study, 6, None))
    persons = answers_of_persons(load_reference(study, condition), dilemmas)
    chosen = set()
    for seed in range(8):
        own = of_person(study, condition, dilemmas, person="one", seed=seed)
        (number,) = abs(persons - own[:, None, : persons.shape[2]]).max(axis=(0, 2)).argsort()[:1]
        assert own[:, : persons.shape[2]] == pytest.approx(persons[:, number])
        chosen.add(number)
    assert len(chosen) > 4


def test_one_person_for_a_whole_run_has_an_own_flip_rate() -> None:
    rates = sorted(
        float(of_person(DRAWN, "coin_flip", DILEMMAS[:20], person="one", seed=seed)[:, 2].mean())
        for seed in range(32)
    )
    # People's own flip rates: a fifth never flip, a tenth flip four times in ten or more.
    assert rates[3] < 0.05
    assert rates[-3] > 0.3
