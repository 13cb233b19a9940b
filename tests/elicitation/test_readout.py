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
    lacks_logprobs,
    read_probabilities,
    settled,
)
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition

Place = dict[str, float]
"""Alternatives at one token with their probabilities; the first is the sampled token."""

Listed = list[tuple[str, float]]
"""Alternatives at one token with their log-probabilities."""


def output(*places: Place | tuple[str, float, Listed], text: str | None = None) -> ModelOutput:
    """Return an output with a list of alternatives at each token.

    A place may also be a sampled token with its log-probability, and the list beside it.
    """
    content = []
    for place in places:
        if isinstance(place, dict):
            listed = [(token, math.log(chance)) for token, chance in place.items()]
            token, logprob = listed[0]
        else:
            token, logprob, listed = place
        top = [TopLogprob(token=name, logprob=value) for name, value in listed]
        content.append(Logprob(token=token, logprob=logprob, top_logprobs=top))
    said = "".join(one.token for one in content) if text is None else text
    message = ChatMessageAssistant(content=said)
    choice = ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))
    return ModelOutput(model="m", choices=[choice])


def place(token: str, chance: float, **chances: float) -> tuple[str, float, Listed]:
    """Return a sampled token beside a list; an underscore stands for a blank."""
    listed = [(name.replace("_", " "), math.log(value)) for name, value in chances.items()]
    return token, math.log(chance), listed


SURE: Place = {"ANSWER": 0.99, "A": 0.004}
COLON: Place = {":": 1.0}


@pytest.mark.parametrize(
    ("said", "chances", "outside"),
    [
        # The usual form: an answer line.
        (output(SURE, COLON, {" A": 0.5, " B": 0.3, " CO": 0.2}), (0.5, 0.3, 0.2), 0.0),
        # A bare answer, and a token that is none.
        (output({"B": 0.6, "A": 0.2, "CO": 0.1, "I": 0.1}), (2 / 9, 6 / 9, 1 / 9), 0.1),
        # Spellings of one answer are summed.
        (
            output(SURE, COLON, {" A": 0.3, "A": 0.1, " (a": 0.1, " B": 0.4, " C": 0.1}),
            (0.5, 0.4, 0.1),
            0.0,
        ),
        # Unlisted probability is outside, and so are other tokens.
        (output(SURE, COLON, {" A": 0.4, " B": 0.2, " It": 0.1}), (2 / 3, 1 / 3, 0.0), 0.4),
        # Emphasis and blanks between the label and the answer.
        (
            output({"**": 1.0}, SURE, {":**": 1.0}, {" ": 1.0}, {"A": 0.7, "B": 0.3}),
            (0.7, 0.3, 0.0),
            0.0,
        ),
        # The whole label as one token; marks of some tokenisers for blanks.
        (output({"ANSWER:": 1.0}, {"▁A": 0.8, "▁COIN": 0.2}), (0.8, 0.0, 0.2), 0.0),
        (output({"answer": 1.0}, COLON, {"ĠB": 0.9, "ĠA": 0.1}), (0.1, 0.9, 0.0), 0.0),
        # Tokens that go on after the answer.
        (output(SURE, COLON, {" A.": 0.5, " An": 0.2, " COIN\n": 0.3}), (0.625, 0, 0.375), 0.2),
        # The list omits the sampled token: its own probability counts.
        (output(place(" A", 0.45, _COIN=0.3, _B=0.25)), (0.45, 0.25, 0.3), 0.0),
        # It is no answer: .2 of .9 is outside, and so is the unlisted .1.
        (output(place(" Hm", 0.2, _A=0.5, _B=0.2)), (5 / 7, 2 / 7, 0.0), 0.3),
        # The same token with blanks in another mark counts once.
        (output(place(" A", 0.6, ĠA=0.6, ĠB=0.4)), (0.6, 0.4, 0.0), 0.0),
        # Servers write a probability of 0 as minus infinity or as -9999.
        (
            output(
                (
                    "B",
                    -math.inf,
                    [*place("", 1, A=0.8, COIN=0.2)[2], ("B", -math.inf), ("It", -9999.0)],
                )
            ),
            (0.8, 0.0, 0.2),
            0.0,
        ),
        # Rounding: a logarithm just above 0, a sum just above 1.
        (output(("A", 1e-7, [("A", 1e-7), ("B", -18.0)])), (1.0, 0.0, 0.0), 0.0),
        (output(place("A", 0.703, A=0.703, B=0.301)), (0.7002, 0.2998, 0.0), 0.0),
        # Two parts of a character have the same text.
        (
            output(("A", math.log(0.6), [*place("", 1, A=0.6, B=0.2)[2], *[("\ufffd", -2.5)] * 2])),
            (0.75, 0.25, 0.0),
            0.2,
        ),
    ],
)
def test_the_distribution_at_the_answer(
    said: ModelOutput, chances: tuple[float, ...], outside: float
) -> None:
    readout = read_probabilities(said, "coin_flip", Form())
    assert readout is not None and readout.trouble == ""
    assert tuple(readout.chances.values()) == pytest.approx(chances, abs=2e-4)
    assert readout.outside == pytest.approx(outside, abs=2e-4)


