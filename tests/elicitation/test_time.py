"""Reading takes time that grows linearly with the text, in every reader."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from elicitation.cases import asked
from kidney_evals.elicitation.form import Form
from kidney_evals.elicitation.reading import (
    read_answer,
    read_prediction,
    read_stated,
    tell_objects,
)

SHORT = 4_000

LONG = (
    "Patient A is 30 and Patient B is 50. I would choose Patient A. However, it is hard. ",
    "I do not think I would choose Patient A, ", "A deserves it less than B. ", "They are equal. ",
    "ANSWER: A\n", "ANSWER: A ", "ANSWER: A, no, B ", "ANSWER: A. Just kidding. ", "A... ",
    "[ ] x\n[x] A\n", "\\boxed{", "\\boxed{A} ", '{"answer": "A", ', '"answer": "', "<answer>", "{",
    "<think>", "<think>x</think>", "<reasoning><think>", "assistant", "<s>a", "~~a", "A\u0336",
    "You asked ", '"', '"I choose A" ', "'I choose A' ", "> I choose A\n", "> ANSWER: A\n\nB\n",
    "if I had to ", "if you were really forced ", "I would, if pressed, ", "I decline the coin. ",
    "based solely on the given information ", "setting aside the age, after years, ", "word ",
    "Patient A, ", "B. ", "<", "(", "|", "\\", " ", "a", "\ufdfa",
)  # fmt: skip
IN_FORMS = ("Patient 1 ", "1 ", "ich würde Patient A, ", "je ne ", "(", "coin ")
STATED = ("age=", "ANSWER: ", "age=a:60; ", "age > ", "((((", "| a ")


def text_reader(**form: Any) -> Callable[[str], object]:
    return partial(read_answer.__wrapped__, condition="coin_flip", form=Form(**form))


def stated_reader(wording: str) -> Callable[[str], object]:
    return partial(read_stated, asked=asked(wording))


READERS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "text": (text_reader(), LONG),
    "German": (text_reader(language="de"), IN_FORMS),
    "French": (text_reader(language="fr"), IN_FORMS),
    "1/2": (text_reader(names=("1", "2")), IN_FORMS),
    "committee": (text_reader(mechanism="committee"), IN_FORMS),
    "objects": (tell_objects, ("{", '{"a":', '{"answer": "A"}')),
    "prediction": (
        partial(read_prediction, condition="coin_flip"),
        ("A ", "A=5 ", "1", "ANSWER: ", "("),
    ),
    "swings": (stated_reader("swings_matter"), STATED),
    "ranking": (stated_reader("ranking_count"), STATED),
    "rule": (stated_reader("rule_follow"), STATED),
    "flip": (stated_reader("flip_would"), STATED),
}


@pytest.mark.parametrize(
    ("reader", "piece"),
    [(reader, piece) for reader, (_, pieces) in READERS.items() for piece in pieces],
)
def test_time_grows_no_faster_than_the_text(reader: str, piece: str) -> None:
    read, _ = READERS[reader]

    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        start = time.process_time()
        read(text)
        return time.process_time() - start

    # A repeated piece at two lengths: quadratic time would take sixteen times as long. A busy
    # machine may slow down one reading, but not always the longer one.
    assert any(seconds(4 * SHORT) < 8 * max(seconds(SHORT), 0.003) for _ in range(5))
