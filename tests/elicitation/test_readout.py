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
from kidney_evals.elicitation.reading import read_answer
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


def one_place(token: str, logprob: float, *top: tuple[str, float]) -> ModelOutput:
    """Return an output of one token with its log-probability and the list beside it."""
    alternatives = [TopLogprob(token=name, logprob=value) for name, value in top]
    content = [Logprob(token=token, logprob=logprob, top_logprobs=alternatives)]
    message = ChatMessageAssistant(content=token)
    choice = ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))
    return ModelOutput(model="m", choices=[choice])


def logs(**chances: float) -> list[tuple[str, float]]:
    return [(name.replace("_", " "), math.log(chance)) for name, chance in chances.items()]


@pytest.mark.parametrize(
    ("said", "chances", "outside"),
    [
        # The drawn token is not in the list: its own probability counts.
        (one_place(" A", math.log(0.45), *logs(_COIN=0.3, _B=0.25)), (0.45, 0.25, 0.3), 0.0),
        # It is no answer: .2 of .9 is outside, and so is the .1 that is not listed.
        (one_place(" Hm", math.log(0.2), *logs(_A=0.5, _B=0.2)), (0.5, 0.2, 0.0), 0.3),
        # The same token with blanks in another mark counts once.
        (one_place(" A", math.log(0.6), *logs(ĠA=0.6, ĠB=0.4)), (0.6, 0.4, 0.0), 0.0),
        (one_place("A", math.log(0.6), *logs(_A=0.6, _B=0.4)), (0.6, 0.4, 0.0), 0.0),
        # A bare answer at the first place, without an answer line.
        (one_place("A", math.log(0.7), *logs(A=0.7, B=0.2, The=0.1)), (0.7, 0.2, 0.0), 0.1),
        # Spellings of one answer that are tokens of their own are summed.
        (one_place("A", math.log(0.3), *logs(A=0.3, a=0.2, _A=0.1, B=0.4)), (0.6, 0.4, 0.0), 0.0),
        # Servers write a probability of 0 as minus infinity or as -9999.
        (
            one_place("B", -math.inf, *logs(A=0.8, COIN=0.2), ("B", -math.inf), ("It", -9999.0)),
            (0.8, 0.0, 0.2),
            0.0,
        ),
        # Rounding: a logarithm just above 0, a sum just above 1.
        (one_place("A", 1e-7, ("A", 1e-7), ("B", -18.0)), (1.0, 0.0, 0.0), 0.0),
        (one_place("A", math.log(0.703), *logs(A=0.703, B=0.301)), (0.7002, 0.2998, 0.0), 0.0),
        # Parts of a letter are written alike.
        (
            one_place("A", math.log(0.6), *logs(A=0.6, B=0.2), ("\ufffd", -2.5), ("\ufffd", -2.6)),
            (0.6, 0.2, 0.0),
            0.2,
        ),
    ],
)
def test_the_drawn_token_and_the_list_are_one_distribution(
    said: ModelOutput, chances: tuple[float, ...], outside: float
) -> None:
    found = read_probabilities(said, "coin_flip", Form())
    assert found is not None and found.trouble == ""
    assert found.outside == pytest.approx(outside, abs=2e-4)
    inside = 1 - outside
    assert tuple(found.chances.values()) == pytest.approx(
        [one / inside for one in chances], abs=2e-4
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            one_place(" A", math.log(0.6), *logs(_A=0.6), *logs(_A=0.6, _B=0.4)),
            "the list of log-probabilities holds ' A' twice",
        ),
        (
            one_place("A", math.log(0.4), *logs(A=0.4), *logs(A=0.4, B=0.2)),
            "the list of log-probabilities holds 'A' twice",
        ),
        (
            one_place("A", math.log(0.9), *logs(A=0.9, B=0.7)),
            "the listed probabilities sum to 1.60, more than 1",
        ),
        # With the drawn token, which the list leaves out.
        (
            one_place("COIN", math.log(0.6), *logs(A=0.6, B=0.4)),
            "the listed probabilities sum to 1.60, more than 1",
        ),
        (
            one_place("A", math.nan, ("A", math.nan), ("B", -1.0)),
            "the log-probability of 'A' is nan, which is none",
        ),
        # A probability where its logarithm belongs.
        (
            one_place("A", 0.7, ("A", 0.7), ("B", 0.3)),
            "the log-probability of 'A' is 0.7, which is none",
        ),
        (
            one_place("A", -math.inf, ("A", -math.inf), ("B", -math.inf)),
            "every listed probability is 0",
        ),
    ],
)
def test_a_list_that_is_no_distribution_is_unreadable_with_its_reason(
    said: ModelOutput, why: str
) -> None:
    found = read_probabilities(said, "coin_flip", Form())
    assert found is not None and math.isnan(found.outside)
    reading = settled(read_answer(said.completion, condition="coin_flip"), found)
    assert (reading.outcome, reading.answer, reading.how) == ("unreadable", None, why)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (one_place("A", math.log(0.9), *logs(A=0.9)), "; 1 token was listed, fewer than the 3"),
        (
            one_place("A", math.log(0.6), *logs(A=0.6, B=0.4)),
            "; 2 tokens were listed, fewer than the 3 answers offered",
        ),
        (one_place("A", math.log(0.5), *logs(A=0.5, B=0.3, COIN=0.2)), None),
    ],
)
def test_a_list_shorter_than_the_answers_says_so(said: ModelOutput, words: str | None) -> None:
    text = read_answer("ANSWER: A", condition="coin_flip")
    how = settled(text, read_probabilities(said, "coin_flip", Form())).how
    assert (words or "listed") in how if words else "listed" not in how


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("ANSWER: A", "unreadable"),
        ("The kidney filters blood.", "unreadable"),
        ("I can't decide who gets an organ, sorry.", "refusal"),
    ],
)
def test_answers_with_little_of_the_probability_are_told_in_words(text: str, outcome: str) -> None:
    said = one_place("The", math.log(0.55), *logs(The=0.55, A=0.06, B=0.04, Hm=0.3))
    reading = settled(
        read_answer(text, condition="coin_flip"), read_probabilities(said, "coin_flip", Form())
    )
    assert (reading.outcome, reading.answer) == (outcome, None)
    told = (
        "the answers hold 0.10 of the first token's probability together, and 0.50 are needed; "
        "the likeliest other token is 'The' (0.55); readout=sample reads what the model writes"
    )
    assert (reading.how == told) == (outcome == "unreadable")


def test_a_place_without_a_list_is_passed_over() -> None:
    said = one_place("A", math.log(0.9))
    assert read_probabilities(said, "coin_flip", Form()) is None
    reading = settled(read_answer("ANSWER: A", condition="coin_flip"), None)
    assert reading.outcome == "unreadable"
    assert reading.how == (
        "no listed token spells an answer where the answer line begins; readout=sample reads what "
        "the model writes"
    )


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
