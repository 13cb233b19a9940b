"""The model provider `kidney`: simulated respondents behind Inspect's model interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, StopReason
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from kidney_evals.elicitation.channels import TOOL
from kidney_evals.respondents.given import give
from kidney_evals.respondents.output import fault_of, output_of
from kidney_evals.respondents.predict import asks_for_people, predict
from kidney_evals.respondents.propensities import Shown, apply_traits, pick, sway
from kidney_evals.respondents.question import Question, read_question
from kidney_evals.respondents.registry import find_respondent
from kidney_evals.respondents.speech import Said
from kidney_evals.respondents.stated import asks_for_values, state_values
from kidney_evals.respondents.tokens import logprobs
from kidney_evals.respondents.traits import read_traits


class KidneyAPI(ModelAPI):
    """A simulated respondent; offline, and the same answer to the same question for ever.

    An answer depends on the seed, the study's content, the condition, the dilemma, the order
    and the epoch (in a crossed run on the wording too), on what `swayed_by` names (a wording,
    say) where it was given, and on nothing else: not on temperature, not on what was asked before.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature
        **model_args: Any,
    ) -> None:
        """Check the respondent's name and arguments.

        Raises:
            UserError: If there is no such respondent, or it does not take an argument.
        """
        super().__init__(model_name, base_url, api_key, [], config)
        self.respondent = find_respondent(model_name)
        self.traits = read_traits(model_name, self.respondent.takes, model_args)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the dilemma that the last user message with one carries.

        Raises:
            UserError: If no message carries a dilemma, or the respondent cannot answer it.
        """
        if asks_for_values(input):
            return state_values(input, self.model_name, self.traits, config)
        if asks_for_people(input):
            return predict(input, self.model_name, self.respondent, self.traits, config)
        question = read_question(input, f"kidney/{self.model_name}")
        if config.logprobs:
            # Words before the answer would have made the choice already.
            question = replace(question, alone=True)
        own = self.respondent.answer(question, self.traits)
        shown = apply_traits(own, self.traits, question.order, sway(self.traits, question))
        said = self._say(question, shown)
        wording = self._chance(question, "wording", question.turn)
        given = give(question, said, wording)
        stop: StopReason = "max_tokens" if said == "truncated" else "stop"
        if said == "refused" and not given.text:
            stop = "content_filter"
        call = None if given.arguments is None else _call(question, given.arguments)
        output = output_of(input, self.model_name, (given.text, stop), config, call)
        if config.logprobs:
            [choice] = output.choices
            answers = _answer_shares(question, shown)
            top = config.top_logprobs or 0
            choice.logprobs = logprobs(choice.message.text, given.answer_at, answers, top)
        return output

    def max_connections(self) -> int:
        """Return how many calls may run at once; none of them waits for anything."""
        return 100

    def _say(self, question: Question, shown: Shown) -> Said:
        if fault := fault_of(self.traits, self._chance(question, "fault", question.turn)):
            return fault
        options: tuple[Said, ...] = ("A", "B", "undecided", "refused")
        return options[pick(shown, self._chance(question, "answer"))]

    def _chance(self, question: Question, purpose: str, turn: int = 0) -> float:
        # Elsewhere a dilemma has one wording, and another wording or channel finds the same answer.
        anew = (question.wording,) if question.crossed else ()
        sample = (question.order, question.epoch, turn, *anew)
        return question.chance(self.traits.seed, purpose, *sample)


def _call(question: Question, arguments: Mapping[str, str]) -> ToolCall:
    return ToolCall(id=f"call_{question.turn}", function=TOOL, arguments=dict(arguments))


def _answer_shares(question: Question, shown: Shown) -> dict[str, float]:
    """Return the probability of each answer word, given that there is an answer."""
    words = question.form.words(question.condition)
    shares = {words["A"]: shown.a, words["B"]: shown.b}
    if question.offers_coin:
        shares[words["COIN"]] = shown.undecided
    total = sum(shares.values()) or 1.0
    return {word: share / total for word, share in shares.items()}
