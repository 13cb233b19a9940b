"""The model provider `kidney`: simulated respondents behind Inspect's model interface."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
)
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from kidney_evals.elicitation.channels import TOOL
from kidney_evals.elicitation.prefill import is_given
from kidney_evals.elicitation.prompt import PREDICT
from kidney_evals.elicitation.solvers import QUESTION
from kidney_evals.elicitation.stated_questions import ASKS
from kidney_evals.respondents.arguments import Probabilities, read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.question import Question, read_question
from kidney_evals.respondents.replies import Reply, Said, fault_of, phrases, reply, weighted, worded
from kidney_evals.respondents.stated import percent, state_values

_CHARACTERS = 4
"""Characters per token, the usual estimate for English: there is no tokeniser and no network."""

_FLOOR = 1e-9
"""Reported probability of an answer that is never given: a log-probability must be finite."""

_SURE = 0.999
"""Reported probability of every token other than the answer."""

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")


class KidneyAPI(ModelAPI):
    """A simulated respondent, with a reproducible answer to each question."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature
        **model_args: Any,
    ) -> None:
        """Check the respondent's name and arguments."""
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
        """Answer the current question, which the solver passes in a context variable.

        Raises:
            UserError: The prompt is no question of this package, or the respondent cannot answer
                it.
        """
        before = [one for one in input if isinstance(one, ChatMessageAssistant)]
        if carried := QUESTION.get({}):
            carried = {**carried, "turn": sum(not is_given(one) for one in before)}
        asks = carried.get("asks")
        if asks == ASKS:
            return self._output(input, state_values(carried, self.model_name, self.traits), config)
        question = read_question(carried, f"kidney/{self.model_name}")
        shown = answer_probabilities(self.respondent, question, self.traits)
        if asks == PREDICT:
            return self._output(input, self._predict(question, shown), config)
        said = self._choose(question, shown, alone=bool(config.logprobs))
        if is_given(input[-1]) and said.answer_at is not None:
            # The rest of a begun answer line is one token, however long the word.
            said = said._replace(text=f" {said.text[said.answer_at :]}", answer_at=1)
            config = config.model_copy(update={"max_tokens": None})
        output = self._output(input, said, config, question.turn)
        if config.logprobs:
            # The probability of each answer word, conditional on an answer.
            words = question.form.words(question.condition).values()
            total = sum(shown[: len(words)]) or 1.0
            answers = {word: share / total for word, share in zip(words, shown, strict=False)}
            top = config.top_logprobs or 0
            output.choices[0].logprobs = _logprobs(output.completion, said.answer_at, answers, top)
        return output

    def max_connections(self) -> int:
        """Return the maximum number of concurrent calls."""
        return 100

    def _choose(self, question: Question, shown: Probabilities, *, alone: bool) -> Reply:
        """Return the answer to a dilemma.

        `alone` omits introductory words, which would determine the answer before its own token.
        """
        seed, turn = self.traits.seed, question.turn
        options: tuple[Said, ...] = ("A", "B", "undecided", "refused")
        content: Said = weighted(options, shown, question.chance(seed, "answer"))
        content = fault_of(self.traits, question.chance(seed, "fault", turn)) or content
        return reply(question, content, question.chance(seed, "wording", turn), alone=alone)

    def _predict(self, question: Question, shown: Probabilities) -> Reply:
        """Return the prediction of people's answers: its own probabilities, with its faults."""
        names = ("A", "B", "COIN") if question.offers_coin else ("A", "B")
        total = sum(shown[: len(names)])

        def percentages(lead: str) -> str:
            if total == 0:
                # A respondent that always flips a coin has no percentages if none was offered.
                return str(phrases("en", question.study.words)["unprompted"][0])
            shares = zip(names, shown, strict=False)
            listed = " ".join(f"{name}={percent(share / total, 4)}" for name, share in shares)
            return f"{lead}ANSWER: {listed}"

        seed, turn = self.traits.seed, question.turn
        fault = fault_of(self.traits, question.chance(seed, "fault", turn))
        if question.chance(seed, "answer") < shown[3]:
            fault = "refused"
        chance = question.chance(seed, "wording", turn)
        return worded(PREDICT, question.study, fault, chance, percentages)

    def _output(
        self, messages: Sequence[ChatMessage], said: Reply, config: GenerateConfig, turn: int = 0
    ) -> ModelOutput:
        """Return a reply as a model output, truncated to `max_tokens`."""
        limit = config.max_tokens
        text = said.text if limit is None else said.text[: limit * _CHARACTERS]
        stop = said.stop if text == said.text else "max_tokens"
        message = ChatMessageAssistant(content=text, model=self.model_name, source="generate")
        if said.arguments is not None:
            message.content = ""
            if stop == "stop":
                call = ToolCall(f"call_{turn}", TOOL, dict(said.arguments))
                stop, message.tool_calls = "tool_calls", [call]
        read = math.ceil(sum(len(message.text) for message in messages) / _CHARACTERS)
        written = math.ceil(len(text) / _CHARACTERS)
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
            usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
        )


def _logprobs(text: str, answer_at: int | None, answers: Mapping[str, float], top: int) -> Logprobs:
    """Return log-probabilities for the tokens of a completion, with `top` alternatives listed.

    At `answer_at`, the position of the answer word, these are the `answers`.
    """
    content = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        word = token.lstrip()
        space = token[: len(token) - len(word)]
        options = {token: _SURE}
        # A token limit may have truncated the answer word, which then is no answer.
        if match.end() - len(word) == answer_at and word in answers:
            options = {space + answer: share for answer, share in answers.items()}
        ranked = sorted(options, key=lambda option: -options[option])
        entries = [_entry(option, options[option]) for option in ranked[:top]]
        chosen = _entry(token, options[token])
        content.append(Logprob(**chosen.model_dump(), top_logprobs=entries if top else None))
    return Logprobs(content=content)


def _entry(token: str, probability: float) -> TopLogprob:
    logprob = math.log(max(probability, _FLOOR))
    return TopLogprob(token=token, logprob=logprob, bytes=list(token.encode()))
