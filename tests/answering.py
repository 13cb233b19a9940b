"""A mock model with scripted replies."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from inspect_ai.model import Content, ModelOutput, ModelUsage, get_model


def saying(*said: str | tuple[str, Any] | list[Content]) -> Any:
    """Return a model that cycles through these replies; a pair is a text and its stop reason."""
    turns: Iterator[Any] = cycle(one if isinstance(one, tuple) else (one, "stop") for one in said)

    def output(*_: Any) -> ModelOutput:
        text, stop = next(turns)
        answer = ModelOutput.from_content("mockllm/model", text, stop_reason=stop)
        # Without usage the mock model fetches a tokenizer from the network.
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return answer

    return get_model("mockllm/model", custom_outputs=output, memoize=False)
