"""The probabilities of answers, read from the log-probabilities of one call."""

import math
import re

import pytest
from inspect_ai.model import Logprob, Logprobs, ModelOutput, TopLogprob

from kidney_evals.elicitation.form import Form
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.readout import (
    Readout,
    check_provider,
    final_reading,
    lacks_logprobs,
    read_probabilities,
    unreadable_word,
)
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition

LINE = "ANSWER .99 A .004 | : 1 | "
"""The tokens of the beginning of an answer line."""


def output(places: str, text: str | None = None) -> ModelOutput:
    """Return an output with a list of alternatives at each token.

    Tokens are separated by "|". At each, alternatives with their probabilities (after `ln`: their
    logarithms) follow each other, and the first is the sampled token. After "; " the list follows,
    which may lack the sampled token. A token's "_" is a blank, and its "/" a line break.
    """
    content = []
    for place in filter(None, places.split(" | ")):
        drawn, _, beside = place.partition("; ")
        pairs = [_alternatives(part) for part in (drawn, beside or drawn)]
        token, logprob = pairs[0][0]
        top = [TopLogprob(token=name, logprob=value) for name, value in pairs[1]]
        content.append(Logprob(token=token, logprob=logprob, top_logprobs=top))
    said = ModelOutput.from_content("m", text or "".join(one.token for one in content))
    said.choices[0].logprobs = Logprobs(content=content)
    return said


def _alternatives(part: str) -> list[tuple[str, float]]:
    words = part.removeprefix("ln ").split(" ")
    values = [float(word) for word in words[1::2]]
    if not part.startswith("ln "):
        values = [math.log(value) if value else -math.inf for value in values]
    names = [word.replace("_", " ").replace("/", "\n") for word in words[::2]]
    return list(zip(names, values, strict=True))


def probabilities(
    places: str, condition: Condition = "coin_flip", temperature: float | None = None
) -> Readout:
    readout = read_probabilities(output(places), condition, Form(), temperature)
    assert readout is not None and readout.trouble == ""
    return readout


@pytest.mark.parametrize(
    ("places", "chances", "outside"),
    [
        # The usual form: an answer line.
        (LINE + "_A .5 _B .3 _CO .2", (0.5, 0.3, 0.2), 0.0),
        # A bare answer, and a token that is none.
        ("B .6 A .2 CO .1 I .1", (2 / 9, 6 / 9, 1 / 9), 0.1),
        # Spellings of one answer are summed.
        (LINE + "_A .3 A .1 _(a .1 _B .4 _CO .1", (0.5, 0.4, 0.1), 0.0),
        # After A and B, a letter C is a third label and not half a COIN.
        (LINE + "_A .4 _B .2 _C .2 _COIN .2", (0.5, 0.25, 0.25), 0.2),
        # Unlisted probability is outside, and so are other tokens.
        (LINE + "_A .4 _B .2 _It .1", (2 / 3, 1 / 3, 0.0), 0.4),
        # Emphasis and blanks between the label and the answer.
        ("** 1 | ANSWER .99 A .004 | :** 1 | _ 1 | A .7 B .3", (0.7, 0.3, 0.0), 0.0),
        # The whole label as one token; marks of some tokenisers for blanks.
        ("ANSWER: 1 | ▁A .8 ▁COIN .2", (0.8, 0.0, 0.2), 0.0),
        ("answer 1 | : 1 | ĠB .9 ĠA .1", (0.1, 0.9, 0.0), 0.0),
        # Tokens that go on after the answer.
        (LINE + "_A. .5 _An .2 _COIN/ .3", (0.625, 0, 0.375), 0.2),
        # The list omits the sampled token: its own probability counts.
        ("_A .45; _COIN .3 _B .25", (0.45, 0.25, 0.3), 0.0),
        # It is no answer: .2 of .9 is outside, and so is the unlisted .1.
        ("_Hm .2; _A .5 _B .2", (5 / 7, 2 / 7, 0.0), 0.3),
        # The same token with blanks in another mark counts once.
        ("_A .6; ĠA .6 ĠB .4", (0.6, 0.4, 0.0), 0.0),
        # Servers write a probability of 0 as minus infinity or as -9999.
        ("B 0; ln A -0.2231 COIN -1.6094 B -inf It -9999", (0.8, 0.0, 0.2), 0.0),
        # Rounding: a logarithm just above 0, a sum just above 1.
        ("ln A 1e-7 B -18", (1.0, 0.0, 0.0), 0.0),
        ("A .703 B .301", (0.7002, 0.2998, 0.0), 0.0),
        # Two parts of a character have the same text.
        ("A .6 B .2 \ufffd .08 \ufffd .08", (0.75, 0.25, 0.0), 0.2),
    ],
)
def test_the_distribution_at_the_answer(
    places: str, chances: tuple[float, ...], outside: float
) -> None:
    readout = probabilities(places)
    assert tuple(readout.chances.values()) == pytest.approx(chances, abs=2e-4)
    assert readout.outside == pytest.approx(outside, abs=2e-4)


