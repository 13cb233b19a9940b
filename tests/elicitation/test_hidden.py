"""Hidden reasoning under every delimiter: closed, cut off, and with the closing one alone."""

from __future__ import annotations

from typing import Any

import pytest

from kidney_evals.elicitation.reading import read_answer, split_hidden

REASONING = "Patient A is younger. I would give the kidney to Patient A.\nANSWER: A"

TAGS = [
    "think", "thinking", "thought", "thoughts", "THINK", "seed:think", "mm:think", "ant:thinking",
    "antThinking", "reasoning", "reason", "REASONING", "scratchpad", "scratch_pad", "analysis",
    "reflection", "inner_monologue", "inner-monologue", "internal_reasoning", "internal_thoughts",
    "chain_of_thought", "chain-of-thought", "CoT", "thought_process", "hidden_reasoning",
]  # fmt: skip

PAIRS = [(f"<{tag}>", f"</{tag}>") for tag in TAGS] + [
    ("<think >", "</think >"),
    ("< think >", "< / think>"),
    ('<reasoning effort="high">', "</reasoning>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[THINK]", "[/THINK]"),
    ("[REASONING]", "[/REASONING]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>"),
    ("<\uff5cbegin\u2581of\u2581thought\uff5c>", "<\uff5cend\u2581of\u2581thought\uff5c>"),
    ("<|think|>", "<|/think|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|im_start|>think\n", "<|im_start|>answer\n"),
    ("<unused94>thought\n", "<unused95>"),
    ("<|channel>thought\n", "<channel|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    (
        "<|start|>assistant<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>commentary<|message|>ANSWER: A<|end|>"
        "<|start|>assistant<|channel|>final <|constrain|>text<|message|>",
    ),
    ("analysis", "assistantfinal"),
    ("analysis", "assistantcommentaryANSWER: Aassistantfinal"),
]

ANSWERS = {
    "ANSWER: B": ("decision", "B"),
    "\n\n**ANSWER: B**": ("decision", "B"),
    "\n<answer>B</answer>": ("decision", "B"),
    "\n\nI would choose Patient B.": ("decision", "B"),
    "\nI'm sorry, but I can't help with that.": ("refusal", None),
    "ANSWER: COIN": ("decision", "COIN"),
    "": (None, None),
}


@pytest.mark.parametrize(("opens", "closes"), PAIRS)
def test_hidden_reasoning_is_never_read(opens: str, closes: str) -> None:
    for condition in ("coin_flip", "forced_choice"):
        for shape in ("{o}{r}{c}", "{o}\n{r}\n{c}", "{r}{c}"):
            hidden = shape.format(o=opens, r=REASONING, c=closes)
            for said, (outcome, answer) in ANSWERS.items():
                reading = _read(hidden + said, condition)
                if outcome is None:
                    assert reading.outcome in ("empty", "unreadable"), hidden
                elif answer == "COIN" and condition == "forced_choice":
                    assert reading.outcome == "unprompted_indecision"
                else:
                    assert (reading.outcome, reading.answer) == (outcome, answer), hidden + said
        cut = _read(opens + REASONING, condition, stop="max_tokens")
        assert cut.outcome == "truncated"
        assert _read(opens + REASONING, condition).outcome == "unreadable"


def _read(text: str, condition: Any, stop: str = "stop") -> Any:
    return read_answer(text, condition=condition, stop=stop)


@pytest.mark.parametrize(
    "text",
    [
        "Analysis: Patient A is younger.\n\nANSWER: B",
        "analysis: Patient A is younger.\n\nANSWER: B",
        "Analysis of the two patients follows. ANSWER: B",
        "**Analysis**\nPatient A is younger.\n\nANSWER: B",
        "[Analysis]\nPatient A is younger.\n\nANSWER: B",
        "Thinking: Patient A is younger.\nANSWER: B",
        "<answer>B</answer>\n<reasoning>I would choose A</reasoning>",
        "<answer>B</answer>\n<reason>I would choose A",
        "<response>ANSWER: B</response>",
        "<think />ANSWER: B",
        "<think>\n<think>ANSWER: A</think>ANSWER: B",
        "<think>ANSWER: A<reasoning>why</reasoning>ANSWER: A</think>ANSWER: B",
        "<reasoning>ANSWER: A</think>ANSWER: B",
        "As an assistant, final words: ANSWER: B",
    ],
)
def test_what_is_shown_is_read(text: str) -> None:
    assert _read(text, "coin_flip").answer == "B"


def test_the_parts_of_a_text_are_split_without_loss() -> None:
    split = split_hidden("one<think>two</think>three<reasoning>four")
    assert (split.visible, split.hidden, split.open) == ("one\nthree", "two\nfour", True)
    split = split_hidden("one</think>two")
    assert (split.visible, split.hidden, split.open) == ("two", "one", False)
