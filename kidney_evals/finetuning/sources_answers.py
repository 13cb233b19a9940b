"""Answers that a user gave, in a table of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, create_model

from kidney_evals.errors import UserError
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import Asked, Choice, Dilemmas, Source, Wanted
from kidney_evals.finetuning.sources_given import check_overlap, given
from kidney_evals.input_files import (
    MAX_TABLE_BYTES,
    FileModel,
    Line,
    Number,
    TableFile,
    read_bytes,
)
from kidney_evals.studies import CONDITIONS, Condition, Study

ANSWERS: Mapping[str, Choice] = {"A": "first", "B": "second", "COIN": "coin"}
"""An answer as shown, and the choice where Patient A is listed first."""

_STRIPPED = BeforeValidator(lambda cell: cell.strip() if isinstance(cell, str) else cell)


class _Row(FileModel):
    """A row of the table; the columns of its patients depend on the study."""

    answer: Annotated[Literal["A", "B", "COIN"], _STRIPPED]
    person: Annotated[Line, _STRIPPED] = ""
    condition: Annotated[Condition | None, _STRIPPED] = None


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
    content = read_bytes(path, MAX_TABLE_BYTES)
    asked, left_out = _read(TableFile(str(path), content), study, condition)
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


def _read(
    table: TableFile, study: Study, condition: str | None
) -> tuple[list[tuple[str, Asked]], dict[str, int]]:
    """Return the answers with their line numbers, and the number of omitted rows by reason."""
    columns: dict[str, Any] = {
        f"{side}_{name}": (Number, ...) for side in "ab" for name in study.attribute_ids
    }
    rows = table.rows(create_model("_Row", __base__=_Row, **columns))
    if "condition" not in table.columns and condition not in CONDITIONS:
        raise UserError(
            f"{table.where} has no column condition: say what was offered with --condition "
            f"{' or '.join(CONDITIONS)}"
        )
    allowed = [frozenset(attribute.values) for attribute in study.attributes]
    dilemmas = Dilemmas()
    asked: list[tuple[str, Asked]] = []
    left_out = {"identical": 0, "other_condition": 0}
    for line, _, row in rows:
        patients = {
            side: tuple(getattr(row, f"{side}_{name}") for name in study.attribute_ids)
            for side in "ab"
        }
        for side, values in patients.items():
            for attribute, domain, value in zip(study.attributes, allowed, values, strict=True):
                if value not in domain:
                    column = f"{side}_{attribute.id}"
                    table.add((line, column), f"must be {attribute.domain}, not {value:g}")
        offered = row.condition if "condition" in table.columns else condition
        if offered not in CONDITIONS:
            table.add((line, "condition"), f"must be {' or '.join(CONDITIONS)}")
            continue
        if row.answer == "COIN" and offered == "forced_choice":
            table.add((line, "answer"), "is COIN where none was offered (forced_choice)")
        if "person" in table.columns and not row.person:
            table.add((line, "person"), "is empty")
        if condition in CONDITIONS and offered != condition:
            left_out["other_condition"] += 1
        elif patients["a"] == patients["b"]:
            left_out["identical"] += 1
        else:
            choice = ANSWERS[row.answer]
            dilemma, listed = dilemmas.listed(patients["a"], patients["b"], choice)
            asked.append((f"line {line}", Asked(dilemma, {offered: listed}, row.person)))
    table.finish()
    if not asked:
        raise UserError(f"{table.where} holds no answer that can be used")
    return asked, left_out
