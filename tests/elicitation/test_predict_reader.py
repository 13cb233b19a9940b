"""Percentages as models write them: what is read, what is not, and why not."""

import pytest

from elicitation.cases import told
from kidney_evals.elicitation.prompt import render_prediction
from kidney_evals.elicitation.reading import read_prediction
from kidney_evals.studies import CONDITIONS, Condition, dilemmas_of, load_study

DATA = told("predictions")


def test_what_says_the_same_is_read_the_same() -> None:
    for text in DATA["same"]:
        found = read_prediction(text, condition="coin_flip")
        assert found.outcome == "prediction", (text, found.how)
        assert found.shares == pytest.approx((0.55, 0.25, 0.20)), text


@pytest.mark.parametrize(
    ("text", "shares", "rescaled"),
    [
        ("ANSWER: A=0 B=100 COIN=0", (0, 1, 0), False),
        ("ANSWER: A=1 B=0 COIN=0", (1, 0, 0), False),
        ("ANSWER: A=0% B=0% COIN=100%", (0, 0, 1), False),
        ("ANSWER: A=33.3 B=33.3 COIN=33.3", (1 / 3, 1 / 3, 1 / 3), True),
        ("ANSWER: A=8.0645 B=82.2581 COIN=9.6774", (5 / 62, 51 / 62, 6 / 62), False),
        # Sums within 5 of 100 are rescaled: 54/99, 0.49/0.98, 65/105.
        ("ANSWER: A=54 B=25 COIN=20", (54 / 99, 25 / 99, 20 / 99), True),
        ("ANSWER: A=0.49 B=0.294 COIN=0.196", (0.5, 0.3, 0.2), True),
        ("ANSWER: A=65 B=20 COIN=20", (65 / 105, 20 / 105, 20 / 105), True),
    ],
)
def test_numbers(text: str, shares: tuple[float, ...], rescaled: bool) -> None:
    found = read_prediction(text, condition="coin_flip")
    assert found.shares == pytest.approx(shares, abs=1e-5)
    assert ("rescaled" in found.how) == rescaled


def test_without_a_coin_two_percentages_are_read() -> None:
    for text in ("ANSWER: A=70 B=30 COIN=0", "ANSWER: B=30%, A=70%"):
        found = read_prediction(text, condition="forced_choice")
        assert found.shares == pytest.approx((0.7, 0.3)), found.how
    for text in ("70/30 for A/B", "ANSWER: A=50 B=30 COIN=20", "ANSWER: A=70"):
        assert read_prediction(text, condition="forced_choice").shares is None, text


def test_what_is_no_prediction_is_told_apart() -> None:
    for outcome, text, *stop in DATA["not_read"]:
        found = read_prediction(text, condition="coin_flip", stop=stop[0] if stop else "stop")
        assert (found.outcome, found.shares) == (outcome, None), (text, found)
        assert found.how


def test_a_truncated_reply_with_a_whole_answer_line_is_read() -> None:
    text = "ANSWER: A=55 B=25 COIN=20\n\nMy reasons: people tend to"
    assert read_prediction(text, condition="coin_flip", stop="max_tokens").shares is not None


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", ["mcelfresh_2021_fixed", "mcelfresh_2021"])
def test_the_question_says_who_was_asked_and_holds_no_answer(
    name: str, condition: Condition
) -> None:
    study = load_study(name)
    text, _ = render_prediction(study, dilemmas_of(study, 1, None)[0], "ba", condition)
    # 62 and 60 people in Study 1, 132 and 132 in Study 2.
    assert f"{study.people[condition]} people" in text
    assert ("Suppose" in text) == (study.draw is not None)
    assert read_prediction(text, condition=condition).outcome == "unreadable"
