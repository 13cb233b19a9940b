"""The readout on a real transformer behind Inspect's `hf` provider, compared with its samples.

The model has forty words and is made on the spot. The followers of each word have the probabilities
of a table: after the question comes `ANSWER`, then `:`, then an answer, then the end. The
transformer around the table is real (GPT-2 with one block that passes its input on), and so are its
tokenizer and its sampling.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.model import get_model

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.providers import CHANCES, meets

ASKED, ENDED, UNKNOWN = "[ASKED]", "[END]", "[UNK]"
WORDS = (UNKNOWN, ENDED, ASKED, "ANSWER", ":", *CHANCES, *(f"w{n}" for n in range(31)))

NEVER = -30.0
"""Logit of a word that does not follow."""


def make_local_model(folder: Path, *, template: bool = True) -> str:
    """Write the model and its tokenizer into a folder; return the folder's path.

    Without a chat template the model never begins an answer line, as a base model.
    """
    # By name, so that types are checked alike with and without these packages.
    torch, tokenizers, transformers = map(import_module, ("torch", "tokenizers", "transformers"))
    place = {word: index for index, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(place, unk_token=UNKNOWN))
    split = tokenizers.pre_tokenizers
    tokenizer.pre_tokenizer = split.Sequence([split.WhitespaceSplit(), split.Punctuation()])
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=ENDED, pad_token=ENDED
    )
    fast.add_special_tokens({"additional_special_tokens": [ASKED]})
    if template:
        # A new turn, always: the mark stands after the last message whoever wrote it.
        said = "{% for one in messages %}{{ one.content }} {% endfor %}"
        fast.chat_template = said + ASKED
    fast.padding_side = "left"
    fast.save_pretrained(folder)

    followers = torch.full((len(WORDS), len(WORDS)), NEVER)
    followers[:, place[ENDED]] = 0.0
    for before, after in ((ASKED, {"ANSWER": 1.0}), ("ANSWER", {":": 1.0}), (":", CHANCES)):
        followers[place[before]] = NEVER
        for word, chance in after.items():
            followers[place[before], place[word]] = torch.tensor(chance).log()

    width = len(WORDS) + 1  # a column more, so that no word's row is constant
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=2048, n_embd=width, n_layer=1, n_head=1,
        tie_word_embeddings=False, bos_token_id=place[ENDED], eos_token_id=place[ENDED],
        pad_token_id=place[ENDED],
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config)
    state: dict[str, Any] = model.state_dict()
    for name, values in state.items():
        if name.endswith(("c_proj.weight", "c_proj.bias")) or name == "transformer.wpe.weight":
            # The block adds nothing to its input, and all positions are alike.
            values.zero_()
    state["transformer.wte.weight"].copy_(torch.eye(width)[: len(WORDS)])
    with torch.no_grad():
        inner = model.transformer.ln_f(state["transformer.wte.weight"])
        # inner @ head.T = followers
        head = torch.linalg.lstsq(inner.double(), followers.double()).solution.T
        state["lm_head.weight"].copy_(head.float())
    model.load_state_dict(state)
    model.save_pretrained(folder)
    return str(folder)


def options_for(tmp_path: Path, *, template: bool = True) -> dict[str, Any]:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        for package in ("torch", "transformers", "accelerate"):
            pytest.importorskip(package)
    # Named by its folder: under another name Inspect looks for it on the hub.
    folder = make_local_model(tmp_path / "model", template=template)
    model = get_model(f"hf/{folder}", device="cpu")
    return {"model": model, "log_dir": str(tmp_path / "logs"), "log_realtime": False}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("template", [True, False])
def test_what_follows_a_begun_line_with_and_without_a_chat_template(
    template: bool, tmp_path: Path
) -> None:
    options = options_for(tmp_path, template=template) | {"max_connections": 32}
    task = coin_flip(dilemmas=10, controls=False, readout="prefill", examples=3)
    for _ in range(2):  # the second run finds the template of the first
        [log] = eval(task, **options)
        rows = rows_of(log)
        meets(rows, within=2e-4)
        used = [one.output.usage for one in log.samples or []]
        assert {one.output_tokens for one in used if one} == {1} and all(used)
    # Without the begun line, a model without a template writes no answer.
    if not template:
        [drawn] = eval(coin_flip(dilemmas=2, controls=False), max_tokens=4, **options)
        assert rows_of(drawn)["coverage"].value == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_one_call_says_what_many_samples_say(temperature: float | None, tmp_path: Path) -> None:
    options = options_for(tmp_path)
    options |= {"temperature": temperature, "max_connections": 32, "max_tokens": 8}
    [read] = eval(coin_flip(dilemmas=10, controls=False, readout="logprobs"), **options)
    [drawn] = eval(coin_flip(dilemmas=10, controls=False), epochs=20, **options)

    once, many = rows_of(read), rows_of(drawn)
    meets(once, power=1 / (temperature or 1), within=2e-4)
    # 400 samples: the rate's interval holds the value of the readout.
    for name in ("flip_rate", "pos_bias"):
        assert many[name].low - 0.005 < once[name].value < many[name].high + 0.005
    assert "readout" in once.flags
