"""The model provider `kidney`: simulated respondents behind Inspect's model interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, StopReason
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from kidney_evals.elicitation import predict
from kidney_evals.elicitation.channels import TOOL
from kidney_evals.respondents import stated
from kidney_evals.respondents.arguments import Probabilities, read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.outputs import logprobs, output_of
from kidney_evals.respondents.question import Question, carried_by, read_question
from kidney_evals.respondents.replies import Said, fault_of, phrases, reply, weighted, worded


class KidneyAPI(ModelAPI):
    """A simulated respondent, offline, with a reproducible answer to each question.

    An answer depends only on the seed, the study's content, the condition, the dilemma, the order,
    the epoch, the wording in a crossed run, and the property that `swayed_by` names.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature
        **model_args: Any,
    ) -> None:
        """Check the respondent's name and arguments; raise `UserError` for unknown ones."""
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
        """Answer the question in the last user message that holds a question.

        Raises:
            UserError: No message holds a dilemma, or the respondent cannot answer it.
        """
        asks = carried_by(input).get("asks")
        if asks == stated.ASKS:
            values = stated.state_values(input, self.model_name, self.traits)
            return output_of(input, self.model_name, values, config)
        question = read_question(input, f"kidney/{self.model_name}")
        shown = answer_probabilities(self.respondent, question, self.traits)
        if asks == predict.ASKS:
            return output_of(input, self.model_name, self._predict(question, shown), config)
        return self._choose(question, shown, input, config)

    def max_connections(self) -> int:
        """Return the maximum number of concurrent calls; no call waits for anything."""
        return 100

    def _choose(
        self,
        question: Question,
        shown: Probabilities,
        messages: Sequence[ChatMessage],
        config: GenerateConfig,
    ) -> ModelOutput:
        if config.logprobs:
            # Omit introductory words: they would determine the answer before its own token.
            question = replace(question, alone=True)
        options: tuple[Said, ...] = ("A", "B", "undecided", "refused")
        content: Said = weighted(options, shown, self._chance(question, "answer"))
        content = fault_of(self.traits, self._chance(question, "fault", question.turn)) or content
        answer = reply(question, content, self._chance(question, "wording", question.turn))
        stop: StopReason = "max_tokens" if content == "truncated" else "stop"
        if content == "refused" and not answer.text:
            stop = "content_filter"
        call = None
        if answer.arguments is not None:
            call = ToolCall(f"call_{question.turn}", TOOL, dict(answer.arguments))
        output = output_of(messages, self.model_name, (answer.text, stop), config, call)
        if config.logprobs:
            [choice] = output.choices
            # The probability of each answer word, conditional on an answer.
            words = question.form.words(question.condition).values()
            total = sum(shown[: len(words)]) or 1.0
            answers = {word: share / total for word, share in zip(words, shown, strict=False)}
            top = config.top_logprobs or 0
            choice.logprobs = logprobs(choice.message.text, answer.answer_at, answers, top)
        return output

    def _predict(self, question: Question, shown: Probabilities) -> tuple[str, StopReason]:
        """Return the respondent's prediction of people's answers: its own probabilities.

        The arguments of a respondent modify its predictions as its answers; refusals, truncated and
        unreadable answers are equally frequent.
        """
        names = ("A", "B", "COIN") if question.offers_coin else ("A", "B")
        total = sum(shown[: len(names)])

        def percentages(lead: str) -> str:
            if total == 0:
                # A respondent that always flips a coin has no percentages if none was offered.
                return str(phrases("en")["unprompted"][0])
            stated_shares = zip(names, shown, strict=False)
            listed = " ".join(f"{name}={stated.percent(p / total, 4)}" for name, p in stated_shares)
            return f"{lead}ANSWER: {listed}"

        fault = fault_of(self.traits, self._chance(question, "fault", question.turn))
        if self._chance(question, "answer") < shown[3]:
            fault = "refused"
        return worded(
            predict.ASKS, fault, self._chance(question, "wording", question.turn), percentages
        )

    def _chance(self, question: Question, purpose: str, turn: int = 0) -> float:
        # In other runs a dilemma has one wording, and the answer does not depend on the wording or
        # the channel.
        anew = (question.wording,) if question.crossed else ()
        sample = (question.order, question.epoch, turn, *anew)
        return question.chance(self.traits.seed, purpose, *sample)
