"""The channels in which an answer is asked for: a line of text, a JSON object, a tool call.

The texts stand in `channels.yaml`, the reasons for what the schema and the tool allow in
`wordings.md`; `reading.messages` reads what comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ResponseSchema,
)
from inspect_ai.tool import ToolCall, ToolDef, ToolParams
from inspect_ai.util import JSONSchema

from kidney_evals.elicitation.form import Form
from kidney_evals.elicitation.tables import table
from kidney_evals.elicitation.wording import Explain
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition

Channel = Literal["text", "json", "tool"]
"""How an answer is given: a line of text, a JSON object with a schema, or a call of a tool."""

CHANNELS: tuple[Channel, ...] = get_args(Channel)

ANSWER, REASONS = "answer", "reasons"
"""Fields of the object and parameters of the tool, whatever the language."""

TOOL = "answer"
"""Name of the tool."""


@dataclass(frozen=True)
class ChannelText:
    """What a channel says in one language; `channels.yaml` says what each text is for."""

    answer: str
    ask: Mapping[Explain, str]
    repeat: str
    described: Mapping[str, str]
    result: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Every text that a model reads, places unfilled."""
        return (*self.ask.values(), self.repeat, self.result, *self.described.values())


@lru_cache(maxsize=1)
def channel_texts() -> Mapping[str, Mapping[str, ChannelText]]:
    """Return the texts of the channels other than text, by language and channel."""
    return {
        language: {
            channel: ChannelText(**entry[channel], described=entry["described"])
            for channel in CHANNELS
            if channel != "text"
        }
        for language, entry in table("channels").items()
    }


def known_channel(channel: object) -> Channel:
    """Return a channel's name.

    Raises:
        UserError: If there is no such channel.
    """
    if channel not in CHANNELS:
        raise unknown("channel", channel, CHANNELS)
    return channel


def answer_schema(form: Form, explain: Explain) -> ResponseSchema:
    """Return the schema of the JSON object that is asked for.

    It holds the form, not the choice: `answer` is any text, as the rest of an answer line is. A
    schema with the offered answers alone would make declining and indecision impossible, and one
    that named a way to decline would offer what is not offered in text.

    Args:
        form: The form of the answer; its language is that of the descriptions.
        explain: Whether there are reasons, and on which side; fields come in that order.
    """
    fields = _fields(form, explain)
    return ResponseSchema(
        name=TOOL,
        description=_described(form)["whole"],
        # Strict, for OpenAI: every field required and no other one allowed.
        strict=True,
        json_schema=JSONSchema(
            type="object",
            properties=fields,
            required=list(fields),
            additionalProperties=False,
        ),
    )


def answer_tool(form: Form, condition: Condition, explain: Explain) -> ToolDef:
    """Return the tool by which an answer is given; calling it ends the question.

    Its `answer` is one of the answers offered. Declining stays possible as it is in text: in
    words, without a call.

    Args:
        form: The form of the answer.
        condition: Which answers are offered.
        explain: Whether there are reasons, and on which side; parameters come in that order.
    """

    async def answer(**given: str) -> str:
        raise RuntimeError("a call of this tool is read, not run")

    fields = _fields(form, explain)
    fields[ANSWER].enum = list(form.words(condition).values())
    return ToolDef(
        answer,
        name=TOOL,
        description=_described(form)["whole"],
        parameters=ToolParams(properties=fields, required=list(fields)),
    )


def tool_calls_of(message: ChatMessage) -> list[ToolCall]:
    """Return the tool calls of a message; none where it is no model's."""
    return (message.tool_calls or []) if isinstance(message, ChatMessageAssistant) else []


def call_results(message: ChatMessageAssistant, form: Form) -> list[ChatMessageTool]:
    """Return a result for each tool call of a message that could not be read.

    OpenAI and Anthropic refuse a conversation that goes on after a call without its result.
    """
    said = channel_texts()[form.language]["tool"].result
    return [
        ChatMessageTool(content=said, tool_call_id=call.id, function=call.function)
        for call in tool_calls_of(message)
    ]


def _fields(form: Form, explain: Explain) -> dict[str, JSONSchema]:
    names: Sequence[str] = {
        "none": (ANSWER,),
        "before": (REASONS, ANSWER),
        "after": (ANSWER, REASONS),
    }[explain]
    described: Mapping[str, Any] = _described(form)
    return {name: JSONSchema(type="string", description=described[name]) for name in names}


def _described(form: Form) -> Mapping[str, str]:
    return channel_texts()[form.language]["json"].described
