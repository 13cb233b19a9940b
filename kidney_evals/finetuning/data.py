"""The folder of training samples: what `sft export` writes and every later step reads.

`train.jsonl` and `heldout.jsonl` hold one `{"messages": [...]}` a line and nothing else, the chat
format that TRL and OpenAI take. `train.csv` and `heldout.csv` say what each line was drawn from,
line by line. `card.json` says it of the whole, with the SHA-256 of the other files, and
`README.md` says it to a reader.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from kidney_evals.errors import UserError
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.whole import whole_folder

FORMAT: Final = "kidney_evals training samples, 1"
"""What `card.json` calls its own form."""

CARD: Final = "card.json"
ROLES: Final = ("system", "user", "assistant")
PARTS: Final[tuple[Part, ...]] = ("train", "heldout")

Part = Literal["train", "heldout"]


@dataclass(frozen=True)
class Example:
    """One question and its answer, as a conversation.

    Attributes:
        messages: Each with `role` and `content`; the last is the assistant's, the answer.
        facts: What it was drawn from; the same keys in every example of a folder. Of them
            `sample` (id), `condition`, `dilemma`, `order`, `wording` and `answer` (A, B or COIN
            as shown) are always there, with `a_<attribute>` and `b_<attribute>` as shown.
    """

    messages: tuple[Mapping[str, str], ...]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class TrainingData:
    """A folder of training samples.

    Attributes:
        folder: Where it is.
        card: What it was drawn from.
        train: Samples to train on; the first n of them are the set of size n.
        heldout: Samples of other dilemmas (and other people, where answers are a person's).
    """

    folder: Path
    card: Mapping[str, Any]
    train: tuple[Example, ...]
    heldout: tuple[Example, ...]


def write_data(
    folder: Path,
    card: Mapping[str, Any],
    readme: str,
    train: Sequence[Example],
    heldout: Sequence[Example],
) -> TrainingData:
    """Write a folder of training samples; it appears once it is whole.

    The same arguments give the same bytes.

    Args:
        folder: Where to; it must not exist yet, or be empty.
        card: What the samples were drawn from; `format` and `files` are added.
        readme: The same for a reader, Markdown.
        train: Samples to train on.
        heldout: Samples of other dilemmas.

    Raises:
        UserError: The folder is there and not empty, or cannot be written.
    """
    content = {"README.md": readme}
    for part, examples in zip(PARTS, (train, heldout), strict=True):
        content[f"{part}.jsonl"] = "".join(
            json.dumps({"messages": [dict(one) for one in example.messages]}, ensure_ascii=False)
            + "\n"
            for example in examples
        )
        content[f"{part}.csv"] = _csv(examples)
    files = {name: _sha256(text.encode()) for name, text in sorted(content.items())}
    content[CARD] = json.dumps({"format": FORMAT, **card, "files": files}, indent=2) + "\n"
    with whole_folder(folder) as place:
        for name, text in content.items():
            (place / name).write_text(text, encoding="utf-8", newline="\n")
    return read_data(folder)


def read_data(folder: Path) -> TrainingData:
    """Read a folder of training samples and check that it is what was written.

    Raises:
        UserError: It is no such folder, or a file is missing, changed or not in its form.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} holds no {CARD}; make a folder of samples with `kidney-evals sft export`"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / CARD} cannot be read ({error})") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise UserError(f"{folder / CARD} is not of the form {FORMAT!r}")
    texts = {}
    for name, expected in card["files"].items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise UserError(
                f"{folder / name} cannot be read ({error.strerror or error})"
            ) from error
        if _sha256(content) != expected:
            raise UserError(f"{folder / name} was changed after the export; export it again")
        texts[name] = content.decode()
    train, heldout = (_examples(folder, part, texts) for part in PARTS)
    return TrainingData(folder, card, train, heldout)


def read_messages(line: str, place: str) -> tuple[Mapping[str, str], ...]:
    """Read one line of a chat file.

    Args:
        line: JSON.
        place: What to call the line in an error.

    Raises:
        UserError: It is no conversation that ends with the assistant.
    """
    try:
        entry = json.loads(line)
    except ValueError:
        raise UserError(f"{place} is not JSON") from None
    if not isinstance(entry, dict) or set(entry) != {"messages"}:
        raise UserError(f'{place} must be {{"messages": [...]}} and nothing else')
    messages = entry["messages"]
    if not isinstance(messages, list) or not messages:
        raise UserError(f"{place} holds no messages")
    for one in messages:
        if not isinstance(one, dict) or one.get("role") not in ROLES:
            raise UserError(f"{place}: a role must be one of {', '.join(ROLES)}")
        if not isinstance(one.get("content"), str) or not one["content"].strip():
            raise UserError(f"{place}: a message has no content")
    if messages[-1]["role"] != "assistant" or messages[0]["role"] == "assistant":
        raise UserError(f"{place} must begin with a question and end with the assistant's answer")
    return tuple(messages)


def _examples(folder: Path, part: str, texts: Mapping[str, str]) -> tuple[Example, ...]:
    # Not splitlines: a question may hold a line separator of its own (U+2028).
    lines = texts[f"{part}.jsonl"].split("\n")[:-1]
    rows = list(csv.DictReader(io.StringIO(texts[f"{part}.csv"])))
    if len(lines) != len(rows):
        raise UserError(f"{folder}: {part}.jsonl and {part}.csv differ in length")
    return tuple(
        Example(read_messages(line, f"{folder / part}.jsonl line {number}"), facts)
        for number, (line, facts) in enumerate(zip(lines, rows, strict=True), start=1)
    )


def _csv(examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    names = list(examples[0].facts)
    return csv_text([names, *([one.facts[name] for name in names] for one in examples)])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
