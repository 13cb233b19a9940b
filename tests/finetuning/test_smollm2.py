"""Real weights, tokenizer and chat template: SmolLM2, fetched as a package, asked in both ways."""

import math
import os
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.model import Model, get_model

from cli.calling import kidney_evals
from finetuning.folders import read
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.finetuning.data import sha256_of
from kidney_evals.finetuning.packaged_models import packaged_models
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from tasks.running import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ASKED: dict[str, Any] = {"dilemmas": 10, "orders": "as_listed", "controls": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command makes; needs the extra and a package index."""
    required = os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH")
    if not required:
        for package in ("torch", "transformers", "accelerate", "gguf"):
            pytest.importorskip(package)
    place = tmp_path_factory.mktemp("models") / "smollm2"
    done = kidney_evals("models", "fetch", "smollm2", "--out", place)
    if "cannot be downloaded" in done.stderr and not required:
        pytest.skip("no package index")
    assert done.exit_code == 0, done.output
    return place


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return get_model(f"hf/{folder.name}", model_path=str(folder), device="cpu")


def test_the_folder_says_where_it_comes_from_and_generates_text(folder: Path) -> None:
    origin = read(folder / "origin.json")
    card = (folder / "README.md").read_text(encoding="utf-8")
    packaged = packaged_models()["smollm2"]
    assert "not the weights of the original release" in card and packaged.terms in card
    assert origin["sha256"] == packaged.sha256 and origin["chat_template"] is True
    (weights, digest), *more = origin["weights"].items()
    assert not more and digest in card
    assert sha256_of(folder / weights) == digest
    config = read(folder / "config.json")
    assert "quantization_config" not in config and config["dtype"] == "float32"
    transformers: Any = import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    tokens = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    made = model.generate(**tokens, do_sample=False, max_new_tokens=12)
    said = tokenizer.decode(made[0][tokens["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said == "The capital of France is Paris."


def test_the_begun_line_is_continued(model: Model, tmp_path: Path) -> None:
    log = run(coin_flip(**ASKED, readout="prefill"), tmp_path, model)
    rows = rows_of(log)
    assert rows["coverage"].value == 1
    # Seen: A .90, B .10, COIN .0007 in every dilemma, .50 outside.
    assert 0.45 < rows["outside"].value < 0.55
    assert 0.0001 < rows["flip_rate"].value < 0.005
    assert 0.37 < rows["pos_bias"].value < 0.43
    for sample in log.samples or []:
        assert sample.output.usage and sample.output.usage.output_tokens == 1


def test_labels_that_its_tokenizer_splits_are_refused(model: Model, tmp_path: Path) -> None:
    task = coin_flip(**ASKED, readout="prefill", wording="labels_numbers")
    [log] = eval(task, model=model, log_dir=str(tmp_path), log_realtime=False)
    assert log.status == "error" and log.error
    assert "the first token of '1' after 'ANSWER:' is no answer" in log.error.message


def test_sampled_answers_are_read_or_counted(model: Model, tmp_path: Path) -> None:
    log = run(coin_flip(**ASKED), tmp_path, model, max_tokens=16)
    found = [
        (sample.scores or {})["human_alignment"].metadata or {} for sample in log.samples or []
    ]
    outcomes = Counter(one["outcome"] for one in found)
    assert sum(outcomes.values()) == 10 and set(outcomes) <= {"decision", "unreadable", "truncated"}
    for sample, facts in zip(log.samples or [], found, strict=True):
        # It goes on about the patients; what names one of them in the form asked for is read.
        assert sample.output.completion.strip()
        assert (facts["choice"] is not None) == (facts["outcome"] == "decision")


def test_the_readout_is_what_samples_with_the_same_beginning_say(
    folder: Path, model: Model, tmp_path: Path
) -> None:
    log = run(coin_flip(**ASKED, readout="prefill"), tmp_path, model, limit=1)
    [sample] = log.samples or []
    score = (sample.scores or {})["human_alignment"]
    facts = score.metadata or {}
    read = [facts[f"chance_{choice}"] for choice in ("first", "second", "coin")]
    texts = sampled(folder, sample.messages[0].text, 400)
    answers = Counter(str(read_answer(text, condition="coin_flip").answer) for text in texts)
    answered = sum(answers[name] for name in ("A", "B", "COIN"))
    # Half of the probability is outside: about 200 of 400 samples are answers.
    assert answered / 400 == pytest.approx(1 - facts["outside"], abs=0.1)
    for name, chance in zip(("A", "B", "COIN"), read, strict=True):
        error = math.sqrt(max(chance * (1 - chance), 1 / answered) / answered)
        assert abs(answers[name] / answered - chance) < 3 * error, name


def sampled(folder: Path, question: str, count: int) -> list[str]:
    """Return answer lines that the model continued, each drawn at temperature 1."""
    torch, transformers = map(import_module, ("torch", "transformers"))
    torch.manual_seed(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(f"{text}ANSWER:", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        # The question is read once for all samples.
        output = model(ids, use_cache=True, logits_to_keep=1)
        output.past_key_values.batch_repeat_interleave(count)
        logits = output.logits[:, -1].expand(count, -1)
        drawn = []
        for step in range(6):
            drawn.append(torch.multinomial(logits.softmax(-1), 1))
            length = ids.shape[1] + step
            output = model(
                drawn[-1],
                past_key_values=output.past_key_values,
                attention_mask=torch.ones(count, length + 1, dtype=torch.long),
                position_ids=torch.full((count, 1), length),
            )
            logits = output.logits[:, -1]
    rows = torch.cat(drawn, dim=1).tolist()
    end = tokenizer.eos_token_id
    texts: list[str] = tokenizer.batch_decode([row[: [*row, end].index(end)] for row in rows])
    return [f"ANSWER:{one}" for one in texts]
