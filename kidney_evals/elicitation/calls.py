"""What every solver needs to know of a model call beside its text."""

from __future__ import annotations

from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model import ChatCompletionChoice, ContentText, GenerateConfig

SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "reasoning_effort",
    "reasoning_tokens",
    "effort",
)
"""Inspect options that change what a model would answer by default."""

_DECLINED = ("refusal", "content_filter")
"""Details of a stop by which a provider says that it was a refusal, whatever the stop reason."""


def marked_as_refusal(choice: ChatCompletionChoice) -> bool:
    """Say whether a provider itself marked what came back as a refusal."""
    if choice.stop_details is not None and choice.stop_details.type in _DECLINED:
        return True
    content = choice.message.content
    if isinstance(content, str):
        return False
    return any(isinstance(part, ContentText) and bool(part.refusal) for part in content)


def departures() -> str:
    """Return the sampling options of a sample's last call that are not the model's defaults."""
    config = last_config()
    values = ((name, getattr(config, name, None)) for name in SAMPLING)
    return ", ".join(f"{name}={value}" for name, value in values if value is not None)


def last_config() -> GenerateConfig:
    """Return the options of a sample's last call, inside a solver."""
    for event in reversed(transcript().events):
        if isinstance(event, ModelEvent):
            return event.config
    return GenerateConfig()
