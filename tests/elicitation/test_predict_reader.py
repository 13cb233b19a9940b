"""Percentages as models write them: what is read, what is not, and why not."""

from __future__ import annotations

import re
import time

import pytest

from kidney_evals.elicitation.predict import render_prediction, render_repeat, texts
from kidney_evals.elicitation.reading import read_prediction
from kidney_evals.elicitation.reading.predictions import TOLERANCE
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study

SAME = (0.55, 0.25, 0.20)

READ = [
    "ANSWER: A=55 B=25 COIN=20",
    "answer: a=55 b=25 coin=20",
    "Answer: A=55, B=25, COIN=20.",
    "ANSWER: A=55,B=25,COIN=20",
    "ANSWER: A = 55 B = 25 COIN = 20",
    "ANSWER: A=55% B=25% COIN=20%",
    "ANSWER: A=55 % B=25 % COIN=20 %",
    "ANSWER: A=55 percent, B=25 percent, COIN=20 percent",
    "ANSWER: A=55.0 B=25.0 COIN=20.0",
    "ANSWER: A=55,0 B=25,0 COIN=20,0",
    "ANSWER: A=0.55 B=0.25 COIN=0.20",
    "ANSWER: A=.55 B=.25 COIN=.2",
    "ANSWER: A=0,55 B=0,25 COIN=0,20",
    "ANSWER: COIN=20 B=25 A=55",
    "ANSWER: B=25; COIN=20; A=55",
    "ANSWER: A: 55; B: 25; COIN: 20",
    "ANSWER: A 55 B 25 COIN 20",
    "ANSWER: A - 55%, B - 25%, COIN - 20%",
    "ANSWER: A=~55 B=~25 COIN=~20",
    "ANSWER: A≈55% B≈25% COIN≈20%",
    "ANSWER: A→55 B→25 COIN→20",
    "ANSWER: A=55/B=25/COIN=20",
    "ANSWER: A=55 | B=25 | COIN=20",
    "ANSWER: Patient A=55, Patient B=25, Coin flip=20",
    "ANSWER: 55% A, 25% B, 20% coin",
    "ANSWER: A=55 B=25 COIN=20 (sums to 100)",
    "ANSWER: A=55 B=25 COIN=20 (=100)",
    "ANSWER: A=55% + B=25% + COIN=20% = 100%",
    "ANSWER: A=55 B=25 COIN=20. Total: 100.",
    "**ANSWER: A=55 B=25 COIN=20**",
    "**ANSWER:** A=55 B=25 COIN=20",
    "**ANSWER**: **A=55** **B=25** **COIN=20**",
    "`ANSWER: A=55 B=25 COIN=20`",
    "```\nANSWER: A=55 B=25 COIN=20\n```",
    "> ANSWER: A=55 B=25 COIN=20",
    "## Final answer\n\nA=55 B=25 COIN=20",
    "Final answer: A=55 B=25 COIN=20",
    "The final answer is A=55, B=25, COIN=20.",
    "ANSWER:\nA=55\nB=25\nCOIN=20",
    "ANSWER:\n- A: 55%\n- B: 25%\n- Coin: 20%",
    "A=55 B=25 COIN=20",
    "- Patient A: 55%\n- Patient B: 25%\n- Coin: 20%",
    "* **Patient A:** 55%\n* **Patient B:** 25%\n* **Coin flip:** 20%",
    "1. Patient A: 55%\n2. Patient B: 25%\n3. Flip a coin: 20%",
    "| A | B | COIN |\n|---|---|---|\n| 55 | 25 | 20 |",
    "| Answer | Share |\n|---|---|\n| A | 55 |\n| B | 25 |\n| COIN | 20 |",
    '{"A": 55, "B": 25, "COIN": 20}',
    '```json\n{\n  "A": 55,\n  "B": 25,\n  "COIN": 20\n}\n```',
    '{"answer": "A=55 B=25 COIN=20"}',
    "<answer>A=55 B=25 COIN=20</answer>",
    r"\boxed{A=55, B=25, COIN=20}",
    r"$A = 55\%$, $B = 25\%$, $\text{COIN} = 20\%$",
    "A/B/COIN: 55/25/20",
    "A/B/COIN = 55, 25, 20",
    "55% would choose Patient A, 25% Patient B and 20% the coin.",
    "I expect 55 % for Patient A, 25 % for Patient B, and 20 % for the coin.",
    "Patient A is 30 years old and Patient B is 64 years old.\n\nANSWER: A=55 B=25 COIN=20",
    "Of the 62 people, most favour youth.\nANSWER: A=55 B=25 COIN=20",
    "First guess: A=10 B=80 COIN=10.\n\nANSWER: A=55 B=25 COIN=20",
    "ANSWER: A=10 B=80 COIN=10\nOn reflection:\nANSWER: A=55 B=25 COIN=20",
    "You asked for `ANSWER: A=… B=… COIN=…`.\n\nANSWER: A=55 B=25 COIN=20",
    "<think>A=10 B=10 COIN=80, or so</think>\nANSWER: A=55 B=25 COIN=20",
    "A=10 B=10 COIN=80</think>\n\nANSWER: A=55 B=25 COIN=20",
    "I can't know what they answered, but here is a guess.\nANSWER: A=55 B=25 COIN=20",
    "ANSWER: A=55 B=25 COIN=20\n\nThe younger patient is favoured by most, I think.",
    "Ａ=55 Ｂ=25 ＣＯＩＮ=20",
    "ANSWER: A=55\u00a0% B=25\u00a0% COIN=20\u00a0%",
]
"""All of these say 55, 25, 20."""


