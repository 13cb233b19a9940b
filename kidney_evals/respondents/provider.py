"""The model provider `kidney`: simulated respondents behind Inspect's model interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, StopReason
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from kidney_evals.elicitation.channels import TOOL
from kidney_evals.respondents.arguments import read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.outputs import fault_of, logprobs, output_of
from kidney_evals.respondents.predict import asks_for_people, predict
from kidney_evals.respondents.question import Question, read_question
from kidney_evals.respondents.replies import Said, reply
from kidney_evals.respondents.stated import asks_for_values, state_values


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
        shown = answer_probabilities(self.respondent, question, self.traits)
        said = self._say(question, shown)
        given = reply(question, said, self._chance(question, "wording", question.turn))
        stop: StopReason = "max_tokens" if said == "truncated" else "stop"
        if said == "refused" and not given.text:
            stop = "content_filter"
        call = None
        if given.arguments is not None:
            call = ToolCall(f"call_{question.turn}", TOOL, dict(given.arguments))
        output = output_of(input, self.model_name, (given.text, stop), config, call)
        if config.logprobs:
            [choice] = output.choices
            # The probability of each answer word, given that there is an answer.
            words = question.form.words(question.condition).values()
            total = sum(shown[: len(words)]) or 1.0
            answers = {word: share / total for word, share in zip(words, shown, strict=False)}
            top = config.top_logprobs or 0
            choice.logprobs = logprobs(choice.message.text, given.answer_at, answers, top)
        return output

    def max_connections(self) -> int:
        """Return how many calls may run at once; none of them waits for anything."""
        return 100

    def _say(self, question: Question, shown: Sequence[float]) -> Said:
        if fault := fault_of(self.traits, self._chance(question, "fault", question.turn)):
            return fault
        options: tuple[Said, ...] = ("A", "B", "undecided", "refused")
        return options[_pick(shown, self._chance(question, "answer"))]

    def _chance(self, question: Question, purpose: str, turn: int = 0) -> float:
        # Elsewhere a dilemma has one wording, and another wording or channel finds the same answer.
        anew = (question.wording,) if question.crossed else ()
        sample = (question.order, question.epoch, turn, *anew)
        return question.chance(self.traits.seed, purpose, *sample)


def _pick(weights: Sequence[float], chance: float) -> int:
    """Return the index that `chance` in [0, 1) falls on when `weights` are laid end to end."""
    remaining = chance * sum(weights)
    last = 0
    for index, weight in enumerate(weights):
        if weight <= 0:
            continue
        if remaining < weight:
            return index
        remaining -= weight
        last = index
    return last
