"""The reader against a labelled set of outputs, and against what must never change a reading."""

import re
import unicodedata
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from elicitation.cases import OUTPUTS
from kidney_evals.elicitation.reading import Outcome, read_answer, split_hidden, vocabulary


def test_every_output_of_the_large_labelled_set_is_read_as_it_is_labelled() -> None:
    assert len(OUTPUTS) == len({row["id"] for row in OUTPUTS}) >= 2000
    asked = {(row["condition"], row["text"], row["stop"], row["refused"]) for row in OUTPUTS}
    assert len(asked) == len(OUTPUTS)
    assert {row["outcome"] for row in OUTPUTS} == set(get_args(Outcome))
    assert {row["answer"] for row in OUTPUTS} == {"A", "B", "COIN", None}
    wrong = []
    for row in OUTPUTS:
        signals = {name: row[name] for name in ("condition", "stop", "refused")}
        reading = read_answer(row["text"], **signals)
        if (reading.outcome, reading.answer) != (row["outcome"], row["answer"]):
            wrong.append((row["id"], row["note"], row["text"], reading))
        # `how` is short and breaks no Markdown table.
        assert 0 < len(reading.how) <= 140 and not set(reading.how) & set("|\n\r`*<>")
    assert wrong == []


# --- what must not change a reading ---------------------------------------------------------

PADDING = st.text(alphabet=" \n\t\u200b\u00a0", max_size=8)
WRAPPERS = st.sampled_from(["{}", "**{}**", "*{}*", "`{}`", "> {}", "# {}", "```\n{}\n```", "_{}_"])


@given(before=PADDING, after=PADDING, wrapper=WRAPPERS, answer=st.sampled_from(["A", "B", "COIN"]))
def test_white_space_and_markdown_do_not_change_a_reading(
    before: str, after: str, wrapper: str, answer: str
) -> None:
    text = before + wrapper.format(f"ANSWER: {answer}") + after
    reading = read_answer(text, condition="coin_flip")
    assert (reading.outcome, reading.answer) == ("decision", answer)


@example(text="A\u0300")
@given(text=st.text(max_size=200))
def test_a_text_that_names_no_option_is_no_decision(text: str) -> None:
    # Other scripts and styles have letters that are read as A or B: they are names too.
    letters = unicodedata.normalize("NFKC", text)
    if not set(letters) & set("ABab\u0410\u0412\u0391\u0392\U0001f170\U0001f171\U0001fa99"):
        reading = read_answer(text, condition="coin_flip")
        assert reading.outcome != "decision" or "coin" in letters.lower()


FILLER = "The patients differ in age and in drinking. "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (FILLER * 400 + "\n\nANSWER: B", "B"),
        ("ANSWER: B\n\n" + FILLER * 150 + "Wait, I change my answer to A. " + FILLER * 150, "A"),
        ("and we weigh the age of each patient " * 300 + "and I choose Patient B", "B"),
        ("word " * 2000 + "ANSWER: A " + "word " * 2000 + "and finally, my answer is B", "B"),
    ],
)
def test_a_very_long_output_is_read_whole(text: str, answer: str) -> None:
    reading = read_answer(text, condition="coin_flip")
    assert (reading.outcome, reading.answer) == ("decision", answer)


# --- any text at all --------------------------------------------------------------------------

PHRASES = st.sampled_from(
    [
        "I would choose Patient A", "Patient B should receive the kidney", "flip a coin", "equal",
        "A deserves it less than B", "under no circumstances", "would I choose A", "[ ]", "[x]",
        "according to the policy,", "I mean B", "no, B", "provided that", "ANSWER: A,", "**", "|",
        "ANSWER: B", "I decline the coin", "I can't give advice", "Patient B", "~~ANSWER: A~~",
        "<del>", "</del>", "<reasoning>", "</reasoning>", "[think]", "assistantfinal", "?", "`",
        "analysis", "<|START_THINKING|>", "<|END_THINKING|>", "> ", "\"", "'", "\n\n", "\u201c",
        "\u201d", ".", ",", "...", "A\u0336", "\\boxed{B}", "\\boxed{", '{"answer": "A"}', "}",
        "I would flip a coin", "or", "not", "if", "<answer>", "As an AI", "\u200b",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PHRASES, max_size=25).map(" ".join), st.lists(PHRASES, max_size=25).map("".join)
)


