"""Models that say what a test wants."""

from __future__ import annotations

from typing import Any

from inspect_ai.model import ModelOutput, ModelUsage, get_model


def saying(text: str, stop: Any = "stop") -> Any:
    """A model that always says one thing."""

    def output(*_: Any) -> ModelOutput:
        answer = ModelOutput.from_content("mockllm/model", text, stop_reason=stop)
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return answer

    return get_model("mockllm/model", custom_outputs=output, memoize=False)
