"""What each simulated respondent answers, and that it always gives the same answers."""

import asyncio
import math
import time
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageUser,
    Logprob,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import CHANNELS, TOOL, Channel
from kidney_evals.elicitation.form import form_of
from kidney_evals.elicitation.reading import read_answer, read_message
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.errors import UserError
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Fault, Said, reply
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Patient,
    Study,
    dilemmas_of,
    load_study,
)
from respondents.asking import BOTH, DILEMMAS, DRAWN, answers, message
from study_folders import copied, edit


def dilemma(first: tuple[float, ...], second: tuple[float, ...]) -> Dilemma:
    return Dilemma("x", Patient(first), Patient(second), "drawn")


# Age, drinks a day, dependents.
CLEAR = dilemma((25, 1, 2), (70, 5, 0))
TORN = dilemma((30, 5, 1), (60, 1, 1))
SAME = dilemma((40, 2, 1), (40, 2, 1))


def texts(model: Model, questions: list[Any]) -> list[str]:
    return [output.completion for output in answers(model, questions)]


@pytest.mark.parametrize(
    ("respondent", "put", "condition", "arguments", "ab", "ba"),
    [
        ("majority", CLEAR, "coin_flip", {}, "A", "B"),
        ("first", CLEAR, "coin_flip", {}, "A", "A"),
        # Better on the first attribute that differs: age, then drinks.
        ("lexicographic", TORN, "coin_flip", {}, "A", "B"),
        ("lexicographic", TORN, "coin_flip", {"attributes": "drinks"}, "B", "A"),
        ("lexicographic", TORN, "coin_flip", {"attributes": ["drinks", "age"]}, "B", "A"),
        # Dependents tie and age comes next.
        ("lexicographic", TORN, "coin_flip", {"attributes": "dependents, age"}, "A", "B"),
        ("lexicographic", TORN, "coin_flip", {"attributes": "dependents"}, "COIN", "COIN"),
        ("lexicographic", SAME, "coin_flip", {}, "COIN", "COIN"),
        ("lexicographic", SAME, "forced_choice", {}, "A", "A"),
        # Ten times sharper than odds of more than 10 to 1: never the other way round.
        ("human", CLEAR, "forced_choice", {"sharpness": 10, "person": "fresh"}, "A", "B"),
        ("anti_human", CLEAR, "forced_choice", {"sharpness": 10}, "B", "A"),
        ("uniform", CLEAR, "coin_flip", {"indecision": 1}, "COIN", "COIN"),
        ("uniform", CLEAR, "forced_choice", {"position_bias": 0.5}, "A", "A"),
        ("majority", CLEAR, "forced_choice", {"position_bias": -0.5}, "B", "B"),
    ],
)
def test_answers_are_read_as_meant(
    respondent: str, put: Dilemma, condition: Condition, arguments: dict[str, Any], ab: str, ba: str
) -> None:
    model = get_model(f"kidney/{respondent}", **arguments)
    for explain in EXPLAIN:
        asked = [[message(put, condition, order, explain=explain)] for order in BOTH]
        read = [read_answer(text, condition=condition).answer for text in texts(model, asked)]
        assert read == [ab, ba]


def test_the_same_question_has_one_answer() -> None:
    def put(epoch: int) -> list[Any]:
        asked = [(one, order) for one in DILEMMAS[:20] for order in BOTH]
        return [[message(one, order=order, epoch=epoch)] for one, order in asked]

    replies = texts(get_model("kidney/human"), put(1))
    assert texts(get_model("kidney/human", memoize=False), put(1)[::-1])[::-1] == replies
    assert texts(get_model("kidney/human", seed=1), put(1)) != replies
    assert texts(get_model("kidney/human"), put(2)) != replies


def test_another_study_text_gives_other_answers(tmp_path: Path) -> None:
    def replies(study: Study) -> list[str]:
        put = [[message(one, study=study)] for one in dilemmas_of(study, 40, None)]
        return texts(get_model("kidney/uniform"), put)

    folder = copied("mcelfresh_2021", tmp_path / "mine")
    assert replies(load_study(folder)) == replies(DRAWN)
    edit(folder, "study.yaml", "id: mcelfresh_2021\n", "id: mcelfresh_2021  # changed\n")
    assert replies(load_study(folder)) != replies(DRAWN)


