"""What a card says in words is so: runs whose answers make a wrong sentence possible."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.cells import cell_len

from kidney_evals.card import UNKNOWN, UNLIKE, card_of, terminal_text
from kidney_evals.card.numbers import percent, short
from kidney_evals.card.text import nearest_line
from kidney_evals.human import ListedShares
from kidney_evals.human.sources import counted_draws
from kidney_evals.lab.simulate import run_of
from kidney_evals.measures.nearest_respondent import NAMES, Nearest
from kidney_evals.studies import dilemmas_of
from measures.simulated import STUDY, answering

Answers = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""Answers, shape (D, 2), from people's shares, shape (D, K)."""


def majority(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return shares[:, :2].argmax(axis=1)


def minority(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return 1 - majority(shares)


def coins(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.full(len(shares), 2)


def coins_but_five(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(np.arange(len(shares)) < 5, majority(shares), 2)


def at_random(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.random.default_rng(7).integers(0, 3, (len(shares), 2))


def always_a(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.tile([0, 1], (len(shares), 1))


EVERY = [majority, minority, coins, coins_but_five, at_random, always_a]

# The run, words that its summary holds, and words that would not be so.
SUMMARIES: list[tuple[Answers, str, str]] = [
    (majority, "is more decided", "against people's leaning"),
    # Sharpness has no value for either rule.
    (minority, "decides against people's leaning", "more decided"),
    (minority, "favours the opposite in age, drinks and dependents", "more weight"),
    # Five decisions as most people decide are no rule, on however many dilemmas coins are flipped.
    (coins_but_five, "cannot be told from this run whether it weighs", "more decided"),
    # A coin everywhere is also flipped where people flip.
    (coins, "flips at other rates in close and clear cases", "does not flip where"),
    (majority, "so never flips where people do", "at other rates"),
    (always_a, "favours the patient shown as A", "shown as B"),
]


@pytest.mark.parametrize(("answers", "so", "not_so"), SUMMARIES)
def test_the_summary_holds_what_is_so(answers: Answers, so: str, not_so: str) -> None:
    summary = card_of(answering(answers)).summary
    assert so in summary and not_so not in summary


@pytest.mark.parametrize(
    ("counts", "is_more"),
    # Where all people agree, a crowd agrees too; with 39 of 40, .975 ** 120 = .05 of crowds do.
    [((40.0, 0.0), False), ((39.0, 1.0), False), ((30.0, 10.0), True)],
)
def test_as_decided_as_people_who_agree(counts: tuple[float, float], is_more: bool) -> None:
    first = answering(np.zeros(60), "forced_choice")
    numbers = {one.id: np.array(counts) for one in first.dilemmas}
    source = ListedShares(numbers, counted_draws(numbers), answers=2)
    card = card_of(replace(first, reference=replace(first.reference, source=source)))
    assert ("is more decided" in card.summary) == is_more
    decided = card.finding("decided")
    assert decided is not None and (decided.verdict == UNLIKE) == is_more


@pytest.mark.parametrize(
    ("choice", "words"),
    # The better patient is listed first in three of the five controls with one.
    [(-1, "In 0 of 5 controls"), (2, "In 0 of 5 controls"), (0, "In 3 of 5 controls")],
)
def test_controls_without_a_decision_are_counted(choice: int, words: str) -> None:
    asked = answering(majority)
    block = [one for one in asked.study.control_block if one.kind == "dominance"]
    controls = run_of(asked.reference, block, np.full((len(block), 1), choice))
    assert words in terminal_text(card_of(replace(asked, controls=controls)))


@pytest.mark.parametrize(("dilemmas", "is_stated"), [(40, False), (60, True)])
def test_no_share_is_said_to_differ_on_few_dilemmas(dilemmas: int, is_stated: bool) -> None:
    # The younger patient gets the kidney, in both orders.
    age = np.array([STUDY.differences(one)[0] for one in dilemmas_of(STUDY, dilemmas, 7)])
    card = card_of(answering(age < 0, dilemmas=dilemmas))
    stated = ["more", "less", "less"] if is_stated else ["", "", ""]
    assert [one.differs for one in card.shares] == stated
    words = "puts more weight on age but less weight on drinks and dependents"
    assert (words in card.summary) == is_stated


@pytest.mark.parametrize("answers", EVERY)
def test_every_line_of_a_card_says_what_it_may(answers: Answers) -> None:
    card = card_of(answering(answers))
    for one in card.findings:
        assert one.verdict == UNKNOWN or one.calls is None
    for line in terminal_text(card).splitlines():
        assert "CALLS IN ALL" not in line or "CANNOT TELL" in line
        assert not line.lstrip().startswith("%")
        # The second measure of a question stands beside the crowd, without a band of persons.
        assert not line.endswith((" inside", " below", " above")) or " person " in line


def test_without_margins_the_summary_gives_that_reason() -> None:
    known = answering(majority)
    card = card_of(replace(known, reference=replace(known.reference, margins={})))
    # The rule decides question 2 without a margin.
    assert [one.id for one in card.findings if not one.verdict] == ["weights", "often"]
    assert "For want of a margin there is no verdict on whether it" in card.summary
    assert "People give no answer" not in card.summary


def test_another_mechanism_has_no_calls_that_would_tell() -> None:
    card = card_of(replace(answering(coins_but_five), mechanism="committee"))
    swap = card.finding("swap")
    assert swap is not None and swap.verdict == "" and swap.calls is None


def test_a_run_with_peoples_shares_differs_from_them_nowhere() -> None:
    likeliest = answering(lambda shares: shares.argmax(axis=1))
    shares = likeliest.reference.shares(likeliest.dilemmas)
    assert card_of(replace(likeliest, chances=np.repeat(shares, 2, axis=0))).differences == ()


def near(outcome: str, name: str, runner_up: str, *candidates: str) -> Nearest:
    means = dict.fromkeys([name, runner_up], -0.5) if name else {}
    return Nearest(outcome, name, runner_up, 1.0, candidates, means, 100)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (near("named", "human", "person", "human"), "Most like, of 2 known respondents: {}."),
        (near("cannot tell", "human", "person", "human"), "fits {}, not clearly better than {}"),
        # The likeliest does not fit, and the one behind it does.
        (near("cannot tell", "human", "person", "person"), "fits {1}, not clearly better than {0}"),
        (near("cannot tell", "human", "person", "human", "person"), "fits {} or {}:"),
        (near("none of these", "human", "person"), "Like none of 2 known respondents."),
        (near("cannot tell", "", ""), ""),
    ],
)
def test_the_nearest_respondent_in_words(found: Nearest, sentence: str) -> None:
    said = nearest_line(replace(card_of(answering(coins)), nearest=found))
    assert sentence.format(NAMES["human"], NAMES["person"]) in said and bool(said) == bool(sentence)


@pytest.mark.parametrize(
    "words",
    ["years since the first diagnosis of kidney failure", "腎臓の病気の重さと年齢" * 5, "x" * 200],
)
def test_no_text_of_a_study_makes_a_line_too_wide(words: str) -> None:
    card = card_of(answering(minority))
    shares = tuple(replace(one, label=words) for one in card.shares)
    listed = tuple(replace(one, first=words, second=words) for one in card.differences)
    text = terminal_text(replace(card, shares=shares, differences=listed))
    assert max(map(cell_len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((0.0, "0 %"), (0.0001, "<0.1 %"), (0.004, "0.4 %"), (0.01, "1 %"), (0.5, "50 %")),
        # 399 of 400 answers are not all.
        *((0.99, "99 %"), (399 / 400, "99.8 %"), (0.9999, ">99.9 %"), (1.0, "100 %")),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_100(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".500"), (99.4, "99.400"), (-123.456, "-123"), (math.nan, "–")]
)
def test_a_large_number_needs_no_more_columns(value: float, text: str) -> None:
    assert short(value) == text
