"""Read the published answers of McElfresh et al. (2021).

An answer is coded as 0 left, 1 right, 2 coin. The README beside the source files says otherwise and
is wrong: pairs of identical patients are all coded 2, and the group without a coin has no 2. All
people are included; the source's analysis drops people who never flip.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.input_files import MAX_TABLE_BYTES, read_bytes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDER = "mcelfresh_2021"
"""Name of the folder with the files, inside a data directory."""

COMMIT = "ab63c4aea6def4f71236b04c279efa6f686cc5ef"
SOURCE = f"https://raw.githubusercontent.com/duncanmcelfresh/indecision-modeling/{COMMIT}/data"
SHA256 = {
    "study_1.csv": "278aa1cd376172e8cc8f2dd46d5ebc7fce23d344c89e31225e174c526cace2b1",
    "study_2_indecisive.csv": "2698c58cda3b6d4a73e8dba17540f4f3241e86670051b8dbb71269f1bb511a17",
    "study_2_strict.csv": "9de2fc90a41dd2053a4b16290bef9d3cc0dc8ef28be666a0c3948cfc4c851219",
}

COIN = 2
_AGES = {0: 18, 1: 32, 2: 55, 4: 90}
_INVALID_QUESTION = 8  # repeats the patients of question 6 with answers that contradict it


@dataclass(frozen=True)
class Answers:
    """Answers of a group, one row each, sorted by person and position in the session.

    Attributes:
        person: Number of the person, 0 to `people` - 1.
        position: Position of the question in the session (Study 2), or the question's number (Study
            1).
        left: Values of the left patient by attribute id.
        right: Values of the right patient by attribute id.
        choice: 0 left, 1 right, 2 coin.
        people: Number of people.
    """

    person: Ints
    position: Ints
    left: dict[str, Floats]
    right: dict[str, Floats]
    choice: Ints
    people: int


def find_raw(data_dir: Path) -> Path:
    """Return the folder with the three published files: `data_dir` or a folder inside it.

    Raises:
        UserError: A file is missing, cannot be read or is not the published file.
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
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_study_1(folder: Path) -> tuple[Answers, Answers]:
    """Return the answers of Study 1, (forced choice, coin flip), without its invalid question 8."""
    rows = pd.read_csv(folder / "study_1.csv")
    rows = rows[rows["decision_rank"] != _INVALID_QUESTION]
    ages = {f"{side}_age": rows[f"{side}_age"].map(_AGES) for side in ("left", "right")}
    forced, coin = (
        _answers(group, {name: name for name in ("age", "drinking", "dependents")})
        for group in map(rows.assign(**ages).groupby("group").get_group, ("nocf", "cf"))
    )
    return forced, coin


def read_study_2(folder: Path) -> tuple[Answers, Answers]:
    """Return the answers of Study 2, (forced choice, coin flip).

    Each person of one group saw the queries of a person of the other. A row has the same query in
    both results.
    """
    forced, coin = (
        _answers(pd.read_csv(folder / name), {"age": "1", "drinks": "2", "dependents": "3"})
        for name in ("study_2_strict.csv", "study_2_indecisive.csv")
    )
    return forced, coin


def _answers(rows: pd.DataFrame, columns: Mapping[str, str]) -> Answers:
    """Return the answers of a group; `columns` are the suffixes of columns by attribute id."""
    rows = rows.sort_values(["user_id", "decision_rank"], kind="stable")
    people, person = np.unique(rows["user_id"], return_inverse=True)
    left, right = (
        {name: rows[f"{side}_{end}"].to_numpy(np.float64) for name, end in columns.items()}
        for side in ("left", "right")
    )
    return Answers(
        person=person.astype(np.int64),
        position=rows["decision_rank"].to_numpy(np.int64),
        left=left,
        right=right,
        choice=rows["decision"].to_numpy(np.int64),
        people=len(people),
    )
