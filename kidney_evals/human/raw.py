"""Reading the published McElfresh et al. (2021) answers, with their traps disarmed.

Only identifiers that group rows, the patients and the answers are read. In `study_1.csv` and
`study_2_indecisive.csv` an answer is coded 0 left, 1 right, 2 coin: the README beside the source
files says otherwise and is wrong (pairs of identical patients are all coded 2, and the group that
had no coin holds no 2). Everybody is kept; the source's own analysis drops people who never flip.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.input_files import MAX_TABLE_BYTES, read_bytes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDER = "mcelfresh_2021"
"""Name of the folder that holds the files inside a data directory."""

COMMIT = "ab63c4aea6def4f71236b04c279efa6f686cc5ef"
SOURCE = f"https://raw.githubusercontent.com/duncanmcelfresh/indecision-modeling/{COMMIT}/data"
SHA256 = {
    "study_1.csv": "278aa1cd376172e8cc8f2dd46d5ebc7fce23d344c89e31225e174c526cace2b1",
    "study_2_indecisive.csv": "2698c58cda3b6d4a73e8dba17540f4f3241e86670051b8dbb71269f1bb511a17",
    "study_2_strict.csv": "9de2fc90a41dd2053a4b16290bef9d3cc0dc8ef28be666a0c3948cfc4c851219",
}
DATA_VARIABLE = "KIDNEY_EVALS_DATA_DIR"
"""Environment variable that names the data directory."""

COIN = 2
_AGES = {0: 18, 1: 32, 2: 55, 4: 90}
_INVALID_QUESTION = 8  # repeats the patients of question 6 with answers that contradict it


@dataclass(frozen=True)
class Answers:
    """Answers of one group, one row each, sorted by person and position in the session.

    Attributes:
        person: 0 to `people` - 1, shape (n,).
        position: Place of the question in the session (Study 2) or its number (Study 1), (n,).
        left: Values of the left patient by attribute id, each of shape (n,).
        right: Values of the right patient.
        choice: 0 left, 1 right, 2 coin, shape (n,).
        people: Number of people.
    """

    person: Ints
    position: Ints
    left: dict[str, Floats]
    right: dict[str, Floats]
    choice: Ints
    people: int


def find_raw(data_dir: Path) -> Path:
    """Return the folder with the three files, which is `data_dir` or a folder inside it.

    Raises:
        UserError: A file is missing or is not the published one.
    """
    folder = data_dir / FOLDER if (data_dir / FOLDER).is_dir() else data_dir
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{path} is missing; run `kidney-evals reference fetch`, or copy the three files "
                f"of {SOURCE} there"
            )
        if sha256(read_bytes(path, MAX_TABLE_BYTES)) != expected:
            raise UserError(
                f"{path} is not the published file (SHA-256 differs); fetch it again from {SOURCE}"
            )
    return folder


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_study_1(folder: Path) -> tuple[Answers, Answers]:
    """Return (forced choice, coin flip) of Study 1 without its invalid question 8."""
    rows = _rows(folder / "study_1.csv")
    rows = [row for row in rows if int(row["decision_rank"]) != _INVALID_QUESTION]
    groups = [[row for row in rows if row["group"] == name] for name in ("nocf", "cf")]
    forced, coin = (_study_1_answers(group) for group in groups)
    if (forced.choice == COIN).any():
        raise UserError("study_1.csv: the group without a coin holds coins; its coding has changed")
    return forced, coin


def read_study_2(folder: Path) -> tuple[Answers, Answers]:
    """Return (forced choice, coin flip) of Study 2, row by row about the same queries.

    The two groups are different people who saw the same queries, person by person; their files
    differ in row order and are joined on person and position.
    """
    forced = _study_2_answers(_rows(folder / "study_2_strict.csv"))
    coin = _study_2_answers(_rows(folder / "study_2_indecisive.csv"))
    same = np.array_equal(forced.person, coin.person) and all(
        np.array_equal(one[name], two[name])
        for one, two in ((forced.left, coin.left), (forced.right, coin.right))
        for name in one
    )
    identical = np.all([coin.left[name] == coin.right[name] for name in coin.left], axis=0)
    if not same or (coin.choice[identical] != COIN).any():
        raise UserError("the files of Study 2 do not belong together; fetch them again")
    return forced, coin


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _study_1_answers(rows: list[dict[str, str]]) -> Answers:
    def patient(row: dict[str, str], side: str) -> dict[str, float]:
        return {
            "age": _AGES[int(row[f"{side}_age"])],
            "drinking": int(row[f"{side}_drinking"]),
            "dependents": int(row[f"{side}_dependents"]),
        }

    return _answers(rows, [(patient(row, "left"), patient(row, "right")) for row in rows])


def _study_2_answers(rows: list[dict[str, str]]) -> Answers:
    names = ("age", "drinks", "dependents")

    def patient(row: dict[str, str], side: str) -> dict[str, float]:
        return {name: float(row[f"{side}_{i}"]) for i, name in enumerate(names, start=1)}

    return _answers(rows, [(patient(row, "left"), patient(row, "right")) for row in rows])


def _answers(
    rows: list[dict[str, str]], patients: list[tuple[dict[str, float], dict[str, float]]]
) -> Answers:
    user = np.array([int(row["user_id"]) for row in rows])
    position = np.array([int(row["decision_rank"]) for row in rows])
    choice = np.array([int(row["decision"]) for row in rows])
    order = np.lexsort((position, user))
    _, person = np.unique(user[order], return_inverse=True)
    left, right = (
        {
            name: np.array([pair[side][name] for pair in patients], dtype=np.float64)[order]
            for name in patients[0][side]
        }
        for side in (0, 1)
    )
    return Answers(
        person=person.astype(np.int64),
        position=position[order].astype(np.int64),
        left=left,
        right=right,
        choice=choice[order].astype(np.int64),
        people=int(person.max()) + 1,
    )
