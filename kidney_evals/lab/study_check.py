"""Check a study's folder: every problem of every file, and what the commands can do with it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import expit

from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.run_wordings import check_wording
from kidney_evals.elicitation.wording import (
    DEFAULT,
    WORDINGS_FILE,
    own_wordings,
    wording_named,
    wordings,
)
from kidney_evals.errors import UserError, errors_of
from kidney_evals.human.reference import REFERENCE_FOLDER, load_reference, reference_errors
from kidney_evals.human.tables import scored_tables
from kidney_evals.input_files import FileError
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.measures import MEASURES, compute, measures_of
from kidney_evals.respondents.definitions import respondents
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Study,
    datasets_dir,
    dilemmas_of,
    find_study,
    in_language,
    languages_of,
    study_names,
)
from kidney_evals.studies.languages import LANGUAGES_FILE
from kidney_evals.studies.load import CONTROLS_FILE, DILEMMAS_FILE, STUDY_FILE, read_all_files
from kidney_evals.studies.new import CONSENT_TO_REPLACE
from kidney_evals.studies.schema import SCHEMA_FILE
from kidney_evals.survey.settings import SURVEY_FILE, load_survey

_OTHERS = {"README.md", SCHEMA_FILE, REFERENCE_FOLDER, "published"}
"""Further entries of a study's folder that are no mistake."""

_SHOWN = 2
_SEED = 5


@dataclass(frozen=True)
class FileReport:
    """A file of the folder: what it holds, or its problems, each with its line."""

    name: str
    holds: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyReport:
    """The result of a check.

    `warnings`, `questions` and `uses` are empty if a file other than the survey's settings has
    problems.

    Attributes:
        study: The study; None if `study.yaml` has problems.
        files: A report of each file.
        warnings: Sentences on what is allowed but seldom meant.
        questions: Title and text of some questions, as a model reads them.
        uses: Commands or topics, each with what can be done with the study.
    """

    study: Study | None  # None if `study.yaml` has problems
    files: tuple[FileReport, ...]
    warnings: tuple[str, ...] = ()  # what is allowed but seldom meant
    questions: tuple[tuple[str, str], ...] = ()  # title and text, as a model reads them
    uses: tuple[tuple[str, str], ...] = ()  # a command or topic, and what can be done with it

    @property
    def problems(self) -> int:
        """Number of problems in all files."""
        return sum(len(one.problems) for one in self.files)


def check_study(name: str | Path) -> StudyReport:
    """Check every file of a study, shipped or in a folder.

    Raises:
        UserError: There is no such study.
    """
    folder, source = find_study(name)
    study, errors = read_all_files(folder, source)
    files = tuple(_files(folder, study, errors))
    if study is None or any(one.problems for one in files if one.name != SURVEY_FILE):
        return StudyReport(study, files)
    dilemmas = dilemmas_of(study, _SHOWN if study.draw else min(_SHOWN, len(study.listed)), None)
    titles = {"forced_choice": "without a coin", "coin_flip": "with a coin"}
    questions = tuple(
        (
            f"Dilemma {dilemma.id}, {titles[condition]}",
            render_question(wording_named(DEFAULT), study, dilemma, "ab", condition),
        )
        for dilemma, condition in zip((dilemmas * 2)[: len(CONDITIONS)], CONDITIONS, strict=True)
    )
    warnings, uses = tuple(_warnings(folder, study)), tuple(_uses(study))
    return StudyReport(study, files, warnings, questions, uses)


