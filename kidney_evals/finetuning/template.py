"""Checks that a model's chat template suits the samples, before any training.

Training uses the text that the chat template makes of a whole conversation. Evaluation uses the
text that the template makes of the question alone. The checks compare these two texts, and compare
the token that ends a trained answer with the tokens at which generation stops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import load_part
from kidney_evals.finetuning.data import Example
from kidney_evals.finetuning.environment import first_line

_Messages = Sequence[Mapping[str, str]]

_OPENS_REASONING: Final = re.compile(
    r"[<\[](?!/)[^<>\[\]/\s]*(?:think|thought|reason|scratchpad|analysis)[^<>\[\]/]*[>\]]\s*\Z",
    re.IGNORECASE,
)
"""Matches a text that ends with the opening tag of a model's reasoning."""


def check_template(tokenizer: Any, base: str, examples: Sequence[Example]) -> list[str]:
    """Raise an error for a chat template with which training would not affect the model's answers.

    One sample of each sequence of roles is rendered. Returns lines that a user should read.
    """
    stops = stop_tokens(base)
    kinds = {tuple(one["role"] for one in example.messages): example for example in examples}
    lines: dict[str, None] = {}
    for example in kinds.values():
        question, whole = _texts(tokenizer, base, example.messages)
        lines |= dict.fromkeys(_check_question(question, whole, base))
        ends, difference = _ends(tokenizer, whole, example.messages[-1]["content"], stops)
        if not ends:
            raise UserError(
                f"the chat template of {base} puts no end token after an answer, so the model "
                "would not learn to stop"
            )
        if difference:
            raise UserError(
                f"the chat template of {base} ends an answer with {difference}, so the trained "
                "model would write on after its answer: take the instruction-tuned model, or set "
                f'"eos_token_id": {sorted({ends[0], *stops})} in generation_config.json of a local '
                "copy"
            )
    return list(lines)


def takes_system(tokenizer: Any) -> bool:
    """Return whether a chat template includes the text of a system message."""
    messages = [{"role": "system", "content": "kept"}, {"role": "user", "content": "?"}]
    try:
        return "kept" in _question(tokenizer, messages)
    except Exception:
        return False


def overrun(tokenizer: Any, base: str) -> str:
    """Return how the end of an answer differs from the tokens at which generation stops, or ""."""
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "kept"}]
    try:
        whole = _rendered(tokenizer, messages)
    except Exception:
        return ""
    return _ends(tokenizer, whole, "kept", stop_tokens(base))[1]


def stop_tokens(base: str) -> frozenset[int]:
    """Return the tokens at which transformers, and so Inspect's `hf` provider, stops generating."""
    transformers = import_module("transformers")
    try:
        config = transformers.GenerationConfig.from_pretrained(base)
    except OSError:
        # Without a file, the generation configuration is derived from the model's configuration.
        model = load_part("AutoConfig", base, "configuration")
        config = transformers.GenerationConfig.from_model_config(model)
    tokens = config.eos_token_id
    return frozenset([tokens] if isinstance(tokens, int) else tokens or ())


def _rendered(tokenizer: Any, messages: _Messages, **arguments: Any) -> str:
    plain = [dict(one) for one in messages]
    return str(tokenizer.apply_chat_template(plain, tokenize=False, **arguments))


def _question(tokenizer: Any, messages: _Messages) -> str:
    """Render a question as Inspect's `hf` provider does."""
    return _rendered(
        tokenizer, messages, add_generation_prompt=True, tools=None, enable_thinking=None
    )


def _texts(tokenizer: Any, base: str, messages: _Messages) -> tuple[str, str]:
    """Return the text of the question alone, and the text of the whole conversation."""
    if messages[0]["role"] == "system" and not takes_system(tokenizer):
        raise UserError(
            f"the chat template of {base} takes no system message, and the samples have one: take "
            "another base, or export with a --wording without one"
        )
    try:
        question, whole = _question(tokenizer, messages[:-1]), _rendered(tokenizer, messages)
    except Exception as error:
        # Rendering may raise Jinja's errors and any error that a template's author chose.
        raise UserError(
            f"the chat template of {base} cannot render the samples ({first_line(error)}): take "
            "another base"
        ) from error
    texts = (("question", question, messages[-2]), ("answer", whole, messages[-1]))
    for part, text, message in texts:
        if message["content"].strip() not in text:
            raise UserError(
                f"the chat template of {base} leaves out the {part}, or changes its words: take "
                "another base"
            )
    return question, whole


def _check_question(question: str, whole: str, base: str) -> list[str]:
    """Check that a conversation begins with its question as it is asked; return lines to read."""
    opened = _OPENS_REASONING.search(question)
    tag = opened.group().strip() if opened else ""
    if whole.startswith(question):
        line = (
            f"The chat template of {base} opens {tag} before the answer. The samples hold no "
            "reasoning, so the model will learn to close it at once."
        )
        return [line] if tag else []
    if tag:
        raise UserError(
            f"the chat template of {base} opens {tag} where the model is asked, but not in the "
            "conversations that it is trained on: take a base without reasoning"
        )
    same = next(n for n in range(len(question), -1, -1) if whole.startswith(question[:n]))
    raise UserError(
        f"the chat template of {base} renders a question alone otherwise than one with its answer "
        f"(from {question[same:].strip()[:40]!r} on): take another base, or edit the template in a "
        "local copy"
    )


def _ends(tokenizer: Any, whole: str, answer: str, stops: frozenset[int]) -> tuple[list[int], str]:
    """Return the tokens that end an answer, and how they differ from the stop tokens, or ""."""
    rest = whole.rpartition(answer.strip())[2]
    tokens = tokenizer(rest, add_special_tokens=False)["input_ids"]
    ends = [one for one in tokens if one in stops or one in tokenizer.all_special_ids]
    if not ends or not stops.isdisjoint(ends):
        return ends, ""
    end, stop = (
        ", ".join(map(repr, tokenizer.convert_ids_to_tokens(tokens))) or "no token"
        for tokens in (ends[:1], sorted(stops))
    )
    return ends, f"{end}, but generation stops at {stop}"
