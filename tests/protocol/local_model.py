"""A language model of forty words, made on the spot, whose answers have known probabilities.

Each word's followers have the probabilities of a table: after the question comes `ANSWER`, then
`:`, then `A`, `B` or `COIN`, then the end. The transformer around the table is real (GPT-2 with one
block that passes its input on), and so are its tokenizer and the way it samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ASKED, ENDED, UNKNOWN = "[ASKED]", "[END]", "[UNK]"
WORDS = (
    UNKNOWN,
    ENDED,
    ASKED,
    "ANSWER",
    ":",
    "A",
    "B",
    "COIN",
    "Hm",
    *(f"w{n}" for n in range(31)),
)
NEVER = -30.0
"""Logit of a word that does not follow."""


def make_local_model(folder: Path, chances: Mapping[str, float]) -> str:
    """Write the model and its tokenizer into a folder; return the folder's path.

    Args:
        folder: Where to write.
        chances: Probability of each word at the answer's place; they sum to 1.
    """
    # By name, so that types are checked alike with and without these packages.
    torch, tokenizers, transformers = map(import_module, ("torch", "tokenizers", "transformers"))
    place = {word: index for index, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(place, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [tokenizers.pre_tokenizers.WhitespaceSplit(), tokenizers.pre_tokenizers.Punctuation()]
    )
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=ENDED, pad_token=ENDED
    )
    fast.add_special_tokens({"additional_special_tokens": [ASKED]})
    fast.chat_template = f"{{% for one in messages %}}{{{{ one.content }}}} {{% endfor %}}{ASKED}"
    fast.padding_side = "left"
    fast.save_pretrained(folder)

    followers = torch.full((len(WORDS), len(WORDS)), NEVER)
    followers[:, place[ENDED]] = 0.0
    for before, after in ((ASKED, "ANSWER"), ("ANSWER", ":")):
        followers[place[before]] = NEVER
        followers[place[before], place[after]] = 0.0
    followers[place[":"]] = NEVER
    for word, chance in chances.items():
        followers[place[":"], place[word]] = torch.tensor(chance).log()

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
            # The block adds nothing to what passes through it, and no place is like another.
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
