"""Samples, codes and models for the tests that need Inspect Scout."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from inspect_ai.model import Model, ModelOutput, get_model

from kidney_evals.reasons import ARGUMENTS

CODES: dict[str, Any] = {
    "explanation": "It says so in [M2].",
    "status": "coded",
    "uses_age": "not invoked",
    "uses_drinks": "B",
    "uses_dependents": "neither",
    **{name: name == "desert" for name in ARGUMENTS},
    "agree": "yes",
}

SAMPLE: dict[str, Any] = {
    "condition": "forced_choice",
    "study_source": "mcelfresh_2021",
    "dilemma": "d001",
    "order": "ab",
    "kind": "drawn",
    **{"a_age": 40, "a_drinks": 4, "a_dependents": 1},
    **{"b_age": 40, "b_drinks": 1, "b_dependents": 1},
}
"""Metadata of a sample in which B drinks less."""


def require_scout() -> None:
    """Skip without Inspect Scout; fail where skipping would prove nothing."""
    if find_spec("inspect_scout") is None:
        reason = "no transcript was scanned: no inspect_scout (pip install '.[scout]')"
        if os.environ.get("KIDNEY_EVALS_REQUIRE_SCOUT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def answered(**changed: Any) -> ModelOutput:
    """Return codes as a coding model gives them, by a call of the answer tool."""
    given = {name: one for name, one in (CODES | changed).items() if one is not None}
    return ModelOutput.for_tool_call("mockllm/model", "answer", given)


def said(text: str, stop_reason: Any = "stop") -> ModelOutput:
    return ModelOutput.from_content("mockllm/model", text, stop_reason=stop_reason)


def mocked(outputs: Iterator[ModelOutput], prompts: list[str] | None = None) -> Model:
    """Return a mock model with these outputs, which appends each last message to `prompts`."""

    def next_one(messages: Any, *rest: Any) -> ModelOutput:
        if prompts is not None:
            prompts.append(messages[-1].text)
        return next(outputs)

    # Not the iterator itself, which Inspect would use up when it notes a model's arguments.
    model = get_model("mockllm/model", custom_outputs=next_one, memoize=False)

    async def count(text: str) -> int:
        # Inspect's own count fetches a table from the network.
        return len(text) // 4

    setattr(model.api, "count_text_tokens", count)  # noqa: B010 -- mypy knows a method here
    return model