def test_a_repeated_question_belongs_to_the_same_dilemma() -> None:
    model = get_model("kidney/first", unreadable=0.5)
    repeat = ChatMessageUser(content="Please end with a line ANSWER: A or ANSWER: B.")

    def outcomes(*later: ChatMessageAssistant | ChatMessageUser) -> list[str]:
        put = [[message(TORN, "forced_choice", epoch=n), *later] for n in range(1, 201)]
        return [read_answer(one, condition="forced_choice").outcome for one in texts(model, put)]

    first, second = outcomes(), outcomes(ChatMessageAssistant(content="Hm."), repeat)
    # A share of .5 of 200 has a standard error of .035.
    for readings in (first, second):
        assert 0.4 < readings.count("unreadable") / 200 < 0.6
    still = sum(a == b == "unreadable" for a, b in zip(first, second, strict=True))
    assert 0.15 < still / 200 < 0.35  # drawn anew: .5 · .5


def test_outputs_count_tokens_through_the_public_interface() -> None:
    [output] = answers(get_model("kidney/human"), [[message(CLEAR)]])
    usage = output.usage
    assert usage is not None
    # "Who should receive the kidney?" has 30 characters, four to a token.
    assert usage.input_tokens == 8
    assert usage.output_tokens == -(-len(output.completion) // 4)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    with pytest.raises(UserError, match="kidney_evals/forced_choice") as caught:
        asyncio.run(get_model("kidney/human").generate("Hello"))
    assert "\n" not in str(caught.value)


def test_nobody_is_imitated_where_nobody_was_asked() -> None:
    study = load_study("freedman_2020")
    [one] = dilemmas_of(study, 1, None)
    put = [[message(one, condition, study=study)] for condition in CONDITIONS]
    for respondent in ("human", "majority", "anti_human"):
        model = get_model(f"kidney/{respondent}")
        assert texts(model, put[:1])
        with pytest.raises(UserError, match=r"no answers of people .* coin_flip"):
            answers(model, put[1:])
    [text] = texts(get_model("kidney/never_flips"), put[1:])
    assert read_answer(text, condition="coin_flip").answer in ("A", "B")


def test_an_answer_takes_less_than_a_millisecond() -> None:
    put = [[message(one)] for one in DILEMMAS[:50]]
    model = get_model("kidney/human")
    answers(model, put)  # warm
    spent = []
    for _ in range(3):
        start = time.process_time()
        answers(model, put)
        spent.append(time.process_time() - start)
    assert min(spent) / len(put) < 1e-3


def tokens(output: ModelOutput) -> list[Logprob]:
    logprobs = output.choices[0].logprobs
    assert logprobs is not None
    return logprobs.content


def options(token: Logprob) -> dict[str, float]:
    """The alternatives at a token with their probabilities, in order."""
    return {one.token.strip(): math.exp(one.logprob) for one in token.top_logprobs or ()}


@pytest.mark.parametrize(
    ("condition", "form", "words"),
    [
        ("forced_choice", {}, {"A", "B"}),
        ("coin_flip", {}, {"A", "B", "COIN"}),
        ("coin_flip", {"labels": "1/2"}, {"1", "2", "COIN"}),
        ("coin_flip", {"language": "de"}, {"A", "B", "MÜNZE"}),
        ("coin_flip", {"mechanism": "list"}, {"A", "B", "LIST"}),
    ],
)
def test_the_answer_token_has_every_option(
    condition: Condition, form: dict[str, Any], words: set[str]
) -> None:
    for explain in EXPLAIN:
        put = [[message(one, condition, explain=explain, **form)] for one in DILEMMAS[:10]]
        for output in answers(get_model("kidney/uniform"), put, logprobs=True, top_logprobs=5):
            assert "".join(token.token for token in tokens(output)) == output.completion
            [answer] = [token for token in tokens(output) if len(options(token)) > 1]
            label = form_of(form).answer
            assert output.completion.split(label)[1].split()[0] == answer.token.strip()
            assert options(answer) == pytest.approx(dict.fromkeys(words, 1 / len(words)))
    # The form changes the words and no probability.
    put = [[message(DILEMMAS[0], condition, **more)] for more in (form, {})]
    formed, usual = (
        sorted(options(tokens(output)[-1]).values())
        for output in answers(get_model("kidney/human"), put, logprobs=True, top_logprobs=5)
    )
    assert formed == usual


def test_probabilities_are_those_of_the_arguments() -> None:
    put = [[message(DILEMMAS[0])]]
    model = get_model("kidney/first", indecision=0.2, position_bias=-0.25)
    [output] = answers(model, put, logprobs=True, top_logprobs=3)
    found = options(tokens(output)[-1])
    # The coin .2; of the other .8 half is B regardless, and the rest is A.
    assert found == pytest.approx({"COIN": 0.2, "A": 0.4, "B": 0.4})
    assert list(found.values()) == sorted(found.values(), reverse=True)
    # An answer that is never given has a finite log-probability.
    [output] = answers(get_model("kidney/first"), put, logprobs=True, top_logprobs=3)
    assert next(iter(options(tokens(output)[-1]))) == "A"
    assert all(0 < share <= 1 for share in options(tokens(output)[-1]).values())


def test_only_requested_alternatives_are_given() -> None:
    put = [[message(DILEMMAS[0])]]
    model = get_model("kidney/uniform")
    assert answers(model, put)[0].choices[0].logprobs is None
    [plain] = answers(model, put, logprobs=True)
    assert all(token.top_logprobs is None for token in tokens(plain))
    [two] = answers(model, put, logprobs=True, top_logprobs=2)
    assert len(options(tokens(two)[-1])) == 2
    # A reply without an answer has no alternatives.
    put = [[message(one, "forced_choice")] for one in DILEMMAS[:5]]
    for name in ("coin", "refuser"):
        for output in answers(get_model(f"kidney/{name}"), put, logprobs=True, top_logprobs=3):
            assert all(len(options(token)) == 1 for token in tokens(output))


def test_a_token_limit_truncates() -> None:
    put = [[message(one, explain="before")] for one in DILEMMAS[:5]]
    model = get_model("kidney/first")
    limited = answers(model, put, max_tokens=5, logprobs=True)
    for whole, cut in zip(answers(model, put), limited, strict=True):
        assert cut.completion == whole.completion[:20]  # five tokens of four characters
        assert (whole.stop_reason, cut.stop_reason) == ("stop", "max_tokens")
        assert cut.usage is not None and cut.usage.output_tokens == 5


SAYS: tuple[Said, ...] = ("A", "B", "undecided", *get_args(Fault))
CHANCES = [(index + 0.5) / 12 for index in range(12)]
# Of wordings that share their form, one is enough.
FORMS = {one.form: one for one in wordings().values()}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("wording", FORMS.values(), ids=[one.id for one in FORMS.values()])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_reply_is_read_as_what_it_means(
    wording: Wording, channel: Channel, condition: Condition
) -> None:
    form, offered = wording.form, condition == "coin_flip"
    undecided = "COIN" if offered else "unprompted_indecision"
    meanings = {"undecided": undecided, "refused": "refusal"}
    # Only answers and wrong arguments are calls.
    calling = {"A", "B", "unreadable"} | ({"undecided"} if offered else set())
    read = partial(read_answer, condition=condition, form=form)
    for explain in EXPLAIN:
        question = Question(
            DRAWN, condition, DILEMMAS[0], "ab", explain=explain, form=form, channel=channel
        )
        # In words, which vary, or by a content filter.
        refusals = [reply(question, "refused", chance) for chance in CHANCES]
        assert {one.stop for one in refusals} == {"stop", "content_filter"}
        assert len({one.text for one in refusals}) > 2
        for said, chance in product(SAYS, CHANCES):
            given = reply(question, said, chance)
            message, stop = ChatMessageAssistant(content=given.text), given.stop
            called = given.arguments is not None
            assert called == (channel == "tool" and said in calling)
            if called:
                calls = [ToolCall("1", TOOL, dict(given.arguments or {}))]
                message, stop = ChatMessageAssistant(content="", tool_calls=calls), "tool_calls"
            reading = read_message(message, read, channel, form, stop=stop)
            assert (reading.answer or reading.outcome) == meanings.get(said, said), given
            assert (given.stop == "content_filter") == (said == "refused" and not given.text)
            if given.answer_at is not None:
                words = tuple(form.words(condition).values())
                assert given.text[given.answer_at :].startswith(words)
