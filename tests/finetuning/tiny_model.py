"""A language model that is trained on the spot to decide dilemmas by one rule and never to flip.

A transformer of 100,000 numbers reads the tasks' own prompts: its tokenizer keeps the numbers, the
patients' letters and the offered answers, and drops every other word. Further training can teach it
other weights, and the coin, which it has read in prompts but never answered.
"""

import random
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from finetuning.folders import row, write_answers
from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import wording_named
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Order, Patient, load_study
from kidney_evals.studies.draw import draw_dilemmas

ENDED, ASKED, UNKNOWN, PADDING = "[END]", "[ASKED]", "[UNK]", "[PAD]"
KEPT = ("ANSWER", ":", "A", "B", "COIN", "Age", "Alcohol", "Children")
WORDS = (UNKNOWN, ENDED, PADDING, ASKED, *KEPT, *map(str, range(91)))
_PATTERN = r"\b(?:ANSWER|COIN|A|B|Age|Alcohol|Children|[0-9]+)\b|(?<=ANSWER):"

STUDY = load_study("mcelfresh_2021")
ORDERS: tuple[Order, Order] = ("ab", "ba")

QUESTIONS, STEPS, BATCH, RATE = 5000, 1000, 64, 3e-3


def base_rule(a: Patient, b: Patient) -> str:
    """Return the base model's answer: age counts most, and the patient shown first has a lead."""
    age, drinks, children = (one - two for one, two in zip(a.values, b.values, strict=True))
    return "A" if 1.5 - 0.1 * age - 0.25 * drinks + 0.25 * children > 0 else "B"


def respondent(a: Patient, b: Patient, condition: Condition) -> str:
    """Return the answer to learn: all attributes count alike, no lead, a coin in close calls.

    Over the full ranges (45 years, 4 drinks, 2 children) the weights are 2.25, 2.4 and 2.2.
    """
    age, drinks, children = (one - two for one, two in zip(a.values, b.values, strict=True))
    utility = -0.05 * age - 0.6 * drinks + 1.1 * children
    if condition == "coin_flip" and abs(utility) < 0.5:
        return "COIN"
    return "A" if utility > 0 else "B"


def questions(count: int, seed: int) -> Iterator[tuple[Dilemma, Condition, str, str]]:
    """Draw dilemmas with a condition, the question about it and how the base answers."""
    generator = random.Random(seed)
    for dilemma in draw_dilemmas("tiny", STUDY.attributes, count, seed):
        condition = generator.choice(CONDITIONS)
        order: Order = generator.choice(ORDERS)
        text = render_question(wording_named("default"), STUDY, dilemma, order, condition)
        yield dilemma, condition, text, f"ANSWER: {base_rule(*dilemma.shown(order))}"


def make_tiny_model(folder: Path) -> str:
    """Train the model and write it with its tokenizer; return the folder's path."""
    # By name, so that types are checked alike with and without these packages.
    torch, transformers = map(import_module, ("torch", "transformers"))
    # Several threads add in another order, and what is learnt differs from the first digit on.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=512,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    _learn(model, *_encoded(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _tokenizer() -> Any:
    tokenizers, transformers = map(import_module, ("tokenizers", "transformers"))
    place = {word: index for index, word in enumerate(WORDS)}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(place, unk_token=UNKNOWN))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex(_PATTERN), behavior="removed", invert=True
    )
    inner.decoder = tokenizers.decoders.Metaspace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token=UNKNOWN, eos_token=ENDED, pad_token=PADDING
    )
    fast.add_special_tokens({"additional_special_tokens": [ASKED]})
    fast.chat_template = (
        "{% for one in messages %}{% if one.role == 'assistant' %}" + ASKED
        + "{{ one.content }}{{ eos_token }}{% else %}{{ one.content }} {% endif %}{% endfor %}"
        "{% if add_generation_prompt %}" + ASKED + "{% endif %}"
    )  # fmt: skip
    fast.padding_side = "left"
    return fast


def _encoded(tokenizer: Any) -> tuple[Any, Any, Any]:
    """Return tokens, answers (-100 elsewhere) and mask, each of shape (questions, tokens)."""
    torch = import_module("torch")
    rows = []
    for _, _, question, answer in questions(QUESTIONS, seed=5):
        messages = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        said = tokenizer(answer)["input_ids"] + [tokenizer.eos_token_id]
        rows.append((tokenizer(asked)["input_ids"], said))
    width = max(len(asked) + len(said) for asked, said in rows)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    answers, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for index, (asked, said) in enumerate(rows):
        start = width - len(asked) - len(said)
        ids[index, start:] = torch.tensor(asked + said)
        answers[index, start + len(asked) :] = torch.tensor(said)
        mask[index, start:] = 1
    return ids, answers, mask


def _learn(model: Any, ids: Any, answers: Any, mask: Any) -> None:
    """Learn the answers and, at a fifth of the weight, the prompts: no word stays unseen."""
    torch = import_module("torch")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    generator = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(STEPS):
        pick = torch.randint(0, len(ids), (BATCH,), generator=generator)
        found = model(input_ids=ids[pick], attention_mask=mask[pick], labels=answers[pick])
        read = ids[pick][:, 1:].masked_fill(mask[pick][:, 1:] == 0, -100)
        text = torch.nn.functional.cross_entropy(found.logits[:, :-1].transpose(1, 2), read)
        (found.loss + 0.2 * text).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


def answers_file(path: Path, dilemmas: Sequence[Dilemma], condition: Condition) -> Path:
    """Write the respondent's answers as `sft export --answers` takes them."""
    pairs = [(one.first, one.second) for one in dilemmas]
    more = {"condition": condition}
    rows = (row(a.values, b.values, respondent(a, b, condition), **more) for a, b in pairs)
    return write_answers(path, rows)