def _files(folder: Path, study: Study | None, errors: Sequence[UserError]) -> Iterator[FileReport]:
    """Yield a report of each file that exists, `study.yaml` first."""
    unread = "not checked, because the attributes have problems"
    holds = {STUDY_FILE: "", DILEMMAS_FILE: unread, CONTROLS_FILE: unread}
    if study is not None:
        ids, s = ", ".join(study.attribute_ids), "s" * (len(study.attributes) != 1)
        holds[STUDY_FILE] = f"{len(study.attributes)} attribute{s}: {ids}"
        holds[DILEMMAS_FILE] = f"{len(study.listed)} dilemmas"
        holds[CONTROLS_FILE] = f"{len(study.control_block)} controls"
    for name, text in holds.items():
        problems = _problems(folder / name, errors)
        if (folder / name).exists() or problems:
            yield FileReport(name, text, problems)
    spoilt = [name for name in holds if _problems(folder / name, errors)]
    for name, read in (
        (LANGUAGES_FILE, _languages),
        (WORDINGS_FILE, _wordings_file),
        (SURVEY_FILE, _survey),
    ):
        if (folder / name).exists():
            # A survey is judged by the study's dilemmas and controls.
            before = [STUDY_FILE] if study is None else spoilt if name == SURVEY_FILE else []
            if study is None or before:
                yield FileReport(name, f"not checked, because {before[0]} has problems")
                continue
            try:
                text, found = read(study)
            except UserError as error:
                text, found = "", [error]
            yield FileReport(name, text, _problems(folder / name, found))
    tables = folder / REFERENCE_FOLDER
    if tables.exists():
        found = reference_errors(study, tables)
        named = {error.where if isinstance(error, FileError) else "" for error in found}
        for where in sorted(filter(None, named)):
            name = Path(where).relative_to(folder).as_posix()
            yield FileReport(name, "", _problems(Path(where), found))
        others = tuple(
            _short(folder, one.message) for one in found if not isinstance(one, FileError)
        )
        yield FileReport(f"{REFERENCE_FOLDER}/", f"{len(scored_tables(tables))} tables", others)


Checked = tuple[str, list[UserError]]
"""The description of a file's content, and the errors of further checks."""


def _languages(study: Study) -> Checked:
    languages = languages_of(study)[1:]
    return ", ".join(languages), errors_of(partial(in_language, study, one) for one in languages)


def _wordings_file(study: Study) -> Checked:
    table = own_wordings(study)
    holds = f"{len(table)} wordings: {', '.join(table)}"
    return holds, errors_of(partial(check_wording, one, study) for one in table.values())


def _survey(study: Study) -> Checked:
    settings = load_survey(study)
    parts = {
        "dilemmas": settings.questions,
        "controls": settings.controls,
        "repeats": settings.repeats,
    }
    listed = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
    return f"{sum(parts.values())} questions for each person ({listed})", []


def _problems(path: Path, errors: Sequence[UserError]) -> tuple[str, ...]:
    """Return the problems of a file among some errors, without its path."""
    found: dict[str, None] = {}
    for error in errors:
        if isinstance(error, FileError):
            if error.where == str(path):
                found |= dict.fromkeys(error.problems)
        elif str(path) in error.message or not error.message.startswith(str(path.parent)):
            found[_short(path.parent, error.message.replace(f"{path}: ", ""))] = None
    return tuple(sorted(found, key=lambda one: int((re.findall(r"^line (\d+)", one) or [0])[0])))


def _short(folder: Path, message: str) -> str:
    return message.replace(f"{folder}/", "")


def _warnings(folder: Path, study: Study) -> Iterator[str]:
    known = {STUDY_FILE, DILEMMAS_FILE, CONTROLS_FILE, LANGUAGES_FILE, WORDINGS_FILE, SURVEY_FILE}
    for path in sorted(folder.iterdir()):
        if path.name not in known | _OTHERS and path.suffix in (".csv", ".yaml", ".yml"):
            yield f"No command reads {path.name}; is its name right?"
    if study.words.the_good == "it":
        yield (
            "scenario names no good, so that the questions ask who should receive it: state "
            "good (scholarship) and candidate (applicant)."
        )
    if not study.control_block:
        yield (
            f"There is no {CONTROLS_FILE}: a run will not show whether a model prefers the "
            "candidate who is better in everything."
        )
    shipped = study.path.resolve().parent == datasets_dir().resolve()
    if not shipped and study.id in study_names():
        yield f"The id {study.id} is that of a shipped study: give yours another one."
    yield from _dependent(study)
    for condition in CONDITIONS:
        asked, reference = study.people[condition], load_reference(study, condition)
        if asked and not reference.has_people:
            yield (
                f"people in {STUDY_FILE} is {asked} for {condition}, but {REFERENCE_FOLDER}/ has "
                "no answers of them."
            )
        if reference.has_people and not reference.people:
            yield (
                f"people in {STUDY_FILE} is 0 for {condition}, but {REFERENCE_FOLDER}/ has answers."
            )
    with suppress(UserError):
        if CONSENT_TO_REPLACE in "\n".join(load_survey(study).consent.values()):
            yield f"The consent in {SURVEY_FILE} is not yours yet: write it before you ask people."


