"""A person's answers beside others', with the arithmetic of each number."""

from dataclasses import astuple
from pathlib import Path

import pytest

from kidney_evals.estimation.intervals import wilson
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import Choice, Dilemma, Patient, load_study
from kidney_evals.survey.interview import Item
from kidney_evals.survey.results import Beside, beside_others, own_answers
from kidney_evals.survey.settings import own_settings
from kidney_evals.survey.store import Store
from survey.folders import FIXED, answer_all

STUDY = load_study("mcelfresh_2021")

DILEMMAS = (
    # Age, drinks, dependents; people favour low, low, high.
    Dilemma("d0", Patient((30, 1, 1)), Patient((40, 1, 2)), "drawn"),
    Dilemma("d1", Patient((50, 2, 0)), Patient((40, 1, 0)), "drawn"),
    Dilemma("d2", Patient((30, 3, 0)), Patient((30, 1, 0)), "drawn"),
    Dilemma("c0", Patient((30, 1, 2)), Patient((60, 5, 0)), "dominance"),
)
PLAN = (
    Item(0, DILEMMAS[0], "ab"),
    Item(1, DILEMMAS[1], "ba"),
    Item(2, DILEMMAS[2], "ab"),
    Item(3, DILEMMAS[3], "ab"),
    Item(4, DILEMMAS[0], "ba", repeat=True),
)
ANSWERS: dict[int, Choice] = {0: "first", 1: "coin", 2: "second", 3: "second", 4: "second"}
COUNTS = {"d0": (4, 1, 0), "d1": (0, 3, 3), "d2": (2, 6, 2), "c0": (9, 0, 0)}


def test_rates_beside_participants() -> None:
    own = beside_others(STUDY, "coin_flip", PLAN, ANSWERS, COUNTS, "participants")
    assert own.answers == 3 and own.others == "participants"
    # One coin in three; others 0/5, 3/6 and 2/10.
    coin = Beside(1 / 3, *wilson(1 / 3, 3), of=3, others=(0 + 1 / 2 + 1 / 5) / 3)
    assert own.coin is not None and astuple(own.coin) == pytest.approx(astuple(coin))
    # As the person did: 4/5, 3/6, 6/10. Two others alike: n (n - 1) summed over N (N - 1).
    two = (4 * 3 / 20, (3 * 2 + 3 * 2) / 30, (2 + 6 * 5 + 2) / 90)
    assert own.alike is not None
    assert (own.alike.own, own.alike.others) == pytest.approx((1.9 / 3, sum(two) / 3))
    # Age differs in d0 and d1, and the coin in d1 is no decision: the younger in d0, others 4/5.
    # Drinks in d2: the person chose who drank less, others 6/8. Dependents in d0: not the patient
    # with more of them, others 1/5.
    rates = [(one.own, one.others, one.of) for one in own.attributes.values()]
    assert rates == [pytest.approx(one) for one in ((1, 0.8, 1), (1, 0.75, 1), (0, 0.2, 1))]


def test_rates_beside_shares_of_people() -> None:
    shares = {"d0": (0.6, 0.4), "d2": (0.25, 0.75)}
    answers: dict[int, Choice] = {0: "second", 1: "first", 2: "second"}
    own = beside_others(STUDY, "forced_choice", PLAN, answers, shares, "reference")
    # d1 has no shares and does not count; .4 and .75 chose alike; two people: .36 + .16 and so on.
    assert own.answers == 2 and own.coin is None and own.alike is not None
    assert own.alike.own == pytest.approx((0.4 + 0.75) / 2)
    assert own.alike.others == pytest.approx((0.36 + 0.16 + 0.0625 + 0.5625) / 2)
    assert own.attributes["age"].others == pytest.approx(0.6)


def test_dilemmas_in_which_all_others_took_the_coin_compare_no_decision() -> None:
    own = beside_others(STUDY, "coin_flip", PLAN, {0: "first"}, {"d0": (0, 0, 6)}, "participants")
    assert own.attributes == {} and own.coin is not None and own.coin.others == 1
    assert beside_others(STUDY, "coin_flip", PLAN, {}, {}, "participants").coin is None


def test_people_of_the_reference_stand_in_until_enough_others_finished(tmp_path: Path) -> None:
    study = load_study(FIXED)
    store = Store(str(tmp_path / "survey.db"), study, own_settings(study, "yes"))
    people = [answer_all(store, lambda item: "first") for _ in range(5)]
    own = own_answers(store, people[0])
    assert own.others == "reference" and own.answers == 14
    reference = load_reference(study, "coin_flip")
    assert own.coin is not None
    assert own.coin.others == pytest.approx(reference.flip_rate(study.listed))
    answer_all(store, lambda item: "coin")
    own = own_answers(store, people[0])
    # Four others chose the first candidate as this person did, and one the coin.
    assert own.others == "participants" and own.alike is not None and own.coin is not None
    assert (own.alike.own, own.alike.others) == pytest.approx((4 / 5, 4 * 3 / 20))
    assert (own.coin.own, own.coin.others) == pytest.approx((0, 1 / 5))


def test_without_people_the_own_answers_stand_alone(tmp_path: Path) -> None:
    study = load_study("boerstler_2024")  # nobody was offered a coin
    store = Store(str(tmp_path / "survey.db"), study, own_settings(study, "yes"))
    own = own_answers(store, answer_all(store, lambda item: "first"))
    assert own.others == "nobody" and own.alike is None and own.answers == 6
    assert own.coin is not None and own.coin.own == 0 and own.coin.others != own.coin.others
