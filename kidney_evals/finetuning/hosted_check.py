"""What a hosted fine-tuning job would be given, checked before anything is sent.

The limits are those of OpenAI's supervised fine-tuning: ten examples at least, 65,536 tokens an
example, a suffix of up to 64 letters and files of up to 512 MB. Tokens are estimated as
`kidney_evals.planning.tokens` does, which asks no tokenizer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import CARD, PARTS, Example, Part, TrainingData, read_data
from kidney_evals.planning.tokens import CHARACTERS, FRAME, Estimate

LEAST_EXAMPLES: Final = 10
MOST_TOKENS: Final = 65_536
"""Tokens of one example, question and answer."""

MOST_BYTES: Final = 512_000_000
LONGEST_SUFFIX: Final = 64

Epochs = int | Literal["auto"]
"""How often each example is trained on; `auto` leaves it to the service."""


@dataclass(frozen=True)
class Submission:
    """A fine-tuning job as it will be asked for.

    Attributes:
        base: The service's name of the model to start from.
        data: The folder of samples.
        card: SHA-256 of the folder's card.
        train: The samples to train on, the folder's first.
        seed: The job's seed.
        epochs: How often each of them is trained on.
        suffix: What the new model's name will carry, if anything.
    """

    base: str
    data: TrainingData
    card: str
    train: tuple[Example, ...]
    seed: int
    epochs: Epochs
    suffix: str | None

    @property
    def heldout(self) -> tuple[Example, ...]:
        """Samples of other dilemmas, which the service measures its loss on."""
        return self.data.heldout

    @property
    def shuffled(self) -> bool:
        """Whether the answers were shuffled: a control, which teaches nothing."""
        return bool(self.data.card.get("shuffled"))

    @property
    def tokens(self) -> Estimate:
        """Tokens of one pass through the samples to train on."""
        return Estimate.total(tokens_of(example) for example in self.train)

    def files(self) -> dict[Part, bytes]:
        """Return what each file to be sent holds; a part without samples is not sent."""
        parts: dict[Part, tuple[Example, ...]] = {"train": self.train, "heldout": self.heldout}
        return {part: _lines(examples) for part, examples in parts.items() if examples}

    def file_name(self, part: Part) -> str:
        """Return what a file is called at the service."""
        count = len(self.train if part == "train" else self.heldout)
        return f"{_named(self.data.folder).name}-{part}-{count}.jsonl"


def prepare(
    folder: Path,
    *,
    base: str,
    samples: int | None = None,
    seed: int = 1,
    epochs: Epochs = "auto",
    suffix: str | None = None,
    allow_overlap: bool = False,
) -> Submission:
    """Read a folder of samples and check that a service would take it.

    Args:
        folder: What `sft export` wrote.
        base: Model to start from, with or without Inspect's `openai/` before it.
        samples: Train on the first so many; None for all.
        seed: The job's seed.
        epochs: How often each sample is trained on.
        suffix: What the new model's name will carry.
        allow_overlap: Take a folder whose samples overlap the evaluation's dilemmas, or whose
            held-out samples overlap those to train on.

    Raises:
        UserError: Something would be refused, or would make the later comparison worthless.
    """
    base = base.strip().removeprefix("openai/")
    if not base or "/" in base or not base.isprintable():
        raise UserError(f"--base takes the name of an OpenAI model (gpt-4.1-mini), not {base!r}")
    if suffix is not None and not (0 < len(suffix) <= LONGEST_SUFFIX and suffix.isprintable()):
        raise UserError(f"--suffix takes 1 to {LONGEST_SUFFIX} letters, not {len(suffix)}")
    data = read_data(folder)
    if samples is not None and samples > len(data.train):
        raise UserError(
            f"--samples {samples} asks for more than the {len(data.train)} training samples of "
            f"{folder}"
        )
    train = data.train if samples is None else data.train[:samples]
    if len(train) < LEAST_EXAMPLES:
        raise UserError(
            f"the service takes no fewer than {LEAST_EXAMPLES} training samples, and these are "
            f"{len(train)}"
        )
    for part, examples in zip(PARTS, (train, data.heldout), strict=True):
        for number, example in enumerate(examples, start=1):
            _check_example(example, f"{folder / part}.jsonl line {number}")
    if not allow_overlap:
        _check_overlap(data)
    card = hashlib.sha256((folder / CARD).read_bytes()).hexdigest()
    made = Submission(base, data, card, train, seed, epochs, suffix)
    for part, content in made.files().items():
        if len(content) > MOST_BYTES:
            raise UserError(
                f"{folder / part}.jsonl has {len(content):,} bytes; the service takes "
                f"{MOST_BYTES:,}"
            )
    return made


def tokens_of(example: Example) -> Estimate:
    """Estimate the tokens of one example, the frame around its messages included.

    English is counted by `planning.tokens`; of other letters each counts as one token, in the
    high estimate as one for each of its bytes, which no tokenizer exceeds.
    """
    texts = [message["content"] for message in example.messages]
    ascii_count = sum(letter.isascii() for text in texts for letter in text)
    letters = sum(map(len, texts)) - ascii_count
    others = (letters, letters, sum(len(text.encode()) for text in texts) - ascii_count)
    return Estimate(
        *(
            ascii_count / characters + other + len(texts) * frame
            for characters, other, frame in zip(CHARACTERS, others, FRAME, strict=True)
        )
    )


def record_beside(submission: Submission) -> Path:
    """Return where a submission's record is kept unless told otherwise: beside its folder."""
    folder = _named(submission.data.folder)
    base = "".join(
        letter if letter.isalnum() or letter in "._-" else "-" for letter in submission.base
    )
    return folder.parent / f"{folder.name}-{base}-{len(submission.train)}-{submission.seed}.json"


def _check_example(example: Example, place: str) -> None:
    if not any(message["role"] == "user" for message in example.messages):
        raise UserError(f"{place} asks nothing: it has no message of the user")
    if (most := tokens_of(example).high) > MOST_TOKENS:
        raise UserError(
            f"{place} may have {most:,.0f} tokens; the service takes {MOST_TOKENS:,} an example"
        )


def _check_overlap(data: TrainingData) -> None:
    excluded = data.card.get("excluded")
    overlap = excluded.get("overlap") if isinstance(excluded, Mapping) else None
    if overlap != 0:
        count = "does not say whether" if overlap is None else f"says that {overlap}"
        raise UserError(
            f"{data.folder / CARD} {count} samples overlap the evaluation's dilemmas, which would "
            "then measure memory; export again, or pass --allow-overlap"
        )
    asked = {_patients(example.facts) for example in data.train}
    for number, example in enumerate(data.heldout, start=1):
        if _patients(example.facts) in asked:
            raise UserError(
                f"{data.folder}/heldout.jsonl line {number} asks a dilemma that is trained on; "
                "export again, or pass --allow-overlap"
            )


def _patients(facts: Mapping[str, str]) -> frozenset[tuple[tuple[str, str], ...]]:
    """The two patients, whichever was shown first."""
    shown = (
        tuple(sorted((key[2:], value) for key, value in facts.items() if key.startswith(side)))
        for side in ("a_", "b_")
    )
    return frozenset(shown)


def _lines(examples: Iterable[Example]) -> bytes:
    # As `write_data` writes them.
    lines = (
        json.dumps({"messages": [dict(one) for one in example.messages]}, ensure_ascii=False)
        for example in examples
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _named(folder: Path) -> Path:
    return folder if folder.name not in ("", "..") else folder.resolve()
