"""Hidden reasoning under every delimiter: closed, cut off, and with the closing one alone."""

import pytest

from kidney_evals.elicitation.reading import Reading, read_answer, split_hidden
from kidney_evals.studies import Condition

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

# An answer after the reasoning, and its reading in coin_flip.
ANSWERS = {
    "ANSWER: B": ("decision", "B"),
    "\n\nI would choose Patient B.": ("decision", "B"),
    "\nI'm sorry, but I can't help with that.": ("refusal", None),
    "ANSWER: COIN": ("decision", "COIN"),
}


def read(text: str, stop: str = "stop", condition: Condition = "coin_flip") -> Reading:
    return read_answer(text, condition=condition, stop=stop)


@pytest.mark.parametrize(("opens", "closes"), PAIRS)
def test_hidden_reasoning_is_never_read(opens: str, closes: str) -> None:
    for shape in ("{o}{r}{c}", "{o}\n{r}\n{c}", "{r}{c}"):
        hidden = shape.format(o=opens, r=REASONING, c=closes)
        for said, expected in ANSWERS.items():
            reading = read(hidden + said)
            assert (reading.outcome, reading.answer) == expected, hidden + said
        assert read(hidden).outcome in ("empty", "unreadable"), hidden
    assert read(opens + REASONING, stop="max_tokens").outcome == "truncated"
    assert read(opens + REASONING).outcome == "unreadable"
    offered_none = read(hidden + "ANSWER: COIN", condition="forced_choice")
    assert offered_none.outcome == "unprompted_indecision"


@pytest.mark.parametrize(
    "text",
    [
        "Thinking: Patient A is younger.\nANSWER: B",
        "<answer>B</answer>\n<reason>I would choose A",
        "<think />ANSWER: B",
        "<think>\n<think>ANSWER: A</think>ANSWER: B",
        "<think>ANSWER: A<reasoning>why</reasoning>ANSWER: A</think>ANSWER: B",
        "<reasoning>ANSWER: A</think>ANSWER: B",
    ],
)
def test_visible_text_is_read(text: str) -> None:
    assert read(text).answer == "B"


def test_the_parts_of_a_text_are_split_without_loss() -> None:
    assert split_hidden("one<think>two</think>three<reasoning>four") == (
        "one\nthree",
        "two\nfour",
        True,
    )
    assert split_hidden("one</think>two") == ("two", "one", False)