@pytest.mark.parametrize("text", READ)
def test_what_says_the_same_is_read_the_same(text: str) -> None:
    found = read_prediction(text, condition="coin_flip")
    assert found.outcome == "prediction", found.how
    assert found.shares == pytest.approx(SAME)


@pytest.mark.parametrize(
    ("text", "shares", "rescaled"),
    [
        ("ANSWER: A=100 B=0 COIN=0", (1, 0, 0), False),
        ("ANSWER: A=0 B=100 COIN=0", (0, 1, 0), False),
        ("ANSWER: A=0 B=0 COIN=100", (0, 0, 1), False),
        ("ANSWER: A=1 B=0 COIN=0", (1, 0, 0), False),
        ("ANSWER: A=0% B=0% COIN=100%", (0, 0, 1), False),
        ("ANSWER: A=33.3 B=33.3 COIN=33.3", (1 / 3, 1 / 3, 1 / 3), True),
        ("ANSWER: A=8.0645 B=82.2581 COIN=9.6774", (5 / 62, 51 / 62, 6 / 62), False),
        # Sums within 5 of 100 are rescaled: 54/99, 52.5/105, 0.5/0.98.
        ("ANSWER: A=54 B=25 COIN=20", (54 / 99, 25 / 99, 20 / 99), True),
        ("ANSWER: A=52.5 B=31.5 COIN=21", (0.5, 0.3, 0.2), True),
        ("ANSWER: A=47.5 B=28.5 COIN=19", (0.5, 0.3, 0.2), True),
        ("ANSWER: A=0.49 B=0.294 COIN=0.196", (0.5, 0.3, 0.2), True),
    ],
)
def test_numbers(text: str, shares: tuple[float, ...], rescaled: bool) -> None:
    found = read_prediction(text, condition="coin_flip")
    assert found.shares == pytest.approx(shares, abs=1e-5)
    assert ("rescaled" in found.how) == rescaled


def test_the_tolerance_is_what_the_module_says() -> None:
    for off, outcome in ((TOLERANCE, "prediction"), (TOLERANCE + 0.5, "unreadable")):
        for total in (100 + off, 100 - off):
            text = f"ANSWER: A={total - 40} B=20 COIN=20"
            assert read_prediction(text, condition="coin_flip").outcome == outcome, text


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("ANSWER: A=70 B=30", (0.7, 0.3)),
        ("ANSWER: A=70 B=30 COIN=0", (0.7, 0.3)),
        ("ANSWER: B=30%, A=70%", (0.7, 0.3)),
        ("70/30 for A/B", None),
        ("ANSWER: A=50 B=30 COIN=20", None),
        ("ANSWER: A=70", None),
    ],
)
def test_without_a_coin_two_percentages_are_read(
    text: str, shares: tuple[float, ...] | None
) -> None:
    found = read_prediction(text, condition="forced_choice")
    assert found.outcome == ("unreadable" if shares is None else "prediction"), found.how
    assert shares is None or found.shares == pytest.approx(shares)


