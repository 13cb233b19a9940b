"""A model that fails on demand, and that `eval_retry` finds again by its name."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from inspect_ai.event import SampleInitEvent
from inspect_ai.log import transcript
from inspect_ai.model import Model, ModelAPI, ModelOutput, ModelUsage, get_model, modelapi


class Flaky:
    """Always decides for Patient A, or flips in one order.

    Attributes:
        fails: Whether the call fails, by the sample's id and the number of its attempt.
        asked: Number of calls for each sample.
    """

    def __init__(self, fails: Callable[[str, int], bool], *, flips: bool = False) -> None:
        self.fails = fails
        self.flips = flips
        self.asked: Counter[str] = Counter()

    def answer(self) -> ModelOutput:
        """Answer, unless `fails` says otherwise."""
        [start] = [one for one in transcript().events if isinstance(one, SampleInitEvent)]
        id = str(start.sample.id)
        self.asked[id] += 1
        if self.fails(id, self.asked[id]):
            raise RuntimeError("the model is not to be had")
        flips = self.flips and (start.sample.metadata or {})["order"] == "ab"
        answer = ModelOutput.from_content(
            "flaky/model", f"ANSWER: {'Coin' if flips else 'Patient A'}"
        )
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return answer

    @property
    def model(self) -> Model:
        """A model; every model of this provider, also a later one, then answers as this."""
        _FlakyAPI.behind = self
        return get_model("flaky/model", memoize=False)


@modelapi(name="flaky")
class _FlakyAPI(ModelAPI):
    behind: Flaky

    async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        return self.behind.answer()
