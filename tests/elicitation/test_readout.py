"""The probabilities of answers, read from the log-probabilities of one call."""

from __future__ import annotations

import math

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Logprob,
    Logprobs,
    ModelOutput,
    TopLogprob,
)

from kidney_evals.elicitation.form import Form
from kidney_evals.elicitation.reader import read_answer
from kidney_evals.elicitation.readout import (
    check_provider,
    check_readout,
    lacks_logprobs,
    read_probabilities,
    settled,
)
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition

Place = dict[str, float]
"""Alternatives at one token with their probabilities; the first is the one that was drawn."""


def output(*places: Place, text: str | None = None) -> ModelOutput:
    content = [
        Logprob(
            token=next(iter(place)),
            logprob=math.log(next(iter(place.values()))),
            top_logprobs=[
                TopLogprob(token=token, logprob=math.log(chance)) for token, chance in place.items()
            ],
        )
        for place in places
    ]
    said = "".join(one.token for one in content) if text is None else text
    message = ChatMessageAssistant(content=said)
    choice = ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))
    return ModelOutput(model="m", choices=[choice])


SURE: Place = {"ANSWER": 0.99, "A": 0.004}
COLON: Place = {":": 1.0}
GERMAN = Form(names=("1", "2"), language="de", mechanism="undecided")


@pytest.mark.parametrize(
    ("places", "chances", "outside"),
    [
        # The usual form: an answer line.
        ([SURE, COLON, {" A": 0.5, " B": 0.3, " CO": 0.2}], (0.5, 0.3, 0.2), 0.0),
        # A bare answer.
        ([{"B": 0.6, "A": 0.2, "CO": 0.1, "I": 0.1}], (2 / 9, 6 / 9, 1 / 9), 0.1),
        # Spellings of one answer are summed.
        (
            [SURE, COLON, {" A": 0.3, "A": 0.1, " a": 0.05, " (A": 0.05, " B": 0.4, " C": 0.1}],
            (0.5, 0.4, 0.1),
            0.0,
        ),
        # What the alternatives leave out is outside, and so is what is no answer.
        ([SURE, COLON, {" A": 0.4, " B": 0.2, " It": 0.1}], (2 / 3, 1 / 3, 0.0), 0.4),
        # Emphasis and blanks stand between the line's beginning and the answer.
        (
            [{"**": 1.0}, SURE, {":**": 1.0}, {" ": 1.0}, {"A": 0.7, "B": 0.3}],
            (0.7, 0.3, 0.0),
            0.0,
        ),
        # What was drawn does not matter: the place holds all answers.
        ([SURE, COLON, {" Hm": 0.1, " A": 0.6, " B": 0.3}], (2 / 3, 1 / 3, 0.0), 0.1),
        # One token for the whole line's beginning; marks of some tokenisers for blanks.
        ([{"ANSWER:": 1.0}, {"▁A": 0.8, "▁COIN": 0.2}], (0.8, 0.0, 0.2), 0.0),
        ([{"answer": 1.0}, {":": 1.0}, {"ĠB": 0.9, "ĠA": 0.1}], (0.1, 0.9, 0.0), 0.0),
        # Other words, and a token that goes on after the answer.
        ([SURE, COLON, {" A.": 0.5, " An": 0.2, " COIN\n": 0.3}], (0.625, 0, 0.375), 0.2),
    ],
)
def test_the_distribution_where_the_answer_stands(
    places: list[Place], chances: tuple[float, ...], outside: float
) -> None:
    found = read_probabilities(output(*places), "coin_flip", Form())
    assert found is not None
    assert tuple(found.chances.values()) == pytest.approx(chances)
    assert found.outside == pytest.approx(outside, abs=1e-9)


@pytest.mark.parametrize(
    "places",
    [
        # The choice was made before the answer line.
        [{"I": 1.0}, {" choose": 1.0}, {" A": 0.9, " B": 0.1}],
        # A refusal, and nothing at all.
        [{"Sorry": 0.9, "I": 0.1}],
        [],
    ],
)
def test_nothing_is_read_where_no_answer_stands(places: list[Place]) -> None:
    assert read_probabilities(output(*places), "coin_flip", Form()) is None