@settings(max_examples=150)
@given(
    text=st.one_of(st.text(max_size=300), TEXTS),
    condition=st.sampled_from(["forced_choice", "coin_flip"]),
    stop=st.sampled_from(
        ["stop", "max_tokens", "model_length", "content_filter", "tool_calls", "unknown"]
    ),
    refused=st.booleans(),
)
def test_any_text_gives_a_consistent_reading(
    text: str, condition: Any, stop: str, refused: bool
) -> None:
    reading = read_answer(text, condition=condition, stop=stop, refused=refused)
    assert (reading.answer is not None) == (reading.outcome == "decision")
    assert reading.how
    if refused or stop == "content_filter":
        assert reading.outcome == "refusal"
    if condition == "forced_choice":
        assert reading.answer != "COIN"
    if stop in ("max_tokens", "model_length") and "answer" not in text.lower():
        # Without an answer line, a box or a field there is nothing to read in truncated text.
        assert reading.outcome in ("truncated", "refusal") or "boxed" in text


SWAPPED = str.maketrans("AB", "BA")


def _swapped(text: str) -> str:
    # The letters of whole words, answer labels and tags stay as they are.
    return re.sub(r"\b[AB](?![A-Za-z])", lambda letter: letter[0].translate(SWAPPED), text)


@seed(13)
@settings(max_examples=300, deadline=None)
@given(text=TEXTS, condition=st.sampled_from(["forced_choice", "coin_flip"]))
def test_swapping_the_labels_of_any_text_swaps_its_reading(text: str, condition: Any) -> None:
    one = read_answer(text, condition=condition)
    other = read_answer(_swapped(text), condition=condition)
    assert other.outcome == one.outcome
    assert other.answer == {"A": "B", "B": "A"}.get(one.answer or "", one.answer)


@seed(13)
@settings(max_examples=300, deadline=None)
@given(text=TEXTS, answer=st.sampled_from(["A", "B", "COIN"]))
def test_a_clean_answer_line_at_the_end_always_gives_that_answer(text: str, answer: str) -> None:
    if split_hidden(text).open or any(sign in text for sign in ("<del>", '"')):
        return
    reading = read_answer(f"{text}.\n\nFinal answer:\n\nANSWER: {answer}", condition="coin_flip")
    assert (reading.outcome, reading.answer) == ("decision", answer)


STAYS_OPEN = {
    "hidden reasoning that was never closed hides the line": (
        "o122", "o123", "o124", "o2161", "o2164", "o2169", "o2171", "o2177",
    ),
    "somebody else's turn has begun": ("o128", "o129", "o130", "o666"),
    "the options are listed, and the line may be one of them": ("o208", "o209", "o210"),
    "each perspective or case has its own answer": ("o226", "o834", "o844", "o845", "o852"),
    "the same line was an example": ("o397",),
}  # fmt: skip
"""Labelled outputs after which an appended answer line is not read as the answer, by reason."""


def test_an_answer_line_after_a_labelled_output_is_its_answer() -> None:
    other = {
        row["id"]
        for row in OUTPUTS
        for answer in ("A", "B", "COIN")[: 2 + (row["condition"] == "coin_flip")]
        if not row["refused"] and row["stop"] != "content_filter"
        if read_answer(f"{row['text']}\n\nANSWER: {answer}", condition=row["condition"]).answer
        != answer
    }
    assert other == {name for names in STAYS_OPEN.values() for name in names}


def test_the_vocabulary_is_used_and_has_no_empty_alternative() -> None:
    folder = Path(vocabulary.__file__).parent
    code = "".join(one.read_text("utf-8") for one in folder.glob("*.py"))
    data = "".join(one.read_text("utf-8") for one in folder.glob("*.yaml"))
    for name in vocabulary.blocks():
        assert f'"{name}"' in code or f"(?&{name})" in data, name
        for one in vocabulary.sources(name):
            assert not re.search(r"(?<!\\)\|\||\(\?i:\||(?<!\\)\|$", one), name
            re.compile(one)
