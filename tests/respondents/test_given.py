"""What a respondent gives in each channel is read as what it amounts to."""

from __future__ import annotations

import pytest
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import CHANNELS, TOOL, Channel
from kidney_evals.elicitation.reading import read_message
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.respondents.given import give
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.speech import Said, speak
from kidney_evals.studies import CONDITIONS, Dilemma, Study

SAYS: tuple[Said, ...] = ("A", "B", "undecided", "refused", "unreadable", "truncated")
CHANCES = [(index + 0.5) / 12 for index in range(12)]
# One of each language, mechanism and pair of labels; the others share their forms.
PUT = (
    "default",
    "labels_xy",
    "labels_numbers",
    "undecided",
    "committee",
    "waiting_list",
    "german",
    "french",
    "spanish",
)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("wording", [wordings()[name] for name in PUT], ids=PUT)
def test_everything_given_is_read_as_what_it_amounts_to(
    wording: Wording, channel: Channel, drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    for condition in CONDITIONS:
        undecided = "COIN" if condition == "coin_flip" else "unprompted_indecision"
        amounts = {"undecided": undecided, "refused": "refusal"}
        for explain in EXPLAIN:
            question = Question(
                drawn, condition, dilemmas[0], "ab", 1, explain, wording.form, channel=channel
            )
            for said in SAYS:
                for chance in CHANCES:
                    given = give(question, said, chance)
                    if channel == "text":
                        assert given.text == speak(question, said, chance)
                    called = given.arguments is not None
                    message = ChatMessageAssistant(
                        content="" if called else given.text,
                        tool_calls=[ToolCall("1", TOOL, dict(given.arguments))]
                        if given.arguments is not None
                        else None,
                    )
                    stop = "tool_calls" if called else "stop" if given.text else "content_filter"
                    stop = "max_tokens" if said == "truncated" else stop
                    reading = read_message(
                        message, channel, condition=condition, stop=stop, form=wording.form
                    )
                    read = reading.answer or reading.outcome
                    assert read == amounts.get(said, said), (given, reading.how)
                    if given.answer_at is not None:
                        words = wording.form.words(condition).values()
                        assert given.text[given.answer_at :].startswith(tuple(words))


def test_only_answers_and_wrong_arguments_are_calls(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    question = Question(drawn, "forced_choice", dilemmas[0], "ab", channel="tool")
    called = {
        said: {give(question, said, chance).arguments is not None for chance in CHANCES}
        for said in SAYS
    }
    assert called == {
        "A": {True},
        "B": {True},
        "unreadable": {True},
        "undecided": {False},
        "refused": {False},
        "truncated": {False},
    }