def test_no_coin_is_read_where_none_is_offered() -> None:
    found = read_probabilities(
        output(SURE, COLON, {" A": 0.5, " B": 0.3, " COIN": 0.2}), "forced_choice", Form()
    )
    assert found is not None
    assert dict(found.chances) == pytest.approx({"A": 0.625, "B": 0.375})
    assert found.outside == pytest.approx(0.2)


def test_other_labels_languages_and_ways_out() -> None:
    places: list[Place] = [{"ANT": 1.0}, {"WORT": 1.0}, {":": 1.0}, {" 1": 0.5, " UN": 0.5}]
    found = read_probabilities(output(*places), "coin_flip", GERMAN)
    assert found is not None
    assert dict(found.chances) == pytest.approx({"A": 0.5, "B": 0.0, "COIN": 0.5})


@pytest.mark.parametrize(
    ("temperature", "chances", "outside"),
    [
        (None, (0.5, 0.3), 0.2),
        (1.0, (0.5, 0.3), 0.2),
        # At temperature ½ probabilities are squared: .25, .09 and .04 of .38.
        (0.5, (0.25, 0.09), 0.04 / 0.38),
        # At 2 they are square roots.
        (2.0, (0.5**0.5, 0.3**0.5), 0.2**0.5 / (0.5**0.5 + 0.3**0.5 + 0.2**0.5)),
        (0.0, (1.0, 0.0), 0.0),
    ],
)
def test_values_are_brought_to_the_temperature_of_the_run(
    temperature: float | None, chances: tuple[float, float], outside: float
) -> None:
    place = {" A": 0.5, " B": 0.3, " It": 0.2}
    found = read_probabilities(output(SURE, COLON, place), "forced_choice", Form(), temperature)
    assert found is not None
    total = sum(chances)
    assert tuple(found.chances.values()) == pytest.approx([one / total for one in chances])
    assert found.outside == pytest.approx(outside, abs=1e-9)


@pytest.mark.parametrize(
    ("place", "text", "outcome", "answer"),
    [
        ({" B": 0.3, " A": 0.7}, "ANSWER: B", "decision", "A"),
        ({" I": 0.6, " A": 0.4}, "ANSWER: I cannot choose.", "refusal", None),
        ({" A": 0.4, " It": 0.6}, "ANSWER: A", "unreadable", None),
        ({" Hm": 1.0}, "ANSWER: A", "unreadable", None),
    ],
)
def test_the_most_probable_answer_counts_if_the_answers_are_likely_together(
    place: Place, text: str, outcome: str, answer: str | None
) -> None:
    condition: Condition = "forced_choice"
    said = output(SURE, COLON, place, text=text)
    reading = settled(
        read_answer(text, condition=condition), read_probabilities(said, condition, Form())
    )
    assert (reading.outcome, reading.answer) == (outcome, answer)
    assert ("most probable" in reading.how) == (outcome == "decision")


def test_text_without_alternatives_is_noticed() -> None:
    plain = ModelOutput.from_content("m", "ANSWER: A")
    assert lacks_logprobs(plain)
    assert not lacks_logprobs(output(SURE, COLON))
    # A filtered answer has nothing to read, and says nothing of the next one.
    assert not lacks_logprobs(ModelOutput.from_content("m", ""))
    bare = [Logprob(token="A", logprob=-0.1)]
    plain.choices[0].logprobs = Logprobs(content=bare)
    assert lacks_logprobs(plain)


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("anthropic/claude-opus-4", True),
        ("groq/llama", True),
        ("openai/o3-mini", True),
        ("openai/gpt-4o", False),
        ("hf/gpt2", False),
        ("kidney/human", False),
    ],
)
def test_providers_known_to_give_none_are_refused(model: str, known: bool) -> None:
    if not known:
        check_provider(model)
        return
    with pytest.raises(UserError, match="no log-probabilities; use readout=sample"):
        check_provider(model)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("lobprobs", "none", "text"), "unknown readout 'lobprobs'"),
        (("logprobs", "before", "text"), "needs explain=none, not before"),
        (("logprobs", "none", "json"), "needs channel=text, not json"),
    ],
)
def test_combinations_without_sense(given: tuple[str, str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_readout(*given)
