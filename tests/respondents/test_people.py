"""`human` against the human reference: shares, flips, and what makes a person a person."""

import math
from collections import Counter
from statistics import fmean
from typing import Any

import pytest
from inspect_ai.model import get_model

from kidney_evals.human.reference import load_reference
from kidney_evals.respondents import definitions
from kidney_evals.respondents.people import people
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Order,
    Study,
    dilemmas_of,
    load_study,
    study_names,
)
from respondents.asking import answers, message

BOTH: tuple[Order, ...] = ("ab", "ba")
ANSWERED: list[tuple[str, Condition]] = [
    (name, condition)
    for name in study_names()
    for condition in CONDITIONS
    if load_study(name).people[condition]
]


def probabilities(
    study: Study, dilemma: Dilemma, condition: Condition, order: Order, epoch: int, **args: Any
) -> tuple[float, ...]:
    """What the respondent would answer with which probability, patients as listed."""
    put = [[message(study, dilemma, condition, order, epoch)]]
    [output] = answers(get_model("kidney/human", **args), put, logprobs=True, top_logprobs=3)
    logprobs = output.choices[0].logprobs
    assert logprobs is not None
    final = logprobs.content[-1].top_logprobs
    assert final is not None
    found = {option.token.strip(): math.exp(option.logprob) for option in final}
    shown = ("A", "B", "COIN") if order == "ab" else ("B", "A", "COIN")
    return tuple(found[word] for word in shown if word in found)


@pytest.mark.parametrize(("name", "condition"), ANSWERED)
def test_kinds_of_people_together_are_the_reference(name: str, condition: Condition) -> None:
    study = load_study(name)
    group = people(study, condition)
    dilemmas = (*dilemmas_of(study, None, None), *study.control_block)
    reference = load_reference(study, condition).shares(dilemmas)
    for dilemma, shares in zip(dilemmas, reference, strict=True):
        kinds = group.answers(dilemma)
        assert all(sum(kind) == pytest.approx(1) for kind in kinds)
        means = [fmean(column) for column in zip(*kinds, strict=True)]
        assert means == pytest.approx(list(shares), abs=0.001)


def test_answers_meet_shares_and_flips_of_people(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    counts = Counter[str]()
    for seed in range(24):
        order = BOTH[seed % 2]
        put = [[message(drawn, dilemma, order=order)] for dilemma in dilemmas]
        for output in answers(get_model("kidney/human", seed=seed), put):
            answer = output.completion.split("ANSWER: ")[1]
            counts["first" if answer == "AB"[seed % 2] else answer] += 1
    reference = load_reference(drawn, "coin_flip").shares(dilemmas)
    assert counts.total() == 24 * 200
    # Standard errors of shares of 4,800 persons: .007 at worst, .005 for the coin.
    for answer, column in (("first", 0), ("COIN", 2)):
        expected = float(reference[:, column].mean())
        assert counts[answer] / 4800 == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_one_person_answers_a_dilemma(
    drawn: Study, dilemmas: tuple[Dilemma, ...], condition: Condition
) -> None:
    asked = [(order, epoch) for order in BOTH for epoch in (1, 2)]
    for dilemma in dilemmas[:5]:
        persons = {
            probabilities(drawn, dilemma, condition, order, epoch, person="dilemma")
            for order, epoch in asked
        }
        assert len(persons) == 1
        [person] = persons
        shares = load_reference(drawn, condition).shares([dilemma])[0]
        assert max(abs(own - share) for own, share in zip(person, shares, strict=True)) > 0.02
        for order, epoch in asked:
            fresh = probabilities(drawn, dilemma, condition, order, epoch)
            assert list(fresh) == pytest.approx(list(shares))


def test_a_person_asked_twice_agrees_more_than_two_people(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    def disagreement(person: str) -> float:
        """Mean probability that two answers to one dilemma differ, 1 - sum of p squared."""
        return fmean(
            1 - sum(p * p for p in probabilities(drawn, one, "forced_choice", "ab", 1, **how))
            for one in dilemmas
            for how in ({"person": person, "seed": 1}, {"person": person, "seed": 2})
        )

    # People: .16 the same person, .32 two people (human reference, anchors of disagreement).
    assert disagreement("dilemma") == pytest.approx(0.16, abs=0.03)
    assert disagreement("fresh") == pytest.approx(0.32, abs=0.02)


def test_one_person_for_a_whole_run_keeps_a_will(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    def flips(seed: int) -> float:
        how = {"person": "one", "seed": seed}
        return fmean(
            probabilities(drawn, one, "coin_flip", "ab", 1, **how)[2] for one in dilemmas[:20]
        )

    rates = sorted(flips(seed) for seed in range(32))
    # People's own flip rates: a fifth never flip, a tenth flip four times in ten or more.
    assert rates[3] < 0.05
    assert rates[-3] > 0.3


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("dominance", ("A", "B")), ("identical", ("COIN", "COIN"))],
)
def test_controls_are_answered(drawn: Study, kind: str, expected: tuple[str, str]) -> None:
    controls = [one for one in drawn.control_block if one.kind == kind]
    for one in controls:
        better = "ab" if drawn.dominating(one) != "second" else "ba"
        for order in BOTH:
            put = [[message(drawn, one, order=order)]]
            [output] = answers(get_model("kidney/majority"), put)
            answer = output.completion.split("ANSWER: ")[1]
            assert answer == expected[0 if order == better else 1]


@pytest.mark.parametrize(("name", "condition"), ANSWERED)
def test_public_probabilities_are_those_of_the_reference(name: str, condition: Condition) -> None:
    study = load_study(name)
    dilemmas = dilemmas_of(study, None, None)[:20]
    shares = load_reference(study, condition).shares(dilemmas)
    found = definitions.probabilities("human", study, condition, dilemmas)
    assert found[:, 0] == pytest.approx(shares)
    # In the other order, A is the second patient.
    assert found[:, 1, 0] == pytest.approx(shares[:, 1])
    biased = definitions.probabilities("first", study, condition, dilemmas, position_bias=-0.25)
    assert biased[:, :, 0].tolist() == [[0.5, 0.5]] * len(dilemmas)
    swapped = definitions.probabilities("anti_human", study, condition, dilemmas)
    assert swapped[:, 0, :2] == pytest.approx(shares[:, 1::-1])
