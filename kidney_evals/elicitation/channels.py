"""The channels of an answer: a line of text, a JSON object, or a tool call.

The texts are in `channels.yaml`. `wordings.md` gives the reasons for the schema and the tool.
`reading.messages` parses the response.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ResponseSchema
from inspect_ai.tool import ToolDef, ToolParams
from inspect_ai.util import JSONSchema

from kidney_evals.elicitation.form import Form, table
from kidney_evals.elicitation.wording import Explain
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition

Channel = Literal["text", "json", "tool"]
"""Format of an answer: a line of text, a JSON object with a schema, or a tool call."""

CHANNELS: tuple[Channel, ...] = get_args(Channel)

ANSWER, REASONS = "answer", "reasons"
"""Names of the JSON object's fields and the tool's parameters, in every language."""

FIELDS: Mapping[Explain, tuple[str, ...]] = {
    "none": (ANSWER,),
    "before": (REASONS, ANSWER),
    "after": (ANSWER, REASONS),
}
"""The fields of an answer in their order, by `explain`."""

TOOL = "answer"


def known_channel(channel: object) -> Channel:
    """Return `channel` if it is the name of a channel; raise `UserError` otherwise."""
    if channel not in CHANNELS:
        raise unknown("channel", channel, CHANNELS)
    return channel


def answer_schema(form: Form, explain: Explain) -> ResponseSchema:
    """Return the schema of the JSON object for an answer: its fields, not the offered answers.

    A schema with only the offered answers would prevent refusal and indecision; a schema with a
    value for refusal would offer an answer that the text channel does not offer.
    """
    whole, fields = _described(form, explain)
    # OpenAI requires of a strict schema that every field is required and no other allowed.
    schema = JSONSchema(
        type="object", properties=fields, required=list(fields), additionalProperties=False
    )
    return ResponseSchema(name=TOOL, description=whole, strict=True, json_schema=schema)


def answer_tool(form: Form, condition: Condition, explain: Explain) -> ToolDef:
    """Return the tool whose call is the answer; a model may still refuse in words."""

    async def answer(**arguments: str) -> str:
        raise RuntimeError("a call of this tool is read, not run")

    whole, fields = _described(form, explain)
    fields[ANSWER].enum = list(form.words(condition).values())
    parameters = ToolParams(properties=fields, required=list(fields))
    return ToolDef(answer, name=TOOL, description=whole, parameters=parameters)


def _described(form: Form, explain: Explain) -> tuple[str, dict[str, JSONSchema]]:
    """Return the description of the answer, and the fields that it has."""
    texts = table("channels")[form.language]["described"]
    names = FIELDS[explain]
    fields = {name: JSONSchema(type="string", description=texts[name]) for name in names}
    return texts["whole"], fields


def call_results(message: ChatMessageAssistant, form: Form) -> list[ChatMessageTool]:
    """Return a result message for each tool call of an unreadable message.

    OpenAI and Anthropic refuse a conversation that continues after a call without its result.
    """
    text = table("channels")[form.language]["tool"]["result"]
    return [
        ChatMessageTool(content=text, tool_call_id=call.id, function=call.function)
        for call in message.tool_calls or []
    ]
