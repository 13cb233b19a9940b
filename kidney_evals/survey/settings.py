"""`survey.yaml`, the settings of a survey; it is not part of the hash of the study."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, field_validator

from kidney_evals.elicitation.form import languages as known_languages
from kidney_evals.errors import UserError, check_known
from kidney_evals.input_files import (
    Cell,
    FileModel,
    Id,
    Line,
    Place,
    VisibleText,
    Whole,
    YamlFile,
    folded,
    read_bytes,
)
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Study, dilemmas_of, in_language
from kidney_evals.studies.words import ENGLISH

SURVEY_FILE: Final = "survey.yaml"

COLUMNS: Final = (
    *("study", "study_hash", "person", "condition", "language", "position"),
    *("dilemma", "order", "repeat", "answer", "complete"),
)
"""Columns of an exported survey; one for each question about the person follows them."""

DISTANCE: Final = 5
"""Least difference of positions between a dilemma and its repeat in an interview."""

EVERY: Final = ""
"""Key of a text that serves for every language."""


def _by_language(value: object) -> object:
    return {EVERY: value} if isinstance(value, str) else value


_Lines = Annotated[dict[Line, Line], BeforeValidator(_by_language)]
_Texts = Annotated[dict[Line, VisibleText], BeforeValidator(_by_language)]
_Cells = Annotated[dict[Line, Cell], BeforeValidator(_by_language)]


class Ask(FileModel):
    """A question about the person; texts are by language.

    Attributes:
        id: Name of its column in an export.
        label: The question.
        options: The answers to choose from.
    """

    id: Id
    label: _Lines
    options: Annotated[tuple[_Cells, ...], Field(min_length=2, max_length=100)]

    @field_validator("id")
    @classmethod
    def _no_other_column(cls, value: str) -> str:
        if value.casefold() in COLUMNS:
            raise ValueError(f"must not be a column of every export ({', '.join(COLUMNS)})")
        return value


class SurveySettings(FileModel):
    """The content of `survey.yaml`, with defaults for missing fields.

    Texts are by language; `spoken` returns one of them. `docs/survey.md` explains each field.
    """

    title: _Lines
    consent: _Texts
    contact: _Lines = Field(default_factory=lambda: {EVERY: ""})
    questions: Annotated[Whole, Field(ge=1)]
    controls: Annotated[Whole, Field(ge=0)]
    repeats: Annotated[Whole, Field(ge=0)]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)] = CONDITIONS
    languages: Annotated[tuple[Line, ...], Field(min_length=1)] = (ENGLISH,)
    ask: Annotated[tuple[Ask, ...], Field(max_length=20)] = ()
    thanks: _Texts = Field(default_factory=lambda: {EVERY: ""})

    def spoken(self, texts: Mapping[str, str], language: str) -> str:
        """Return the text in a language from `texts` by language.

        A text with the key `EVERY` serves for every language.
        """
        return texts[language] if language in texts else texts[EVERY]

    def check(self, language: str, condition: Condition | None = None) -> None:
        """Raise `UserError` unless the survey has this language and condition."""
        check_known("language of the survey", language, self.languages)
        if condition is not None:
            check_known("condition of the survey", condition, self.conditions)

    def options(self, ask: Ask, language: str) -> Mapping[str, str]:
        """Return the texts of a question's options in a language, by stored value.

        The stored value is the option's text in the first language of the survey.
        """
        first = self.languages[0]
        return {self.spoken(one, first): self.spoken(one, language) for one in ask.options}


def pool(study: Study) -> tuple[Dilemma, ...]:
    """Return the dilemmas that each person's dilemmas are sampled from.

    They are the study's list or default draw. If each person had another draw, no two people would
    answer the same dilemma.
    """
    # Drawing takes some hundredths of a second, once for each person of a survey.
    key = (study.id, study.hash)
    if key not in _POOLS:
        _POOLS[key] = dilemmas_of(study, None, None)
    return _POOLS[key]


_POOLS: dict[tuple[str, str], tuple[Dilemma, ...]] = {}


def attention_checks(study: Study) -> tuple[Dilemma, ...]:
    """Return the controls that people can be asked: one candidate is better in everything."""
    return tuple(one for one in study.control_block if one.kind == "dominance")


def has_survey(study: Study) -> bool:
    """Return whether the study's folder has a `survey.yaml`."""
    return os.path.lexists(study.path / SURVEY_FILE)


