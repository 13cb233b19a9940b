"""The key of a run: two runs are comparable only if their keys are equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from inspect_ai.log import EvalLog

SAMPLING: Final = (
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "stop_seqs",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "reasoning_effort",
    "reasoning_tokens",
    "system_message",
)
"""Generation settings that affect answers. Settings that only affect speed are not included."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "explain": "none",
    "channel": "text",
    "readout": "sample",
    "crossed": False,
}
"""Parts of the key from the task's metadata, with the values that apply to logs without them."""

ARGUMENTS: Final[Mapping[str, Any]] = {"orders": "both", "system_prompt": None}
"""Parts of the key from the task's arguments, with the values that apply to logs without them."""

LABELS: Final[Mapping[str, str]] = {
    "task": "task",
    "study": "study",
    "study_hash": "content of the study",
    "condition": "condition",
    "wording": "wording",
    "reference": "human reference",
    "task_version": "task version",
    "sampling": "sampling settings",
    "explain": "whether reasons are asked for",
    "channel": "channel of the answer",
    "readout": "sampled or read out",
    "crossed": "crossed design",
    "orders": "orders",
    "system_prompt": "system prompt",
}
"""Label of each part of a key."""


def key_of(header: EvalLog) -> dict[str, str]:
    """Return the key of a run.

    Args:
        header: A log of one of this package's tasks; the header is enough.

    Returns:
        The value of each part in `LABELS`, as text.
    """
    facts = header.eval.metadata or {}
    arguments = header.eval.task_args
    key = {
        "task": str(facts.get("asks") or facts["condition"]),
        "study": str(facts["study"]),
        "study_hash": str(facts.get("study_hash", "")),
        "condition": str(facts["condition"]),
        # Logs from before wordings existed used the default wording.
        "wording": ", ".join(sorted(facts.get("wordings") or {"default": ""})),
        "reference": str(facts.get("reference_hash", "")),
        # N of the version N-X: a change of X keeps results comparable.
        "task_version": str(header.eval.task_version).split("-")[0],
        "sampling": sampling_of(header),
    }
    key |= {name: str(facts.get(name, usual)) for name, usual in DEFAULTS.items()}
    key |= {name: str(arguments.get(name, usual)) for name, usual in ARGUMENTS.items()}
    return key


def sampling_of(header: EvalLog) -> str:
    """Return the generation settings that were set, as one line; "provider's own" for none."""
    given: dict[str, Any] = {}
    for config in (header.eval.model_generate_config, header.plan.config):
        settings = config.model_dump(exclude_none=True)
        given |= {name: settings[name] for name in SAMPLING if name in settings}
    told = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(given.items()))
    return told or "provider's own"


def differences(one: Mapping[str, str], two: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the parts of two keys that differ, with both values."""
    return {name: (one[name], two[name]) for name in LABELS if one[name] != two[name]}