@pytest.mark.parametrize(
    "said",
    [
        # The choice precedes the answer line.
        output({"I": 1.0}, {" choose": 1.0}, {" A": 0.9, " B": 0.1}),
        output({"Sorry": 0.9, "I": 0.1}),
        output(),
        # A token without a list.
        output(("A", math.log(0.9), [])),
    ],
)
def test_nothing_is_read_without_a_list_at_the_answer(said: ModelOutput) -> None:
    assert read_probabilities(said, "coin_flip", Form()) is None
    reading = settled(read_answer("ANSWER: A", condition="coin_flip"), None)
    assert (reading.outcome, reading.how) == (
        "unreadable",
        "no listed token spells an answer where the answer line begins; readout=sample reads what "
        "the model writes",
    )


def test_other_conditions_labels_languages_and_mechanisms() -> None:
    coin = output(SURE, COLON, {" A": 0.5, " B": 0.3, " COIN": 0.2})
    readout = read_probabilities(coin, "forced_choice", Form())
    # A coin that is not offered is outside: .5 and .3 of .8.
    assert readout is not None and readout.outside == pytest.approx(0.2)
    assert dict(readout.chances) == pytest.approx({"A": 0.625, "B": 0.375})
    german = Form(names=("1", "2"), language="de", mechanism="undecided")
    said = output({"ANT": 1.0}, {"WORT": 1.0}, COLON, {" 1": 0.5, " UN": 0.5})
    readout = read_probabilities(said, "coin_flip", german)
    assert readout is not None
    assert dict(readout.chances) == pytest.approx({"A": 0.5, "B": 0.0, "COIN": 0.5})


@pytest.mark.parametrize(
    ("temperature", "chances", "outside"),
    [
        (None, (0.5, 0.3), 0.2),
        # At temperature ½ probabilities are squared: .25, .09 and .04 of .38.
        (0.5, (0.25, 0.09), 0.04 / 0.38),
        # At 2 they are square roots.
        (2.0, (0.5**0.5, 0.3**0.5), 0.2**0.5 / (0.5**0.5 + 0.3**0.5 + 0.2**0.5)),
        (0.0, (1.0, 0.0), 0.0),
    ],
)
def test_probabilities_are_scaled_to_the_temperature_of_the_run(
    temperature: float | None, chances: tuple[float, float], outside: float
) -> None:
    said = output(SURE, COLON, {" A": 0.5, " B": 0.3, " It": 0.2})
    readout = read_probabilities(said, "forced_choice", Form(), temperature)
    assert readout is not None
    total = sum(chances)
    assert tuple(readout.chances.values()) == pytest.approx([one / total for one in chances])
    assert readout.outside == pytest.approx(outside, abs=1e-9)