def load_survey(study: Study) -> SurveySettings:
    """Read `survey.yaml` of a study's folder.

    Raises:
        UserError: The file is missing or invalid; the message has its problems.
    """
    path = study.path / SURVEY_FILE
    if not has_survey(study):
        raise UserError(
            f"study {study.id!r} has no {SURVEY_FILE} with the consent text in its folder"
        )
    file = YamlFile(str(path), read_bytes(path))
    if isinstance(file.value, dict):
        file.value = {**_defaults(study, file.value), **file.value}
    settings = file.check(SurveySettings, file.value)
    if settings is not None:
        for place, problem in _problems(study, settings):
            file.add(place, problem)
    file.finish()
    assert settings is not None
    return settings


def own_settings(study: Study, consent: str) -> SurveySettings:
    """Return default settings for a study without `survey.yaml`, with the text `consent`."""
    return SurveySettings.model_validate({**_defaults(study, {}), "consent": consent})


def _defaults(study: Study, given: Mapping[str, Any]) -> dict[str, Any]:
    questions = min(20, len(pool(study)))
    # A wrong number is a problem of its own; the default of repeats then follows the default.
    stated = str(given.get("questions"))
    asked = int(stated) if stated.isdecimal() and len(stated) < 9 else questions
    return {
        "title": study.title,
        "questions": questions,
        "controls": min(2, len(attention_checks(study))),
        "repeats": min(2, most_repeats(asked)),
    }


def most_repeats(questions: int) -> int:
    """Return how many of a person's `questions` can be repeated at the distance `DISTANCE`."""
    return max(0, (questions - DISTANCE + 1) // 2)


def _problems(study: Study, settings: SurveySettings) -> Iterator[tuple[Place, str]]:
    """Yield each problem that no field shows alone, with its place."""
    limits = {
        "questions": (len(pool(study)), "dilemmas in the study"),
        "controls": (len(attention_checks(study)), "controls of the kind dominance in the study"),
        "repeats": (most_repeats(settings.questions), f"with {settings.questions} questions"),
    }
    for name, (most, what) in limits.items():
        if (number := getattr(settings, name)) > most:
            yield (name,), f"must be at most {most} ({what}), not {number}"
    for name in ("conditions", "languages"):
        values: Sequence[str] = getattr(settings, name)
        for index, value in enumerate(values):
            if value in values[:index]:
                yield (name, index), f"is listed twice ({value})"
    for index, language in enumerate(settings.languages):
        if language not in known_languages():
            allowed = ", ".join(known_languages())
            yield ("languages", index), f"is not known ({language!r}); allowed: {allowed}"
            continue
        try:
            in_language(study, language)
        except UserError as error:
            yield ("languages", index), f"cannot be put ({error})"
    yield from _problems_of_texts(settings)


def _problems_of_texts(settings: SurveySettings) -> Iterator[tuple[Place, str]]:
    texts: dict[Place, Mapping[str, str]] = {
        (name,): getattr(settings, name) for name in ("title", "consent", "contact", "thanks")
    }
    for index, one in enumerate(settings.ask):
        texts["ask", index, "label"] = one.label
        texts |= {("ask", index, "options", at): text for at, text in enumerate(one.options)}
    languages = ", ".join(settings.languages)
    for place, text in texts.items():
        whole = text.keys() == set(settings.languages)
        if text.keys() != {EVERY} and not whole:
            yield place, f"must be one text, or a text for each language ({languages})"
        elif place == ("consent",) and len(settings.languages) > 1 and not whole:
            yield place, f"must have a text for each language ({languages})"
        elif place not in (("contact",), ("thanks",)) and not all(map(str.strip, text.values())):
            yield place, "is empty"
    for index, one in enumerate(settings.ask):
        for language in {key for option in one.options for key in option}:
            shown = [
                folded(settings.spoken(option, language))
                for option in one.options
                if language in option or EVERY in option
            ]
            if len(set(shown)) < len(shown):
                yield ("ask", index, "options"), "has two options that read the same"
