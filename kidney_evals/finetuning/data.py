"""The folder of training samples, which `sft export` writes and every later step reads.

`train.jsonl` and `heldout.jsonl` hold one `{"messages": [...]}` per line and nothing else, in the
chat format of TRL and OpenAI. `train.csv` and `heldout.csv` hold the facts of each line, in the
same order. `card.json` describes the folder and holds the SHA-256 of the other files. `README.md`
is a readable version of the card.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final, Literal

from kidney_evals.errors import UserError
from kidney_evals.input_files import read_bytes
from kidney_evals.output_files import new_folder
from kidney_evals.reporting.table_formats import csv_text

FORMAT: Final = "kidney_evals training samples, 1"
CARD: Final = "card.json"

Part = Literal["train", "heldout"]
PARTS: Final[tuple[Part, ...]] = ("train", "heldout")


@dataclass(frozen=True)
class Example:
    """A training sample: a question and its answer.

    Attributes:
        messages: Messages with `role` and `content`; the last is the assistant's answer.
        facts: Facts about the sample, with the same keys in every sample of a folder: `sample`
            (id), `condition`, `dilemma`, `order`, `wording` and `answer` (A, B or COIN as shown),
            the values `a_<attribute>` and `b_<attribute>` of the patients shown as A and B, and
            `person` if the people are known.
    """

    messages: tuple[Mapping[str, str], ...]
    facts: Mapping[str, str]

    @property
    def line(self) -> str:
        """The conversation as a line of a JSONL chat file."""
        return json.dumps({"messages": self.messages}, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class TrainingData:
    """The content of a folder of training samples.

    The first n samples of `train` are the training set of size n. `heldout` holds samples about
    other dilemmas and, if the source has answers of several known people, of other people.
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
    """Write a folder of training samples; return its content.

    The written card also has the entries `format` and `files`, the SHA-256 of every other file.

    Args:
        folder: An empty folder, or a new one.
        card: Content of `card.json`.
        readme: Content of `README.md`.
        train: The training samples.
        heldout: The held-out samples.

    Raises:
        UserError: The folder is not empty or cannot be written.
    """
    content = {"README.md": readme}
    for part, examples in zip(PARTS, (train, heldout), strict=True):
        content[f"{part}.jsonl"] = "".join(example.line for example in examples)
        rows = [example.facts.values() for example in examples]
        content[f"{part}.csv"] = csv_text([examples[0].facts, *rows]) if examples else ""
    files = {name: sha256(text.encode()).hexdigest() for name, text in sorted(content.items())}
    content[CARD] = json.dumps({"format": FORMAT, **card, "files": files}, indent=2) + "\n"
    with new_folder(folder) as place:
        for name, text in content.items():
            (place / name).write_text(text, encoding="utf-8", newline="\n")
    return read_data(folder)


def read_data(folder: Path) -> TrainingData:
    """Read a folder of training samples.

    Raises:
        UserError: A file is missing, cannot be read, or was changed after the export.
    """
    if not (folder / CARD).exists():
        raise UserError(
            f"{folder} holds no {CARD}; make a folder of samples with `kidney-evals sft export`"
        )
    card = read_card(folder / CARD)
    files = card.get("files")
    names = {f"{part}.{ending}" for part in PARTS for ending in ("jsonl", "csv")}
    if not isinstance(files, dict) or not names <= files.keys():
        raise UserError(f"{folder / CARD} lacks the SHA-256 of {', '.join(sorted(names))}")
    contents = {name: read_bytes(folder / name, limit=1_000_000_000) for name in files}
    for name, content in contents.items():
        if sha256(content).hexdigest() != files[name]:
            raise UserError(f"{folder / name} was changed after the export; export it again")
    texts = {name: content.decode() for name, content in contents.items()}
    train, heldout = (_examples(texts[f"{part}.jsonl"], texts[f"{part}.csv"]) for part in PARTS)
    return TrainingData(folder, card, train, heldout)


def read_card(path: Path) -> Mapping[str, Any]:
    """Read the card of a folder of training samples from the file `path`.

    Raises:
        UserError: The file cannot be read or is no such card.
    """
    content = read_bytes(path)
    try:
        card = json.loads(content)
    except ValueError as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise UserError(f"{path} is not of the form {FORMAT!r}")
    return card


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _examples(conversations: str, facts: str) -> tuple[Example, ...]:
    # Not splitlines, which also splits at U+2028: a question may contain this character.
    lines = conversations.split("\n")[:-1]
    rows = csv.DictReader(io.StringIO(facts))
    return tuple(
        Example(tuple(json.loads(line)["messages"]), row)
        for line, row in zip(lines, rows, strict=True)
    )
