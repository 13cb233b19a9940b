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
"""Generation settings that change what a model answers. How fast it is asked is none of them."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "explain": "none",
    "channel": "text",
    "readout": "sample",
    "crossed": False,
}
"""Of a task's metadata, with what logs from before they existed were run with."""

ARGUMENTS: Final[Mapping[str, Any]] = {"orders": "both", "system_prompt": None}
"""Of a task's arguments."""

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
"""Every part of a key, in words."""


def key_of(header: EvalLog) -> dict[str, str]:
    """Return the key of a run: runs are comparable only where all of it is equal.

    Args:
        header: A log of one of this package's tasks; the header is enough.

    Returns:
        The parts of `LABELS`, each as a text.
    """
    facts = header.eval.metadata or {}
    arguments = header.eval.task_args
    key = {
        "task": str(facts.get("asks") or facts["condition"]),
        "study": str(facts["study"]),
        "study_hash": str(facts.get("study_hash", "")),
        "condition": str(facts["condition"]),
        # Logs from before there were wordings were all put in the default one.
        "wording": ", ".join(sorted(facts.get("wordings") or {"default": ""})),
        "reference": str(facts.get("reference_hash", "")),
        # N of N-X: X changes where results stay comparable.
        "task_version": str(header.eval.task_version).split("-")[0],
        "sampling": sampling_of(header),
    }
    key |= {name: str(facts.get(name, usual)) for name, usual in DEFAULTS.items()}
    key |= {name: str(arguments.get(name, usual)) for name, usual in ARGUMENTS.items()}
    return key


def sampling_of(header: EvalLog) -> str:
    """Return the generation settings that were changed, as one line; "provider's own" for none."""
    given: dict[str, Any] = {}
    for config in (header.eval.model_generate_config, header.plan.config):
        settings = config.model_dump(exclude_none=True)
        given |= {name: settings[name] for name in SAMPLING if name in settings}
    told = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(given.items()))
    return told or "provider's own"


def differences(one: Mapping[str, str], two: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the parts of two keys that differ, with both values."""
    return {name: (one[name], two[name]) for name in LABELS if one[name] != two[name]}