NOT_READ = [
    ("", "stop", False, "empty"),
    ("   \n", "stop", False, "empty"),
    ("ANSWER: A=55 B=25 COIN=20", "content_filter", False, "refusal"),
    ("ANSWER: A=55 B=25 COIN=20", "stop", True, "refusal"),
    ("", "content_filter", False, "refusal"),
    ("I'm sorry, but I can't predict how people would answer.", "stop", False, "refusal"),
    ("I cannot provide percentages for this.", "stop", False, "refusal"),
    ("I won't speculate about what these people chose.", "stop", False, "refusal"),
    ("I'm sorry, but I can't help with that.", "stop", False, "refusal"),
    ("I am not able to estimate their answers.", "stop", False, "refusal"),
    ("Patient A is younger, so most would", "max_tokens", False, "truncated"),
    ("ANSWER: A=55 B=25 COIN=2", "max_tokens", False, "truncated"),
    ("ANSWER: A=55 B=42 COIN=1", "max_tokens", False, "truncated"),
    ("A=55 B=25 COIN=20 is one idea, but", "max_tokens", False, "truncated"),
    ("<think>A=55 B=25 COIN=20", "max_tokens", False, "truncated"),
    ("<think>ANSWER: A=55 B=25 COIN=20</think>", "stop", False, "empty"),
    ("Most would choose Patient A.", "stop", False, "unreadable"),
    ("ANSWER: A", "stop", False, "unreadable"),
    ("ANSWER: A=… B=… COIN=…", "stop", False, "unreadable"),
    ("ANSWER: A=_ B=_ COIN=_", "stop", False, "unreadable"),
    ("ANSWER: A=55 B=25", "stop", False, "unreadable"),
    ("ANSWER: A=75 B=25", "stop", False, "unreadable"),
    ("ANSWER: A=60 B=20 COIN=10", "stop", False, "unreadable"),
    ("ANSWER: A=0.6 B=0.2 COIN=0.1", "stop", False, "unreadable"),
    ("ANSWER: A=1% B=0% COIN=0%", "stop", False, "unreadable"),
    ("ANSWER: A=50-60 B=20 COIN=20", "stop", False, "unreadable"),
    ("ANSWER: A=50–60% B=20–30% COIN=10–20%", "stop", False, "unreadable"),
    ("ANSWER: A=-5 B=85 COIN=20", "stop", False, "unreadable"),
    ("ANSWER: A=500 B=250 COIN=200", "stop", False, "unreadable"),
    ("ANSWER: 55/25/20", "stop", False, "unreadable"),
    ("ANSWER: A=55 B=25 COIN=20 A=30", "stop", False, "unreadable"),
    ("ANSWER: A=most B=few COIN=some", "stop", False, "unreadable"),
    # The last answer line counts, and is not overruled by a better one before it.
    ("ANSWER: A=55 B=25 COIN=20\nANSWER: A=90 B=90 COIN=90", "stop", False, "unreadable"),
]


@pytest.mark.parametrize(("text", "stop", "refused", "outcome"), NOT_READ)
def test_what_is_no_prediction_is_told_apart(
    text: str, stop: str, refused: bool, outcome: str
) -> None:
    found = read_prediction(text, condition="coin_flip", stop=stop, refused=refused)
    assert (found.outcome, found.shares) == (outcome, None), found
    assert found.how


def test_a_cut_off_answer_with_all_its_numbers_is_read() -> None:
    text = "ANSWER: A=55 B=25 COIN=20\n\nMy reasons: people tend to"
    for stop in ("max_tokens", "model_length"):
        assert read_prediction(text, condition="coin_flip", stop=stop).outcome == "prediction"


def test_time_grows_no_faster_than_the_text() -> None:
    for piece in ("A ", "A=5 ", "1", "ANSWER: ", "("):
        seconds = {5_000: 9.0, 20_000: 9.0}
        for size in 3 * list(seconds):
            text = piece * (size // len(piece))
            began = time.process_time()
            assert read_prediction.__wrapped__(text, condition="coin_flip").shares is None
            seconds[size] = min(seconds[size], time.process_time() - began)
        # Four times the text takes four times as long, sixteen times in quadratic time.
        assert seconds[20_000] < 9 * max(seconds[5_000], 0.005)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", ["mcelfresh_2021_fixed", "mcelfresh_2021"])
def test_the_question_says_who_was_asked_and_shows_the_dilemma(name: str, condition: str) -> None:
    study = load_study(name)
    dilemma = dilemmas_of(study, 1, None)[0]
    text = render_prediction(study, dilemma, "ba", condition)  # type: ignore[arg-type]
    # 62 and 60 people in Study 1, 132 and 132 in Study 2.
    assert f"{study.people[condition]} people" in text  # type: ignore[index]
    a, b = dilemma.shown("ba")
    for attribute, one, two in zip(study.attributes, a.values, b.values, strict=True):
        first, second = text.split("Patient B\n")
        assert f"{attribute.label}: {attribute.describe(one)}" in first
        assert f"{attribute.label}: {attribute.describe(two)}" in second
    assert ("coin" in text.lower()) == (condition == "coin_flip")
    assert ("Suppose" in text) == (study.draw is not None)
    line = texts()["line"][condition]
    assert line in text and line in render_repeat(condition)  # type: ignore[arg-type]
    assert not re.search(r"[{}]", text)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_question_itself_is_no_answer(condition: str) -> None:
    study = load_study("mcelfresh_2021")
    text = render_prediction(study, dilemmas_of(study, 1, None)[0], "ab", condition)  # type: ignore[arg-type]
    assert read_prediction(text, condition=condition).outcome == "unreadable"
