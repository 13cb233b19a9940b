"""Hide secrets in model arguments: all names are shown, but only values that hold no secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from inspect_ai.event import Event
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig

from kidney_evals.provider_errors import LONGEST_REASON, reason_of
from kidney_evals.respondents.arguments import ARGUMENTS

HIDDEN: Final = "…"
"""Placeholder for a value that may be a secret."""

_HARMLESS: Final = frozenset(
    {
        *ARGUMENTS,
        *("attn_implementation", "batch", "batch_size", "device", "device_map", "do_sample"),
        *("dtype", "enable_thinking", "enforce_eager", "gpu_memory_utilization", "load_in_4bit"),
        *("load_in_8bit", "max_length", "max_model_len", "model_path", "pipeline_parallel_size"),
        *("quantization", "responses_api", "revision", "tensor_parallel_size", "tokenizer"),
        *("tokenizer_mode", "tokenizer_path", "torch_dtype", "trust_remote_code"),
    }
)
"""Arguments whose values are shown if they match `_PLAIN`, including those of `kidney/` models."""

_PLAIN: Final = re.compile(r"~?/?[\w.+,: -]{1,80}(/[\w.+,: -]{1,80})*")
"""Values that may be shown: words, numbers, model names, paths; no URL with login or query."""

_WORD: Final = re.compile(r"[a-z]{1,8}(:[0-9]{1,2})?|[a-z]{1,8}[0-9]{1,2}")


def shown_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return model arguments, with every value that may be a secret replaced by `HIDDEN`."""
    return {
        name: value if name in _HARMLESS and _is_plain(value) else HIDDEN
        for name, value in arguments.items()
    }


def _is_plain(value: Any, pattern: re.Pattern[str] = _PLAIN) -> bool:
    if isinstance(value, str):
        return bool(pattern.fullmatch(value))
    if isinstance(value, Mapping) and pattern is _PLAIN:
        return all(_is_plain(item, _WORD) for item in value.values())
    if isinstance(value, list | tuple) and pattern is _PLAIN:
        flat = not any(isinstance(item, Mapping | list | tuple) for item in value)
        return flat and all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float)


def has_secrets(log: EvalLog) -> bool:
    """Return whether the header of a log holds values that must be hidden."""
    spec = log.eval
    configs = (spec.model_generate_config, log.plan.config)
    sent = any(config.extra_headers or config.extra_body for config in configs)
    hidden = HIDDEN in shown_arguments(spec.model_args).values()
    return hidden or sent or bool(spec.model_base_url or spec.model_roles)


def hide_secrets(log: EvalLog) -> None:
    """Hide every value that may be a secret in a log's header, model calls and errors, in place."""
    spec = log.eval
    spec.model_args = shown_arguments(spec.model_args)
    spec.model_base_url = None
    for role in (spec.model_roles or {}).values():
        for model in role if isinstance(role, list) else [role]:
            model.args = shown_arguments(model.args)
            model.base_url = None
            _hide_in_config(model.config)
    _hide_in_config(spec.model_generate_config)
    _hide_in_config(log.plan.config)
    _hide_in_error(log.error)
    for sample in log.samples or []:
        _hide_in_error(sample.error)
        _hide_in_events(sample.events)
        for error in sample.error_retries or []:
            _hide_in_error(error)
            # Newer versions of Inspect store the events of an attempt with its error.
            _hide_in_events(getattr(error, "events", None) or [])


def _hide_in_events(events: Iterable[Event]) -> None:
    for event in events:
        if event.event == "error":
            _hide_in_error(event.error)
        elif event.event == "model":
            _hide_in_config(event.config)
            if event.call is not None:
                sent = event.call.request
                for name in {"extra_headers", "extra_body", "headers"} & set(sent):
                    sent[name] = HIDDEN
                if event.error is not None:
                    event.call.response = None
            if event.error is not None:
                event.error = reason_of(event.error)
                event.traceback = event.traceback_ansi = None


def _hide_in_error(error: Any) -> None:
    """Reduce an error to its reason, because the traceback may contain request headers."""
    if error is not None:
        error.message = reason_of(error.message, 3 * LONGEST_REASON)
        error.traceback = error.traceback_ansi = ""


def _hide_in_config(config: GenerateConfig) -> None:
    config.extra_headers = config.extra_body = None