NO_LIST = ModelOutput.from_content("m", "A")
NO_LIST.choices[0].logprobs = Logprobs(content=[Logprob(token="A", logprob=-0.1)])
"""A token without a list."""


@pytest.mark.parametrize(
    "said",
    [
        # The choice precedes the answer line.
        output("I 1 | _choose 1 | _A .9 _B .1"),
        output("Sorry .9 I .1"),
        output(""),
        NO_LIST,
    ],
)
def test_nothing_is_read_without_a_list_at_the_answer(said: ModelOutput) -> None:
    assert read_probabilities(said, "coin_flip", Form()) is None
    reading = final_reading(read_answer("ANSWER: A", condition="coin_flip"), None)
    assert (reading.outcome, reading.how) == (
        "unreadable",
        "no listed token spells an answer where the answer line begins; readout=sample reads what "
        "the model writes",
    )


def test_other_conditions_labels_languages_and_mechanisms() -> None:
    readout = probabilities(LINE + "_A .5 _B .3 _COIN .2", "forced_choice")
    # A coin that is not offered is outside: .5 and .3 of .8.
    assert readout.outside == pytest.approx(0.2)
    assert dict(readout.chances) == pytest.approx({"A": 0.625, "B": 0.375})
    german = Form(names=("1", "2"), language="de", mechanism="undecided")
    other = read_probabilities(output("ANT 1 | WORT 1 | : 1 | _1 .5 _UN .5"), "coin_flip", german)
    assert other is not None
    assert dict(other.chances) == pytest.approx({"A": 0.5, "B": 0.0, "COIN": 0.5})


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
    temperature: float, chances: tuple[float, float], outside: float
) -> None:
    places = LINE + "_A .5 _B .3 _It .2"
    readout = probabilities(places, "forced_choice", temperature)
    shares = [one / sum(chances) for one in chances]
    assert tuple(readout.chances.values()) == pytest.approx(shares)
    assert readout.outside == pytest.approx(outside, abs=1e-9)


SUM = "the listed probabilities sum to 1.60, more than 1"
RARE = (
    "the answers hold 0.10 of the first token's probability together, and 0.50 are needed; "
    "the likeliest other token is 'The' (0.55); readout=sample reads what the model writes"
)
LIKELIEST = "the most probable answer, not a drawn one ("
SETTLED: list[tuple[str, str, str, str]] = [
    (LINE + "_B .3 _A .7 _CO 0", "ANSWER: B", "A", LIKELIEST),
    # Too little for the answers: the text may be a refusal, and is otherwise unreadable.
    (LINE + "_I .6 _A .4", "ANSWER: I cannot choose.", "refusal", "declined"),
    (LINE + "_A .4 _It .6", "ANSWER: A", "unreadable", "the answers hold 0.40"),
    ("The .55 A .06 B .04 Hm .3", "ANSWER: A", "unreadable", RARE),
    # A list that is no distribution.
    ("A .4 A .4", "ANSWER: A", "unreadable", "the list of log-probabilities holds 'A' twice"),
    ("A .4 A .4", "I can't decide who gets an organ, sorry.", "refusal", "declined"),
    ("A .9 B .7", "ANSWER: A", "unreadable", SUM),
    # With the sampled token, which the list omits.
    ("COIN .6; A .6 B .4", "ANSWER: A", "unreadable", SUM),
    ("ln A nan B -1", "ANSWER: A", "unreadable", "the log-probability of 'A' is nan, which is"),
    # A probability in place of its logarithm.
    ("ln A 0.7 B 0.3", "ANSWER: A", "unreadable", "the log-probability of 'A' is 0.7, which is"),
    ("A 0 B 0", "ANSWER: A", "unreadable", "every listed probability is 0"),
    # A list shorter than the answers is noted.
    ("A .9", "ANSWER: A", "A", "1 token was listed, fewer than the 3 answers offered"),
    ("A .5 B .3", "ANSWER: A", "A", "2 tokens were listed, fewer than the 3 answers offered"),
]
"""Alternatives, the text, the answer or outcome, and part of what is said of it."""


