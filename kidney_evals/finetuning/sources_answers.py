"""Answers that a user gave, in a table of their own."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import Asked, Choice, Dilemmas, Source, Wanted
from kidney_evals.finetuning.sources_given import check_overlap, given
from kidney_evals.studies import CONDITIONS, Condition, Study

ANSWERS: Mapping[str, Choice] = {"A": "first", "B": "second", "COIN": "coin"}
"""An answer as shown, and the choice where Patient A is listed first."""

_OPTIONAL = ("person", "condition")


def from_answers(
    path: Path,
    study: Study,
    condition: str | None,
    evaluation: Evaluated,
    wanted: Wanted,
) -> Source:
    """Take the answers of a table with the columns a_<attribute>, b_<attribute> and answer.

    Args:
        path: The table, CSV; it may have the columns person and condition too.
        study: The study whose attributes the patients have.
        condition: The condition of all answers, or which of them to use where the table has a
            column; "both", or None for what the table holds.
        evaluation: Dilemmas whose answers are refused.
        wanted: How many, and how they are chosen.

    Raises:
        UserError: The table lacks a column, an answer is none, a value lies outside of the
            study's domain, there are too few answers, or some are about the evaluation.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{path} cannot be read ({why})") from error
    reader = csv.DictReader(io.StringIO(text), restval="", restkey="")
    columns = tuple(reader.fieldnames or ())
    _check_columns(path, columns, study)
    if "condition" not in columns and condition not in CONDITIONS:
        raise UserError(
            f"{path.name} has no column condition: say what was offered with --condition "
            f"{' or '.join(CONDITIONS)}"
        )
    asked, left_out = _read(path, reader, study, condition, columns)
    check_overlap(asked, evaluation, wanted.allow_overlap)
    found = {name for _, one in asked for name in one.choices}
    conditions: tuple[Condition, ...] = tuple(
        one
        for one in CONDITIONS
        if condition in (one, "both") or (condition is None and one in found)
    )
    about: dict[str, Any] = {
        "kind": "answers",
        "target": None,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "answers": len(asked),
    }
    return given(
        [one for _, one in asked],
        study,
        conditions,
        wanted=wanted,
        about=about,
        left_out=left_out,
    )


def _check_columns(path: Path, columns: Sequence[str], study: Study) -> None:
    needed = [f"{side}_{name}" for side in "ab" for name in study.attribute_ids] + ["answer"]
    if missing := [name for name in needed if name not in columns]:
        what = "columns" if len(missing) > 1 else "column"
        raise UserError(f"{path.name} lacks the {what} {', '.join(missing)}")
    if other := [name for name in columns if name not in (*needed, *_OPTIONAL)]:
        raise unknown(f"column of {path.name}", other[0], (*needed, *_OPTIONAL))
    if len(set(columns)) < len(columns):
        raise UserError(f"{path.name} has a column twice")


def _read(
    path: Path,
    reader: csv.DictReader[str],
    study: Study,
    condition: str | None,
    columns: Sequence[str],
) -> tuple[list[tuple[str, Asked]], dict[str, int]]:
    allowed = {one.id: frozenset(one.values) for one in study.attributes}
    dilemmas = Dilemmas()
    asked: list[tuple[str, Asked]] = []
    left_out = {"identical": 0, "other_condition": 0}
    for row in reader:
        line = f"line {reader.line_num}"
        where = f"{path.name} {line}"
        offered = _condition(where, row, condition)
        choice = _choice(where, row, offered)
        first, second = (_patient(where, row, side, allowed) for side in "ab")
        person = row.get("person", "").strip()
        if "person" in columns and not person:
            raise UserError(f"{where}: person is empty")
        if condition in CONDITIONS and offered != condition:
            left_out["other_condition"] += 1
        elif first == second:
            left_out["identical"] += 1
        else:
            dilemma, listed = dilemmas.listed(first, second, choice)
            asked.append((line, Asked(dilemma, {offered: listed}, person)))
    if not asked:
        raise UserError(f"{path.name} holds no answer that can be used")
    return asked, left_out


def _condition(where: str, row: Mapping[str, str], condition: str | None) -> Condition:
    offered = row["condition"].strip() if "condition" in row else condition
    if offered not in CONDITIONS:
        raise UserError(f"{where}: {unknown('condition', offered, CONDITIONS)}")
    return offered


def _choice(where: str, row: Mapping[str, str], condition: Condition) -> Choice:
    answer = row["answer"].strip()
    if answer not in ANSWERS:
        raise UserError(f"{where}: {unknown('answer', answer, ANSWERS)}")
    if answer == "COIN" and condition == "forced_choice":
        raise UserError(f"{where}: a COIN where none was offered (forced_choice)")
    return ANSWERS[answer]


def _patient(
    where: str, row: Mapping[str, str], side: str, allowed: Mapping[str, frozenset[float]]
) -> tuple[float, ...]:
    values = []
    for name, domain in allowed.items():
        text = row[f"{side}_{name}"].strip()
        try:
            value = float(text)
        except ValueError:
            raise UserError(f"{where}: {side}_{name} must be a number, not {text!r}") from None
        if value not in domain:
            low, high = min(domain), max(domain)
            raise UserError(
                f"{where}: {side}_{name} {text} is outside of the study's values "
                f"({len(domain)} from {low:g} to {high:g})"
            )
        values.append(value)
    return tuple(values)
