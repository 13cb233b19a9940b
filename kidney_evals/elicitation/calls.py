"""Properties of a model call beside its text: generation options, and the model that answered."""

import re
from collections.abc import Collection, Iterable

from inspect_ai.event import ModelEvent
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessage, ChatMessageSystem, GenerateConfig, get_model
from inspect_ai.solver import TaskState

SAME_ANSWERS = frozenset(
    {
        "adaptive_connections", "attempt_timeout", "batch", "cache", "cache_prompt",
        "fail_on_refusal", "logprobs", "max_connections", "max_retries", "max_tool_output",
        "prompt_logprobs", "reasoning_summary", "stream_idle_timeout", "timeout", "top_logprobs",
    }
)  # fmt: skip
"""Inspect's generation options that do not change a model's answers; all other options may."""

_UNNAMED_MODELS = ("azure", "azureai", "bedrock", "llama-cpp-python", "sagemaker", "sglang", "vllm")
"""Providers whose model name is a deployment, a profile or a served path."""

_VERSION = re.compile(r"latest|preview|exp|experimental|stable|beta|0+|0\d\d|\d\d|\d{4,}")
"""A word that denotes a version, after the model's own name."""


def record_departures(state: TaskState, *, role: str = "", needs: Collection[str] = ()) -> None:
    """Record in a sample's metadata how its calls differ from the model's defaults.

    `sampling_departures` lists the options of the last call that differ. It lists `system_message`
    if the system messages are not those of the sample's input and `role`. `answered_by` lists other
    models that answered. An entry without content is left out.

    Args:
        state: The sample after its last call.
        role: The wording's system message; empty without one.
        needs: Names of the options that the task itself sets.
    """
    config = last_config()
    usual = SAME_ANSWERS | frozenset(needs)
    values = {name: value for name, value in config if name not in usual and value is not None}
    # Inspect sets a token limit of the model by default.
    api = get_model().api  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    unset = config.model_copy(update={"max_tokens": None})
    if values.get("max_tokens") == (api.max_tokens_for_config(unset) or api.max_tokens()):
        values.pop("max_tokens", None)
    given = [] if isinstance(state.input, str) else state.input
    if _system_messages(state.messages) != _system_messages(given) + [role] * bool(role):
        values.setdefault("system_message", [])
    if values:
        listed = ", ".join(f"{name}={_short(value)}" for name, value in values.items())
        state.metadata["sampling_departures"] = listed
    if models := _other_models():
        state.metadata["answered_by"] = ", ".join(models)


def _calls() -> list[ModelEvent]:
    return [event for event in transcript().events if isinstance(event, ModelEvent)]


def last_config() -> GenerateConfig:
    """Return the options of the current sample's last call; all are unset before its first call.

    For use inside a solver.
    """
    return next((call.config for call in reversed(_calls())), GenerateConfig())


def _other_models() -> list[str]:
    """Return the models other than the requested model that answered the sample's calls."""
    models = []
    for call in _calls():
        if call.error is None and call.role is None:
            if call.output.fallback is not None:
                models.append(call.output.fallback.fallback_model)
            elif not same_model(call.model, call.output.model):
                models.append(call.output.model)
    return list(dict.fromkeys(models))


def same_model(asked: str, answered: str) -> bool:
    """Return whether the answering model is the requested model.

    A version word ("latest") makes no difference, nor does a date that only one name has: `gpt-4o`
    is `gpt-4o-2024-08-06`. Two different dates make a difference.

    Args:
        asked: Name of the requested model, which begins with the provider.
        answered: Name of the answering model. An empty name counts as the same model, and so does
            any name if the provider's names are deployments or paths.
    """
    provider, *rest = asked.lower().split("/")
    if not answered or provider in _UNNAMED_MODELS or (rest and rest[0] in _UNNAMED_MODELS):
        return True
    if answered.lower() in (provider, asked.lower(), "/".join(rest)):
        return True
    (name, version), (other, other_version) = _parts(asked), _parts(answered)
    if "latest" in version:
        # An alias of a family's newest model: gemini-flash-latest reports gemini-2.5-flash.
        name, other = ([word for word in words if not word.isdigit()] for words in (name, other))
        return name == other
    date, other_date = (
        "".join(word for word in words if word.strip("0").isdigit())
        for words in (version, other_version)
    )
    return name == other and (not date or not other_date or date == other_date)


def _parts(name: str) -> tuple[list[str], list[str]]:
    """Return the words of a model's name, sorted, and the version words at its end."""
    words = re.split(r"[-._ ]+", re.split("[:@]", name.lower().rsplit("/", 1)[-1])[0])
    end = len(words)
    while end > 1 and _VERSION.fullmatch(words[end - 1]):
        end -= 1
    return sorted(words[:end]), words[end:]


def _system_messages(messages: Iterable[ChatMessage]) -> list[str]:
    return [message.text for message in messages if isinstance(message, ChatMessageSystem)]


def _short(value: object) -> str:
    """Return a number or a word; for other values `set`: a value may be long or hold a key."""
    plain = isinstance(value, int | float) or re.fullmatch(r"[\w.:/-]{1,40}", str(value))
    return str(value) if plain else "set"