@pytest.mark.parametrize(("places", "text", "expected", "how"), SETTLED)
def test_the_most_probable_answer_counts_if_the_answers_are_likely_together(
    places: str, text: str, expected: str, how: str
) -> None:
    readout = read_probabilities(output(places, text), "coin_flip", Form())
    reading = final_reading(read_answer(text, condition="coin_flip"), readout)
    assert (reading.answer or reading.outcome) == expected
    assert how in reading.how and (how != LIKELIEST or "fewer" not in reading.how)


BEGUN: list[tuple[str, tuple[float, ...], float, str]] = [
    # A tenth inside is enough after a begun line: .04 and .08 of .12.
    ("_A .04 _COIN .08 It .88", (1 / 3, 0.0, 2 / 3), 0.88, "after the begun line"),
    # Only the first token is read.
    ("_B .6 _A .4 | _A .9 _B .1", (0.4, 0.6, 0.0), 0.0, "after the begun line"),
    ("It .95 _A .05", (1.0, 0.0, 0.0), 0.95, "hold 0.05 of the first token's probability"),
    # A server that began a new turn writes the label again.
    ("ANSWER .99 / .01", (), 1.0, "the likeliest other token is 'ANSWER' (0.99)"),
    # The tokeniser has the blank as a token of its own, and the answer is the second token.
    ("_ .8 _CO .12 1 .02", (), math.nan, "a blank is likelier than all answers"),
]


@pytest.mark.parametrize(("places", "chances", "outside", "how"), BEGUN)
def test_what_follows_a_begun_line(
    places: str, chances: tuple[float, ...], outside: float, how: str
) -> None:
    said = output(places)
    readout = read_probabilities(said, "coin_flip", Form(), begun=True)
    assert readout is not None
    assert tuple(readout.chances.values()) == pytest.approx(chances)
    assert readout.outside == pytest.approx(outside, nan_ok=True)
    reading = final_reading(read_answer("A", condition="coin_flip"), readout, begun=True)
    assert how in reading.how
    assert (reading.outcome == "decision") == (outside <= 0.9)


def test_a_local_models_words_must_begin_with_a_token_of_their_own() -> None:
    class Tokenizer:
        """Splits where the vocabulary of a small model does."""

        def encode(self, text: str, **_: object) -> list[str]:
            return re.findall(r"ANSWER:|ANTWORT:| (?!\d)[A-Z]{1,2}| |\d|\w+", text)

        def decode(self, tokens: list[str]) -> str:
            return "".join(tokens)

    for form, word in ((Form(), ""), (Form(names=("1", "2")), "1")):
        assert unreadable_word(Tokenizer(), form, "coin_flip") == word


def test_text_without_alternatives_is_noticed() -> None:
    assert lacks_logprobs(ModelOutput.from_content("m", "ANSWER: A")) and lacks_logprobs(NO_LIST)
    assert not lacks_logprobs(output(LINE + "_A 1"))
    # A filtered answer has no text, and the next answer may have log-probabilities.
    assert not lacks_logprobs(ModelOutput.from_content("m", ""))


def test_providers_known_to_give_none_are_refused() -> None:
    for model in ("anthropic/claude-opus-4", "groq/llama", "openai/o3-mini"):
        for readout in ("logprobs", "prefill"):
            with pytest.raises(UserError, match=f"{readout}: .* no log-probabilities"):
                check_provider(model, readout)
    for model in ("openai/gpt-4o", "hf/gpt2", "kidney/human"):
        check_provider(model, "logprobs")
    for model in ("hf/gpt2", "vllm/llama", "openai-api/local/llama", "kidney/human", "none/none"):
        check_provider(model, "prefill")
    with pytest.raises(UserError, match="openai is not known to continue a begun answer, as hf, "):
        check_provider("openai/gpt-4o", "prefill")
