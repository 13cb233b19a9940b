"""What every solver needs to know of a model call beside its text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ContentText,
    GenerateConfig,
    get_model,
)
from inspect_ai.solver import TaskState

SAME_ANSWERS = frozenset(
    {
        "adaptive_connections",
        "attempt_timeout",
        "batch",
        "cache",
        "cache_prompt",
        "fail_on_refusal",
        "logprobs",
        "max_connections",
        "max_retries",
        "max_tool_output",
        "prompt_logprobs",
        "reasoning_summary",
        "stream_idle_timeout",
        "timeout",
        "top_logprobs",
    }
)
"""Inspect's generation options that do not change what a model answers; all others may."""

UNNAMED_MODELS = (
    "azure",
    "azureai",
    "bedrock",
    "llama-cpp-python",
    "sagemaker",
    "sglang",
    "vllm",
)
"""Providers that are asked for a deployment, a profile or a served path, not for a model's name."""

_DECLINED = ("refusal", "content_filter")
"""Details of a stop by which a provider says that it was a refusal, whatever the stop reason."""


TOOL_CALL: Final = "a call of a tool that was not offered"
"""How an answer is read that calls a tool outside the tool channel."""


def calls_tool(message: ChatMessageAssistant, stop: str = "stop") -> bool:
    """Say whether an answer calls a tool, be there text beside the call or not.

    Args:
        message: The model's message.
        stop: Inspect's reason why the model stopped. An answer that was cut off or filtered is
            read as that.
    """
    return bool(message.tool_calls) and stop in ("stop", "tool_calls", "unknown")


def answers_of(state: TaskState) -> list[ChatMessageAssistant]:
    """Return the model's answers to the questions of a sample, in order."""
    return [one for one in state.messages if isinstance(one, ChatMessageAssistant)]


def is_answered(state: TaskState) -> bool:
    """Say whether the last question of a sample has an answer; a call that failed leaves none."""
    last = state.messages[-1] if state.messages else None
    return bool(state.output.choices) and isinstance(last, ChatMessageAssistant)


def marked_as_refusal(choice: ChatCompletionChoice) -> bool:
    """Say whether a provider itself marked what came back as a refusal."""
    if choice.stop_details is not None and choice.stop_details.type in _DECLINED:
        return True
    content = choice.message.content
    if isinstance(content, str):
        return False
    return any(isinstance(part, ContentText) and bool(part.refusal) for part in content)


def record_departures(
    state: TaskState, *, role: str | None = None, ours: Collection[str] = ()
) -> None:
    """Record in a sample's metadata how its calls differ from the model's default.

    `sampling_departures` lists the changed settings, `answered_by` the other models that answered.

    Args:
        state: The sample, after its last call.
        role: The system message that belongs to the sample's wording.
        ours: Options that the task itself needs.
    """
    if settings := departures(state, role=role, ours=ours):
        state.metadata["sampling_departures"] = settings
    if models := other_models(state):
        state.metadata["answered_by"] = ", ".join(models)


def departures(state: TaskState, *, role: str | None = None, ours: Collection[str] = ()) -> str:
    """Return the options of a sample's last call that are not the model's defaults.

    Args:
        state: The sample, after its last call.
        role: The system message that belongs to the sample's wording.
        ours: Options that the task itself needs.

    Returns:
        `name=value` with commas between, "" without any. A text or a structure is not written out
        (`system_message=set`): it may be long, or hold a key.
    """
    config = last_config()
    usual = SAME_ANSWERS | frozenset(ours)
    values = {name: value for name, value in config if name not in usual and value is not None}
    if values.get("max_tokens") == _default_max_tokens(config):
        values.pop("max_tokens", None)
    own = [*_system_messages(state.input), *([role] if role else [])]
    if _system_messages(state.messages) != own:
        values.setdefault("system_message", [])
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items())


def other_models(state: TaskState) -> list[str]:
    """Return the models, other than the one asked, that answered a sample's calls.

    A version, a date or "latest" in a name makes no other model (`gpt-4o` and `gpt-4o-2024-08-06`).
    """
    found: dict[str, None] = {}
    for event in transcript().events:
        if isinstance(event, ModelEvent) and event.error is None and event.role is None:
            if event.output.fallback is not None:
                found[event.output.fallback.fallback_model] = None
            elif not same_model(event.model, event.output.model):
                found[event.output.model] = None
    return list(found)


def same_model(asked: str, answered: str) -> bool:
    """Say whether the model that answered is the one asked.

    Args:
        asked: The name that Inspect was given, with its provider.
        answered: The name that the provider gives; one that is empty says nothing.
    """
    provider, *rest = asked.lower().split("/")
    if not answered or provider in UNNAMED_MODELS or (rest and rest[0] in UNNAMED_MODELS):
        return True
    if answered.lower() in (provider, asked.lower(), "/".join(rest)):
        return True
    (name, version), (other, other_version) = _parts(asked), _parts(answered)
    if "latest" in version:
        # The newest of a family: gemini-flash-latest answers as gemini-2.5-flash.
        name, other = ([one for one in words if not one.isdigit()] for words in (name, other))
        return name == other
    date, other_date = (
        "".join(one for one in words if one.strip("0").isdigit())
        for words in (version, other_version)
    )
    return name == other and (not date or not other_date or date == other_date)


_VERSION = re.compile(r"latest|preview|exp|experimental|stable|beta|0+|0\d\d|\d\d|\d{4,}")
"""A word that tells a version of a model from others, after the model's own name."""


def _parts(name: str) -> tuple[list[str], list[str]]:
    """Return the words of a model's name, sorted, and the words at its end that name a version."""
    words = re.split(r"[-._ ]+", re.split("[:@]", name.lower().rsplit("/", 1)[-1])[0])
    end = len(words)
    while end > 1 and _VERSION.fullmatch(words[end - 1]):
        end -= 1
    return sorted(words[:end]), words[end:]


def _system_messages(messages: str | Iterable[ChatMessage]) -> list[str]:
    if isinstance(messages, str):
        return []
    return [one.text for one in messages if isinstance(one, ChatMessageSystem)]


def _default_max_tokens(config: GenerateConfig) -> int | None:
    """Return the limit that Inspect sets for a model where the user sets none."""
    api = get_model().api  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    unset = config.model_copy(update={"max_tokens": None})
    return api.max_tokens_for_config(unset) or api.max_tokens()


def _short(value: object) -> str:
    plain = isinstance(value, int | float) or re.fullmatch(r"[\w.:/-]{1,40}", str(value))
    return str(value) if plain else "set"


def last_config() -> GenerateConfig:
    """Return the options of a sample's last call, inside a solver."""
    for event in reversed(transcript().events):
        if isinstance(event, ModelEvent):
            return event.config
    return GenerateConfig()
