"""Model outputs of simulated respondents: length, stop reason, usage, log-probabilities.

Token counts and log-probabilities are estimated from the text: no tokeniser, no network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    StopReason,
    TopLogprob,
)
from inspect_ai.tool import ToolCall

_CHARACTERS = 4
"""Characters per token, the usual estimate for English."""

_FLOOR = 1e-9
"""Reported probability of an answer that is never given: a log-probability must be finite."""

_SURE = 0.999
"""Reported probability of every token other than the answer."""

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")


def output_of(
    messages: Sequence[ChatMessage],
    model_name: str,
    reply: tuple[str, StopReason],
    config: GenerateConfig,
    call: ToolCall | None = None,
) -> ModelOutput:
    """Return a respondent's text and stop reason as a model output, truncated to `max_tokens`.

    The text may be the arguments of a tool call, which is included only without truncation.
    """
    full, stop = reply
    limit = config.max_tokens
    text = full if limit is None else full[: limit * _CHARACTERS]
    if len(text) < len(full):
        stop = "max_tokens"
    read = math.ceil(sum(len(message.text) for message in messages) / _CHARACTERS)
    written = math.ceil(len(text) / _CHARACTERS)
    message = ChatMessageAssistant(content=text, model=model_name, source="generate")
    if call is not None:
        message.content = ""
        if stop == "stop":
            stop, message.tool_calls = "tool_calls", [call]
    return ModelOutput(
        model=model_name,
        choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
        usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
    )


def logprobs(text: str, answer_at: int | None, answers: Mapping[str, float], top: int) -> Logprobs:
    """Return log-probabilities for the tokens of a completion.

    Tokens are words and punctuation with the preceding space. `answer_at` is the position of the
    answer word, None without an answer; `answers` holds the probability of each answer word; `top`
    is the number of alternatives to list. The alternatives at the answer are the answer words with
    a preceding space, the most probable first.
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
