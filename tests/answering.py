"""Models that say what a test wants."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from inspect_ai.model import Content, ModelOutput, ModelUsage, get_model


def saying(*said: str | list[Content], stop: Any = "stop") -> Any:
    """A model that says these in turn, for ever."""
    turns = cycle(said)

    def output(*_: Any) -> ModelOutput:
        answer = ModelOutput.from_content("mockllm/model", next(turns), stop_reason=stop)
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return answer

    return get_model("mockllm/model", custom_outputs=output, memoize=False)