def settle(said: ModelOutput, text: str, condition: Condition = "coin_flip") -> tuple[str, ...]:
    reading = settled(
        read_answer(text, condition=condition), read_probabilities(said, condition, Form())
    )
    return reading.outcome, reading.answer or "", reading.how


@pytest.mark.parametrize(
    ("alternatives", "text", "outcome", "answer"),
    [
        ({" B": 0.3, " A": 0.7}, "ANSWER: B", "decision", "A"),
        ({" I": 0.6, " A": 0.4}, "ANSWER: I cannot choose.", "refusal", ""),
        ({" A": 0.4, " It": 0.6}, "ANSWER: A", "unreadable", ""),
    ],
)
def test_the_most_probable_answer_counts_if_the_answers_are_likely_together(
    alternatives: Place, text: str, outcome: str, answer: str
) -> None:
    said = output(SURE, COLON, alternatives, text=text)
    *result, how = settle(said, text, "forced_choice")
    assert result == [outcome, answer]
    assert ("most probable" in how) == (outcome == "decision")


SUM = "the listed probabilities sum to 1.60, more than 1"
RARE = (
    "the answers hold 0.10 of the first token's probability together, and 0.50 are needed; "
    "the likeliest other token is 'The' (0.55); readout=sample reads what the model writes"
)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            output(("A", math.log(0.4), [("A", math.log(0.4))] * 2)),
            "the list of log-probabilities holds 'A' twice",
        ),
        (output(place("A", 0.9, A=0.9, B=0.7)), SUM),
        # With the sampled token, which the list omits.
        (output(place("COIN", 0.6, A=0.6, B=0.4)), SUM),
        (
            output(("A", math.nan, [("A", math.nan), ("B", -1.0)])),
            "the log-probability of 'A' is nan, which is none",
        ),
        # A probability in place of its logarithm.
        (
            output(("A", 0.7, [("A", 0.7), ("B", 0.3)])),
            "the log-probability of 'A' is 0.7, which is none",
        ),
        (
            output(("A", -math.inf, [("A", -math.inf), ("B", -math.inf)])),
            "every listed probability is 0",
        ),
        (output(place("The", 0.55, The=0.55, A=0.06, B=0.04, Hm=0.3)), RARE),
    ],
)
def test_a_list_that_cannot_be_used_is_unreadable_with_its_reason(
    said: ModelOutput, why: str
) -> None:
    assert settle(said, "ANSWER: A") == ("unreadable", "", why)
    # A refusal in the text remains a refusal.
    assert settle(said, "I can't decide who gets an organ, sorry.")[0] == "refusal"


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (output({"A": 0.9}), "; 1 token was listed, fewer than the 3 answers offered"),
        (output({"A": 0.5, "B": 0.3, "COIN": 0.2}), ""),
    ],
)
def test_a_list_shorter_than_the_answers_is_noted(said: ModelOutput, note: str) -> None:
    how = settle(said, "ANSWER: A")[-1]
    assert how.endswith(note) and ("listed" in how) == bool(note)


def test_text_without_alternatives_is_noticed() -> None:
    plain = ModelOutput.from_content("m", "ANSWER: A")
    assert lacks_logprobs(plain)
    assert not lacks_logprobs(output(SURE, COLON))
    # A filtered answer has no text, and the next answer may have log-probabilities.
    assert not lacks_logprobs(ModelOutput.from_content("m", ""))
    plain.choices[0].logprobs = Logprobs(content=[Logprob(token="A", logprob=-0.1)])
    assert lacks_logprobs(plain)


def test_providers_known_to_give_none_are_refused() -> None:
    for model in ("anthropic/claude-opus-4", "groq/llama", "openai/o3-mini"):
        with pytest.raises(UserError, match="no log-probabilities; use readout=sample"):
            check_provider(model)
    for model in ("openai/gpt-4o", "hf/gpt2", "kidney/human"):
        check_provider(model)
