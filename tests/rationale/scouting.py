"""What the tests that need Inspect Scout have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from kidney_evals.rationale.extra import has_extra


def require_scout() -> None:
    """Skip without Inspect Scout; fail where skipping would prove nothing."""
    if not has_extra():
        reason = "no transcript was scanned: no inspect_scout (pip install '.[scout]')"
        if os.environ.get("KIDNEY_EVALS_REQUIRE_SCOUT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


class Coder(ModelAPI):
    """A model that answers with the same codes every time, and keeps what it was asked."""

    def __init__(self, model_name: str, codes: dict[str, Any], **_: Any) -> None:
        super().__init__(model_name)
        self.codes = codes
        self.asked: list[str] = []

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        self.asked.append(input[-1].text)
        output = ModelOutput.for_tool_call(self.model_name, "answer", self.codes)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    async def count_text_tokens(self, text: str) -> int:
        # Inspect's own count fetches a table from the network.
        return len(text) // 4


@modelapi("coder")
def coder() -> type[ModelAPI]:
    """Register the model."""
    return Coder


def mocked(outputs: Iterator[ModelOutput]) -> Model:
    """Return Inspect's mock model, which gives these outputs one after another."""

    def next_one(*asked: Any) -> ModelOutput:
        return next(outputs)

    # Not the iterator itself, which Inspect would use up when it notes a model's arguments.
    model = get_model("mockllm/model", custom_outputs=next_one, memoize=False)

    async def count(text: str) -> int:
        # Inspect's own count fetches a table from the network.
        return len(text) // 4

    setattr(model.api, "count_text_tokens", count)  # noqa: B010 -- mypy knows a method here
    return model


def coding(codes: dict[str, Any]) -> tuple[Model, Coder]:
    """Return a model that answers with these codes, and the part of it that keeps the prompts."""
    model = get_model("coder/fixed", codes=codes, memoize=False)
    assert isinstance(model.api, Coder)
    return model, model.api