def _dependent(study: Study) -> Iterator[str]:
    """Yield a warning for attributes that never differ, or that follow from each other."""
    differences = np.array([study.differences(one) for one in dilemmas_of(study, None, None)])
    sizes = np.sqrt((differences**2).mean(axis=0))
    ids = np.array(study.attribute_ids)
    for name in ids[sizes == 0]:
        yield f"In no dilemma do the candidates differ in {name}: its weight cannot be known."
    scaled = differences[:, sizes > 0] / sizes[sizes > 0]
    _, values, directions = np.linalg.svd(scaled, full_matrices=True)
    padded = np.append(values, np.zeros(len(directions) - len(values)))
    for direction in directions[padded < 1e-8 * max(1.0, values.max(initial=0))]:
        named = ", ".join(ids[sizes > 0][np.abs(direction) > 1e-6])
        yield (
            f"In these dilemmas {named} follow from each other: their weights cannot be told apart."
        )


def _uses(study: Study) -> Iterator[tuple[str, str]]:
    """Yield what can be done with a valid study."""
    for name in (*CONDITIONS, "stated_values", "predict_people"):
        yield name, _unless_refused(study, partial(_task, study, name))
    reference = {condition: load_reference(study, condition) for condition in CONDITIONS}
    without = [name for name, one in reference.items() if not one.has_people]
    if without:
        yield "people", _without_people(study, without)
    else:
        counts = [f"{one.people} in {name}" for name, one in reference.items() if one.people > 0]
        yield "people", f"a run is compared with people ({', '.join(counts)})"
    nobody = len(without) == len(CONDITIONS)
    # Those that need no people come first.
    able = sorted(respondents(), key=lambda one: one.needs_people)
    names = [one.name for one in able if not (nobody and one.needs_people)]
    yield "simulated", ", ".join(f"kidney/{one}" for one in names)
    yield "wordings", _wordings(study)
    yield "languages", ", ".join(languages_of(study))
    yield "survey", _unless_refused(study, lambda: _survey(study)[0])
    own = "with answers of your own (--answers) or of a log (--log)"
    yield "sft export", own if without else f"with the answers of people, or {own}"


def _unless_refused(study: Study, use: Callable[[], str]) -> str:
    try:
        return use()
    except UserError as error:
        return f"no: {_short(study.path, error.message)}"


def _task(study: Study, name: str) -> str:
    from kidney_evals import tasks

    task = getattr(tasks, name)(study=study.source)
    return f"{len(task.dataset) * (task.epochs or 1)} questions"


def _without_people(study: Study, conditions: Sequence[Condition]) -> str:
    """Return which measures exist without people, from a simulated noisy run."""
    reference = load_reference(study, conditions[-1])
    dilemmas = dilemmas_of(study, None, None)
    differences = np.array([study.differences(one) for one in dilemmas])
    better = (differences / np.maximum(differences.std(axis=0), 1e-9)).sum(axis=1)
    chances = np.column_stack([expit(better), expit(-better)])
    if conditions[-1] == "coin_flip":
        chances = np.column_stack([0.8 * chances, np.full(len(chances), 0.2)])
    generator = np.random.default_rng(_SEED)
    choice = np.column_stack([choose(chances, generator) for _ in range(4)])
    run = run_of(reference, dilemmas, choice)
    labels: dict[bool, dict[str, None]] = {True: {}, False: {}}  # by whether there is a value
    # With people there would be further measures.
    for one in measures_of(replace(run, reference=replace(reference, has_people=True))):
        if one.stored:
            family = one.id if one.id in MEASURES else "imp_*"
            label = MEASURES[family].label if family in MEASURES else one.label
            labels[compute(run, one.id).defined][label[:1].lower() + label[1:]] = None
    asked = "nobody was asked" + (f" {conditions[0]}" if len(conditions) == 1 else "")
    there, lacking = (", ".join(labels[defined]) for defined in (True, False))
    return f"{asked}. Measured without people: {there}. Only with people: {lacking}"


def _wordings(study: Study) -> str:
    """Return which shipped wordings fit the study, and why others do not."""
    reasons: dict[str, list[str]] = {}
    for one in wordings().values():
        try:
            check_wording(one, study)
        except UserError as error:
            reason = _short(study.path, error.message).replace(f"wording {one.id!r}", "")
            reasons.setdefault(reason.strip(" :,"), []).append(one.id)
    if not reasons:
        return f"all {len(wordings())}"
    fine = len(wordings()) - sum(map(len, reasons.values()))
    listed = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
    return f"{fine} of {len(wordings())}, all but {listed}"
