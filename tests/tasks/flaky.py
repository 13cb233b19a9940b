"""A model that fails where it is told to, and that `eval_retry` finds again by its name."""

from collections import Counter
from collections.abc import Callable

from inspect_ai.event import SampleInitEvent
from inspect_ai.log import transcript
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


class Flaky:
    """Always decides for Patient A, or flips in one order.

    Attributes:
        asked: How often it was asked each sample.
    """

    def __init__(self, fails: Callable[[str, int], bool], *, flips: bool = False) -> None:
        self.fails = fails
        self.flips = flips
        self.asked: Counter[str] = Counter()

    def answer(self, messages: list[ChatMessage]) -> ModelOutput:
        """Answer, unless `fails` says otherwise of the sample and the number of its attempt."""
        [start] = [one for one in transcript().events if isinstance(one, SampleInitEvent)]
        id = str(start.sample.id)
        self.asked[id] += 1
        if self.fails(id, self.asked[id]):
            raise RuntimeError("the model is not to be had")
        said = (
            "Coin" if self.flips and (start.sample.metadata or {})["order"] == "ab" else "Patient A"
        )
        answer = ModelOutput.from_content("flaky/model", f"ANSWER: {said}")
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return answer

    @property
    def model(self) -> Model:
        """The model, which any other one of this kind becomes too."""
        _FlakyAPI.behind = self
        return get_model("flaky/model", memoize=False)


class _FlakyAPI(ModelAPI):
    behind: Flaky

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        return self.behind.answer(input)


@modelapi(name="flaky")
def _flaky() -> type[ModelAPI]:
    return _FlakyAPI
