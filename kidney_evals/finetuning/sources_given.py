"""Sources of training samples: a user's table, the log of a run, or the published human answers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import cycle, islice
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, create_model

from kidney_evals.errors import UserError
from kidney_evals.finetuning.sources import (
    HELDOUT_SHARE,
    Answered,
    Evaluated,
    Pair,
    Request,
    Source,
    pair_of,
    shuffled,
)
from kidney_evals.input_files import MAX_TABLE_BYTES, FileModel, Line, Number, TableFile, read_bytes
from kidney_evals.scorers import main_score
from kidney_evals.studies import (
    CHOICES,
    CONDITIONS,
    Attribute,
    Choice,
    Condition,
    Dilemma,
    Patient,
    Study,
    load_study,
)

_ANSWERS: Final[Mapping[str, Choice]] = {"A": "first", "B": "second", "COIN": "coin"}
"""The choice for each answer as shown, if Patient A is listed first."""

_STRIPPED = BeforeValidator(lambda cell: cell.strip() if isinstance(cell, str) else cell)


class _Row(FileModel):
    """A row of a table of answers, beside its columns a_<attribute> and b_<attribute>."""

    answer: Annotated[Literal["A", "B", "COIN"], _STRIPPED]
    person: Annotated[Line, _STRIPPED] = ""
    condition: Annotated[Condition | None, _STRIPPED] = None


@dataclass(frozen=True)
class _Answer:
    """A dilemma with its answer by condition, and the place of the answer in the source ("line 3").

    People with the same name of `person` must be on the same side of the split.
    """

    dilemma: Dilemma
    choices: Mapping[Condition, Choice]
    person: str = ""
    place: str = ""


def from_answers(
    study: Study, conditions: tuple[Condition, ...], request: Request, evaluation: Evaluated
) -> Source:
    """Return the answers in the CSV table `request.answers`, split into training and held-out.

    Its columns are answer, a_<attribute>, b_<attribute> and optionally person and condition.
    `request.condition` selects rows by the column condition; without the column, it is the
    condition of all answers.

    Raises:
        UserError: The table cannot be read, a cell is invalid, the condition is unknown, too few
            answers remain, or an answer is about a dilemma of `evaluation`, without
            `request.allow_overlap`.
    """
    assert request.answers is not None
    content = read_bytes(request.answers, MAX_TABLE_BYTES)
    table, condition = TableFile(str(request.answers), content), request.condition
    columns: dict[str, Any] = {
        f"{side}_{attribute.id}": (_value_of(attribute), ...)
        for side in "ab"
        for attribute in study.attributes
    }
    rows = table.rows(create_model("_Row", __base__=_Row, **columns))
    if "condition" not in table.columns and condition not in CONDITIONS:
        raise UserError(
            f"{table.where} has no column condition: say what was offered with --condition "
            f"{' or '.join(CONDITIONS)}"
        )
    answers: list[_Answer] = []
    left_out = {"identical": 0, "other_condition": 0}
    for line, _, row in rows:
        a, b = (
            Patient(tuple(getattr(row, f"{side}_{name}") for name in study.attribute_ids))
            for side in "ab"
        )
        offered = row.condition or condition
        assert offered in CONDITIONS, "checked above, or by the model of a row"
        if row.answer == "COIN" and offered == "forced_choice":
            table.add((line, "answer"), "is COIN where none was offered (forced_choice)")
        if "person" in table.columns and not row.person:
            table.add((line, "person"), "is empty")
        if condition in CONDITIONS and offered != condition:
            left_out["other_condition"] += 1
        elif a == b:
            left_out["identical"] += 1
        else:
            choices = {offered: _ANSWERS[row.answer]}
            answers.append(_Answer(Dilemma("", a, b, "drawn"), choices, row.person, f"line {line}"))
    table.finish()
    if condition is None:
        present = {name for one in answers for name in one.choices}
        conditions = tuple(name for name in conditions if name in present)
    about = {
        "kind": "answers",
        "target": None,
        "file": request.answers.name,
        "sha256": sha256(content).hexdigest(),
        "answers": len(answers),
    }
    return _split(answers, conditions, request, evaluation, about, left_out)


def _value_of(attribute: Attribute) -> Any:
    """Return the type of a column with values of an attribute."""
    values = frozenset(attribute.values)

    def check(value: float) -> float:
        if value not in values:
            raise ValueError(f"must be {attribute.domain}, not {value:g}")
        return value

    return Annotated[Number, AfterValidator(check)]


def read_design(request: Request) -> tuple[Study, Condition, str]:
    """Return the study, the condition and the mechanism of indecision ("coin") of `request.log`.

    Raises:
        UserError: The log is no run of choices, the request names another study or condition, or
            the study cannot be loaded or has changed since the run.
    """
    log = request.log
    assert log is not None
    facts = (log.samples[0].metadata if log.samples else None) or {}
    needed = {"study_source", "study_hash", "study", "condition", "order", "dilemma"}
    is_prediction = (log.eval.metadata or {}).get("asks")
    if not needed <= set(facts) or facts["condition"] not in CONDITIONS or is_prediction:
        raise UserError(
            "the log is no run of choices by kidney_evals/forced_choice or kidney_evals/coin_flip"
        )
    name, condition = facts["study"], facts["condition"]
    study = load_study(facts["study_source"])
    wanted = load_study(request.study or facts["study_source"])
    if wanted.hash != study.hash or request.condition not in (None, condition):
        raise UserError(
            f"the log is a run of {condition} in {name}; leave --study and --condition out"
        )
    if study.hash != facts["study_hash"]:
        raise UserError(f"{name} has changed since; install the kidney-evals that made the log")
    return study, condition, str(facts.get("mechanism", "coin"))


def from_log(
    study: Study, conditions: tuple[Condition, ...], request: Request, evaluation: Evaluated
) -> Source:
    """Return the decisions in `request.log`, split into training and held-out, without controls.

    Raises:
        UserError: The log holds probabilities or a probe, its samples cannot be read, too few
            decisions remain, or one is about a dilemma of `evaluation`, without
            `request.allow_overlap`.
    """
    from kidney_evals.reporting.runs import as_written

    log = request.log
    assert log is not None
    answers: list[_Answer] = []
    left_out = {"controls": 0, "no_decision": 0}
    wordings = set()
    for sample in log.samples or ():
        metadata = sample.metadata or {}
        wordings.add(str(metadata.get("wording")))
        if metadata.get("readout", "sample") != "sample":
            raise UserError(
                f"the log holds probabilities (readout={metadata['readout']}), no answers; give a "
                "log of a run with readout=sample"
            )
        if "probe" in metadata:
            raise UserError(
                f"the log was asked with the probe {metadata['probe']!r}, which training texts "
                "leave out; give a log without a probe"
            )
        with as_written("the log"):
            dilemma = study.dilemma_from(metadata)
        score = main_score(sample.scores)
        choice = ((score.metadata if score else None) or {}).get("choice")
        if dilemma.is_control:
            left_out["controls"] += 1
        elif choice not in CHOICES:
            left_out["no_decision"] += 1
        else:
            answers.append(_Answer(dilemma, {conditions[0]: choice}, place=f"sample {sample.id}"))
    about = {
        "kind": "log",
        "target": None,
        "task": log.eval.task,
        "model": log.eval.model,
        "eval_id": log.eval.eval_id,
        "status": log.status,
        "wordings": sorted(wordings),
        "decisions": len(answers),
    }
    return _split(answers, conditions, request, evaluation, about, left_out)


def from_rows(
    study: Study, conditions: tuple[Condition, ...], request: Request, evaluation: Evaluated
) -> Source:
    """Return the individual answers of McElfresh et al. (2021), Study 2.

    One group was offered a coin, the other was not. Each person of one group saw the dilemmas of a
    person of the other group. Both people are on the same side of the split into training and
    held-out answers, and one of their two answers to a dilemma is used. Answers to dilemmas of
    `evaluation` are omitted unless `request.allow_overlap` is true.

    Raises:
        UserError: The study is another, a file is missing or is not the published one, or too few
            answers remain.
    """
    from kidney_evals.human.raw import FOLDER, SHA256, find_raw, read_study_2

    if study.source != FOLDER:
        raise UserError(
            f"the published rows are those of {FOLDER}: use --study {FOLDER}, not {study.source}"
        )
    assert request.data is not None
    forced, coin = read_study_2(find_raw(request.data))
    sides = (
        map(Patient, zip(*(side[name].tolist() for name in study.attribute_ids), strict=True))
        for side in (forced.left, forced.right)
    )
    queries = [
        _Answer(
            Dilemma("", first, second, "drawn"),
            {"forced_choice": CHOICES[forced.choice[at]], "coin_flip": CHOICES[coin.choice[at]]},
            person=f"{forced.person[at]:03d}",
        )
        for at, (first, second) in enumerate(zip(*sides, strict=True))
    ]
    apart = [one for one in queries if one.dilemma.first != one.dilemma.second]
    usable = [one for one in apart if request.allow_overlap or not evaluation.holds(one.dilemma)]
    left_out = {"identical": len(queries) - len(apart), "evaluation": len(apart) - len(usable)}
    files = {"forced_choice": "study_2_strict.csv", "coin_flip": "study_2_indecisive.csv"}
    about = {
        "kind": "rows",
        "target": None,
        "files": {files[condition]: SHA256[files[condition]] for condition in conditions},
        "groups": len(conditions),
    }
    # Shuffle before dilemmas get ids, so that an id does not reveal the position of its row.
    answers = shuffled(usable, request.seed, "answers")
    return _split(answers, conditions, request, evaluation, about, left_out)


def _split(
    answers: Sequence[_Answer],
    conditions: tuple[Condition, ...],
    request: Request,
    evaluation: Evaluated,
    about: Mapping[str, Any],
    left_out: Mapping[str, int],
) -> Source:
    """Shuffle answers, split them by person and by dilemma, and select the requested numbers.

    One person in `HELDOUT_SHARE` is held out. Of the dilemmas that both sides answered, one in
    `HELDOUT_SHARE` is held out, and each dilemma loses the answers of people on the other side.
    With unknown people or a single person, only dilemmas are split.
    """
    if not answers:
        needed = {
            "answers": "; a table needs rows of two different candidates in --condition",
            "log": "; a log must be of a scored run",
        }
        raise UserError(
            f"the source holds no answer that can be used{needed.get(about['kind'], '')}"
        )
    overlap = [answer for answer in answers if evaluation.holds(answer.dilemma)]
    if overlap and not request.allow_overlap:
        studies = " and ".join(str(part["study"]) for part in evaluation.about)
        raise UserError(
            f"{len(overlap)} of {len(answers)} answers, first {overlap[0].place}, are about "
            f"dilemmas that the default evaluation asks ({studies}); leave them out, or pass "
            "--allow-overlap and evaluate on other dilemmas"
        )
    answers = shuffled(_listed(answers), request.seed, "answers")
    people = shuffled(sorted({answer.person for answer in answers}), request.seed, "people")
    numbers = {person: number for number, person in enumerate(people, start=1)}
    held_people = set(_held(people))
    sides = {one: {one in held_people} if len(people) > 1 else {True, False} for one in people}
    asked: dict[Pair, set[bool]] = defaultdict(set)
    for answer in answers:
        asked[pair_of(answer.dilemma)] |= sides[answer.person]
    contested = sorted(pair for pair, both in asked.items() if len(both) == 2)
    held = {pair for pair, side in asked.items() if side == {True}}
    held.update(_held(shuffled(contested, request.seed, "split")))
    parts: dict[bool, list[_Answer]] = {False: [], True: []}
    for answer in answers:
        is_held = pair_of(answer.dilemma) in held
        if is_held in sides[answer.person]:
            parts[is_held].append(answer)
    counts = {**left_out, "split": len(answers) - len(parts[False]) - len(parts[True])}
    named = any(answer.person for answer in answers)

    def taken(part: list[_Answer], count: int, option: str) -> list[Answered]:
        """Select `count` answers in alternating conditions, each item of `part` at most once."""
        result: list[Answered] = []
        for condition in islice(cycle(conditions), count):
            at = next((at for at, one in enumerate(part) if condition in one.choices), None)
            if at is None:
                turns = " in turn" if len(conditions) > 1 else ""
                raise UserError(
                    f"{option} {count} is more than there is: {len(result)} answers of "
                    f"{' and '.join(conditions)}{turns} remain for it after the split"
                )
            answer = part.pop(at)
            # A number from 1 that reveals nothing about the person's place in the source. Of rows,
            # the two people who saw the same queries have 2 n - 1 and 2 n.
            person = numbers[answer.person]
            if about["kind"] == "rows":
                person = 2 * person - 1 + CONDITIONS.index(condition)
            choice = answer.choices[condition]
            result.append(Answered(answer.dilemma, condition, choice, str(person) if named else ""))
        return result

    return Source(
        conditions,
        taken(parts[False], request.samples, "--samples"),
        taken(parts[True], request.held, "--heldout"),
        {**about, "people": len(people)} if named else about,
        {reason: count for reason, count in counts.items() if count},
    )


def _listed(answers: Sequence[_Answer]) -> list[_Answer]:
    """Give each pair of patients one id and one listing, whichever patient was shown first."""
    known: dict[Pair, Dilemma] = {}
    swapped: dict[Choice, Choice] = {"first": "second", "second": "first", "coin": "coin"}
    listed = []
    for answer in answers:
        new = replace(answer.dilemma, id=f"u{len(known):05d}", kind="drawn")
        dilemma, choices = known.setdefault(pair_of(new), new), answer.choices
        if dilemma.first != new.first:
            choices = {condition: swapped[choice] for condition, choice in choices.items()}
        listed.append(replace(answer, dilemma=dilemma, choices=choices))
    return listed


def _held(shuffled_items: Sequence[Any]) -> Sequence[Any]:
    return shuffled_items[: -(-len(shuffled_items) // HELDOUT_SHARE)]
