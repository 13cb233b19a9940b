"""Sources with given answers: a user's table, the log of a run, and the published rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, create_model

from kidney_evals.errors import UserError
from kidney_evals.finetuning.sources import (
    CHOICES,
    Answered,
    Asked,
    Choice,
    Dilemmas,
    Evaluated,
    Request,
    Source,
    shuffled,
    split,
    take,
)
from kidney_evals.input_files import (
    MAX_TABLE_BYTES,
    FileModel,
    Line,
    Number,
    TableFile,
    read_bytes,
)
from kidney_evals.scorers import main_score
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Patient, Study, load_study

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

ANSWERS: Mapping[str, Choice] = {"A": "first", "B": "second", "COIN": "coin"}
"""The choice for each answer as shown, if Patient A is listed first."""

FILES: dict[Condition, str] = {
    "forced_choice": "study_2_strict.csv",
    "coin_flip": "study_2_indecisive.csv",
}
"""Files of McElfresh et al. (2021), Study 2, by condition."""

_STRIPPED = BeforeValidator(lambda cell: cell.strip() if isinstance(cell, str) else cell)


class _Row(FileModel):
    """A row of a table of answers; the names of the patient columns depend on the study."""

    answer: Annotated[Literal["A", "B", "COIN"], _STRIPPED]
    person: Annotated[Line, _STRIPPED] = ""
    condition: Annotated[Condition | None, _STRIPPED] = None


def from_answers(path: Path, study: Study, request: Request, evaluation: Evaluated) -> Source:
    """Return the answers in a CSV table with columns a_<attribute>, b_<attribute> and answer.

    Columns person and condition are optional. With a column condition, `request.condition` selects
    rows; without it, `request.condition` is the condition of all answers.

    Raises:
        UserError: The table lacks a column, an answer or value is not allowed, there are too few
            answers, or some are about dilemmas of the evaluation.
    """
    content = read_bytes(path, MAX_TABLE_BYTES)
    condition = request.condition
    asked, left_out = _read(TableFile(str(path), content), study, condition)
    _check_overlap(asked, evaluation, request)
    found = {name for one in asked for name in one.choices}
    conditions: tuple[Condition, ...] = tuple(
        one
        for one in CONDITIONS
        if condition in (one, "both") or (condition is None and one in found)
    )
    about = {
        "kind": "answers",
        "target": None,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "answers": len(asked),
    }
    return _given(asked, study, conditions, request, about, left_out)


def _read(
    table: TableFile, study: Study, condition: str | None
) -> tuple[list[Asked], dict[str, int]]:
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
    asked: list[Asked] = []
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
            dilemma, choice = dilemmas.listed(patients["a"], patients["b"], ANSWERS[row.answer])
            asked.append(Asked(dilemma, {offered: choice}, row.person, f"line {line}"))
    table.finish()
    if not asked:
        raise UserError(f"{table.where} holds no answer that can be used")
    return asked, left_out


def read_design(log: EvalLog, request: Request) -> tuple[Study, Condition, str]:
    """Return a run's study, its condition, and its mechanism of indecision ("coin", "none").

    Raises:
        UserError: The log is of another task, its study or condition differs from the request, or
            the study has changed since the run.
    """
    metadata = (log.samples or [])[0].metadata if log.samples else {}
    needed = {"study_source", "study_hash", "study", "condition", "order", "dilemma"}
    if not needed <= set(metadata or {}) or metadata.get("condition") not in CONDITIONS:
        raise UserError(
            "the log is not one of kidney_evals/forced_choice or kidney_evals/coin_flip"
        )
    if (log.eval.metadata or {}).get("asks"):
        raise UserError("the log holds predictions, not choices; give one of choices")
    name, condition = metadata["study"], metadata["condition"]
    study = load_study(metadata["study_source"])
    if request.study is not None and load_study(request.study).hash != metadata["study_hash"]:
        raise UserError(f"the log is a run of {name}, not of {request.study}; leave --study out")
    if study.hash != metadata["study_hash"]:
        raise UserError(
            f"the log's study {name} has changed since; install the version of kidney-evals that "
            "made it"
        )
    if request.condition not in (None, condition):
        raise UserError(
            f"the log is a run of {condition}, not of {request.condition}; leave --condition out"
        )
    return study, condition, str(metadata.get("mechanism", "coin"))


def from_log(
    log: EvalLog, study: Study, condition: Condition, request: Request, evaluation: Evaluated
) -> Source:
    """Return a run's decisions, without controls and without samples that hold no decision.

    Raises:
        UserError: The log holds probabilities, no usable decision or too few decisions, or
            decisions about dilemmas of the evaluation.
    """
    dilemmas = Dilemmas()
    asked: list[Asked] = []
    left_out = {"controls": 0, "no_decision": 0}
    for sample in log.samples or ():
        metadata = sample.metadata or {}
        if metadata.get("readout", "sample") != "sample":
            raise UserError(
                f"the log holds probabilities (readout={metadata['readout']}), no answers; give a "
                "log of a run with readout=sample"
            )
        dilemma = study.dilemma_from(metadata)
        kept = getattr(main_score(sample.scores), "metadata", None) or {}
        choice = kept.get("choice")
        if dilemma.is_control:
            left_out["controls"] += 1
        elif choice not in CHOICES:
            left_out["no_decision"] += 1
        else:
            listed, meant = dilemmas.listed(dilemma.first.values, dilemma.second.values, choice)
            asked.append(Asked(listed, {condition: meant}, place=f"sample {sample.id}"))
    if not asked:
        raise UserError("the log holds no decision; give a log of a finished and scored run")
    _check_overlap(asked, evaluation, request)
    about = {
        "kind": "log",
        "target": None,
        "task": log.eval.task,
        "model": log.eval.model,
        "eval_id": log.eval.eval_id,
        "status": log.status,
        "wordings": sorted({str((one.metadata or {}).get("wording")) for one in log.samples or ()}),
        "decisions": len(asked),
    }
    return _given(asked, study, (condition,), request, about, left_out)


def from_rows(
    folder: Path,
    study: Study,
    conditions: tuple[Condition, ...],
    request: Request,
    evaluation: Evaluated,
) -> Source:
    """Return the individual answers of McElfresh et al. (2021), Study 2.

    The two groups are different people; each person of one group saw the queries of a person of
    the other group. Both people of such a pair stay on one side of the split, and each query
    contributes the answer of one group. Answers to dilemmas of the evaluation are omitted.

    Raises:
        UserError: The published files are not in `folder`, the study is another one, or there are
            too few answers.
    """
    from kidney_evals.human.raw import FOLDER, SHA256, find_raw, read_study_2

    if study.source != FOLDER:
        raise UserError(
            f"the published rows are those of {FOLDER}: use --study {FOLDER}, not {study.source}"
        )
    forced, coin = read_study_2(find_raw(folder))
    left, right = (
        list(zip(*(values[name].tolist() for name in study.attribute_ids), strict=True))
        for values in (forced.left, forced.right)
    )
    queries = [
        Asked(
            Dilemma("", Patient(first), Patient(second), "drawn"),
            {"forced_choice": CHOICES[forced.choice[at]], "coin_flip": CHOICES[coin.choice[at]]},
            person=f"{forced.person[at]:03d}",
        )
        for at, (first, second) in enumerate(zip(left, right, strict=True))
    ]
    apart = [one for one in queries if one.dilemma.first != one.dilemma.second]
    kept = [one for one in apart if request.allow_overlap or not evaluation.holds(one.dilemma)]
    left_out = {"identical": len(queries) - len(apart), "evaluation": len(apart) - len(kept)}
    about = {
        "kind": "rows",
        "target": None,
        "files": {FILES[condition]: SHA256[FILES[condition]] for condition in conditions},
        "groups": len(conditions),
    }
    # Shuffle before dilemmas get ids, so that an id does not reveal the position of its row.
    mixed = _listed(_shuffled(kept, request.seed))

    def number(place: int, condition: Condition) -> int:
        return 2 * place + (condition == "coin_flip") + 1

    return _given(mixed, study, conditions, request, about, left_out, number)


def _listed(queries: list[Asked]) -> list[Asked]:
    """Return queries with each pair of patients in one order, whichever patient was on the left."""
    dilemmas = Dilemmas()
    listed = []
    for one in queries:
        patients = one.dilemma.first.values, one.dilemma.second.values
        found = {name: dilemmas.listed(*patients, choice) for name, choice in one.choices.items()}
        dilemma = next(dilemma for dilemma, _ in found.values())
        choices = {name: choice for name, (_, choice) in found.items()}
        listed.append(replace(one, dilemma=dilemma, choices=choices))
    return listed


def _check_overlap(asked: Sequence[Asked], evaluation: Evaluated, request: Request) -> None:
    """Raise an error for answers to dilemmas of the evaluation, unless the request allows them."""
    if request.allow_overlap:
        return
    found = [one for one in asked if evaluation.holds(one.dilemma)]
    if found:
        studies = " and ".join(str(one["study"]) for one in evaluation.said)
        raise UserError(
            f"{len(found)} of {len(asked)} answers, first {found[0].place}, are about dilemmas "
            f"that the default evaluation asks ({studies}); leave them out, or pass "
            "--allow-overlap and evaluate on other dilemmas"
        )


def _given(
    asked: Sequence[Asked],
    study: Study,
    conditions: tuple[Condition, ...],
    request: Request,
    about: Mapping[str, Any],
    left_out: Mapping[str, int],
    number: Callable[[int, Condition], int] = lambda place, condition: place + 1,
) -> Source:
    """Shuffle and split answers, and select the requested numbers.

    `number` returns a person's number in the folder, given the number in the split and the
    condition.
    """
    train, heldout, people = split(_shuffled(asked, request.seed), request.seed)
    named = any(one.person for one in asked)

    def taken(part: Sequence[Asked], count: int, option: str) -> tuple[Answered, ...]:
        return tuple(
            Answered(
                one.dilemma,
                condition,
                one.choices[condition],
                str(number(people[one.person], condition)) if named else "",
            )
            for one, condition in take(part, conditions, count, option)
        )

    counts = {**left_out, "split": len(asked) - len(train) - len(heldout)}
    return Source(
        study,
        conditions,
        taken(train, request.samples, "--samples"),
        taken(heldout, request.held, "--heldout"),
        {**about, "people": len(people)} if named else about,
        {reason: count for reason, count in counts.items() if count},
    )


def _shuffled(asked: Sequence[Asked], seed: int) -> list[Asked]:
    return [asked[at] for at in shuffled(range(len(asked)), seed, "answers")]
