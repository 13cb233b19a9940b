"""Chat templates that do not suit training, with tokenizers and configurations made on the spot."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetuning.folders import call, example
from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import load_tokenizer
from kidney_evals.finetuning.data import Example
from kidney_evals.finetuning.template import check_template, stop_tokens, takes_system

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        pytest.importorskip("transformers")
        pytest.importorskip("tokenizers")


UNKNOWN, END, TEXT_END, START = "[UNK]", "<|im_end|>", "<|endoftext|>", "<|im_start|>"
WORDS = (UNKNOWN, END, TEXT_END, START)
"""Token numbers 0 to 3."""

CHATML = (
    "{% for one in messages %}<|im_start|>{{ one.role }}\n{{ one.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
DROPPING = CHATML.replace("messages %}", "messages if one.role != 'system' %}")
FOLDING = (
    "{% if messages[0].role == 'system' %}{% set first = messages[0].content %}"
    "{% set messages = messages[1:] %}{{ '<|im_start|>' + first }}{% endif %}"
)
THINKING = CHATML.replace(
    "<|im_start|>assistant\n{% endif", "<|im_start|>assistant\n<think>\n{% endif"
)
CLOSING = THINKING.replace(
    "{{ one.content }}", "{% if one.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{{ one.content }}"
)  # fmt: skip
SWITCHED = CHATML.replace(
    "assistant\n{% endif",
    "assistant\n{% if enable_thinking is defined and not enable_thinking %}<none>{% endif %}"
    "{% endif",
)


def base_of(folder: Path, template: str | None, stops: Any, in_config: Any = None) -> str:
    """Write a base without weights: a tokenizer, and where its generation stops."""
    tokenizers, transformers = map(import_module, ("tokenizers", "transformers"))
    inner = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token=UNKNOWN)
    )
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token=UNKNOWN,
        eos_token=TEXT_END,
        additional_special_tokens=[START, END],
    )
    made.chat_template = template
    made.save_pretrained(folder)
    config = {"model_type": "llama", "eos_token_id": in_config}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if stops != "no file":
        content = json.dumps({"eos_token_id": stops})
        (folder / "generation_config.json").write_text(content, encoding="utf-8")
    return str(folder)


def checked(base: str, examples: Sequence[Example] = ()) -> list[str]:
    return check_template(load_tokenizer(base), base, examples or [example(1)])


@pytest.mark.parametrize(
    ("stops", "in_config", "expected"),
    [(1, None, {1}), (2, 1, {2}), ([2, 1], 3, {1, 2}), (None, 1, set()), ("no file", 1, {1})],
)
def test_tokens_at_which_generation_stops(
    stops: Any, in_config: Any, expected: set[int], tmp_path: Path
) -> None:
    base = base_of(tmp_path, CHATML, stops, in_config)
    assert stop_tokens(base) == expected
    if 1 in expected:
        assert checked(base, [example(1), example(2, system="Choose.")]) == []


@pytest.mark.parametrize(
    ("stops", "words"),
    [
        # A base model with the template of its instruction-tuned sibling.
        (2, "ends an answer with '<|im_end|>', but generation stops at '<|endoftext|>'"),
        (None, "ends an answer with '<|im_end|>', but generation stops at no token"),
    ],
)
def test_an_end_at_which_generation_goes_on_is_refused(
    stops: Any, words: str, tmp_path: Path
) -> None:
    base = base_of(tmp_path, CHATML, stops)
    with pytest.raises(UserError) as error:
        checked(base)
    assert words in str(error.value) and "\n" not in str(error.value)
    numbers = [1, 2] if stops == 2 else [1]
    assert f'"eos_token_id": {numbers} in generation_config.json' in str(error.value)
    # What the line says to do is enough.
    path = tmp_path / "generation_config.json"
    path.write_text(json.dumps({"eos_token_id": numbers}), encoding="utf-8")
    assert checked(base) == []


SYSTEM = example(1, system="You answer a survey.")


@pytest.mark.parametrize(
    ("template", "examples", "words"),
    [
        (REFUSING + CHATML, [example(1), SYSTEM], "takes no system message"),
        (DROPPING, [SYSTEM], "takes no system message"),
        (THINKING, [example(1)], "opens <think> where the model is asked, but not in the conv"),
        (SWITCHED, [example(1)], "renders a question alone otherwise than one with its answer "
         "(from '<none>' on)"),
        (CHATML.replace("<|im_end|>", ""), [example(1)], "puts no end token after an answer"),
        ("{{ messages[0].text.upper() }}", [example(1)], "cannot render the samples ("),
        (CHATML.replace("one.content", "one.content | upper"), [example(1)], "changes its words"),
        (CHATML.replace("in messages", "in messages[:1]"), [example(1)], "leaves out the answer"),
    ],
)  # fmt: skip
def test_a_template_with_which_training_would_not_show_is_refused(
    template: str, examples: list[Example], words: str, tmp_path: Path
) -> None:
    base = base_of(tmp_path, template, 1)
    with pytest.raises(UserError) as error:
        checked(base, examples)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_whether_a_template_takes_a_system_message(tmp_path: Path) -> None:
    for template, takes in (
        (CHATML, True), (FOLDING + CHATML, True), (REFUSING + CHATML, False), (DROPPING, False),
    ):  # fmt: skip
        base = base_of(tmp_path, template, 1)
        assert takes_system(load_tokenizer(base)) is takes
        # Samples without a system message need no system role.
        assert checked(base) == []


def test_reasoning_that_the_template_closes_itself_is_said(tmp_path: Path) -> None:
    base = base_of(tmp_path, CLOSING, 1)
    assert checked(base, [example(1), SYSTEM]) == [
        f"The chat template of {base} opens <think> before the answer. The samples hold no "
        "reasoning, so the model will learn to close it at once."
    ]


def model_of(folder: Path, template: str | None, stops: int) -> str:
    """The same with weights, which nobody has trained."""
    transformers = import_module("transformers")
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, eos_token_id=stops, bos_token_id=None,
    )  # fmt: skip
    base_of(folder, template, "no file")
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def test_a_comparison_reports_unsuitable_templates_before_any_call(tmp_path: Path) -> None:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        pytest.importorskip("accelerate")
    refusing = model_of(tmp_path / "refusing", REFUSING + CHATML, 2)
    plain = model_of(tmp_path / "plain", None, 2)
    (tmp_path / "file").touch()
    # Nothing can be written below a file, which shows once all lines are printed.
    arguments = ("--before", refusing, "--after", plain, "--out", tmp_path / "file" / "out")
    result = call("evaluate", *arguments, "--device", "cpu")
    assert result.exit_code == 2 and "cannot write" in result.stderr, result.output
    lines = " ".join(result.stdout.split())
    assert f"{refusing} takes no system message: wordings with one are not asked." in lines
    assert "ends an answer with '<|im_end|>', but generation stops at '<|endoftext|>', so" in lines
    assert f"{plain} has no chat template: Inspect puts its questions as plain text." in lines
    result = call("evaluate", *arguments, "--device", "cpu", "--with", "stated-values")
    assert "takes no system message: leave --with stated-values out" in result.stderr
