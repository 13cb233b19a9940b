"""A study's attributes and situation in another language, read from its folder."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, RootModel

from kidney_evals.errors import UserError, check_known
from kidney_evals.input_files import (
    FileModel,
    Line,
    PromptLine,
    PromptText,
    Stamp,
    YamlFile,
    folded,
    read_bytes,
    stamp,
)
from kidney_evals.studies.model import Attribute, Level, Phrases, Study
from kidney_evals.studies.words import ENGLISH, Words, with_defaults

LANGUAGES_FILE = "languages.yaml"
"""File of a study's words in other languages; a new language changes no hash and no sample id."""

_KNOWN: dict[tuple[Path, str, str, Stamp], Study] = {}


class _SpokenAttribute(FileModel):
    label: PromptLine
    levels: Mapping[Line, PromptLine] = Field(default_factory=dict)
    phrases: Phrases = Field(default_factory=dict)


class _SpokenStudy(FileModel):
    situation: PromptText
    scenario: dict[Line, Any] = Field(default_factory=dict)
    attributes: dict[Line, _SpokenAttribute]


class _LanguagesFile(RootModel[dict[Line, _SpokenStudy]]):
    """`languages.yaml`: the words of a study by language."""


def in_language(study: Study, language: str) -> Study:
    """Return the study with the situation, labels and descriptions of values in another language.

    Only the texts of a question change; values, ranges, directions and `favoured_text` stay.
    `language` is a code ("de").

    Raises:
        UserError: The study's folder has no words in this language, or some are missing.
    """
    if language == ENGLISH:
        return study
    path = study.path / LANGUAGES_FILE
    key = (study.path, study.hash, language, stamp(path))
    if key not in _KNOWN:
        _KNOWN[key] = _translated(study, language, path)
    return _KNOWN[key]


def languages_of(study: Study) -> tuple[str, ...]:
    """Return the codes of the languages that a study has words in, English first.

    Raises:
        UserError: `languages.yaml` is invalid.
    """
    path = study.path / LANGUAGES_FILE
    if not os.path.lexists(path):
        return (ENGLISH,)
    return (ENGLISH, *YamlFile(str(path), read_bytes(path)).result(_LanguagesFile).root)


def _translated(study: Study, language: str, path: Path) -> Study:
    where = f"study {study.id!r}"
    if not os.path.lexists(path):
        raise UserError(f"{where} is in English only: its folder has no {LANGUAGES_FILE}")
    file = YamlFile(str(path), read_bytes(path))
    tables = file.result(_LanguagesFile).root
    check_known(f"language of {where}", language, (ENGLISH, *tables))
    words, place = tables[language], (language, "attributes")
    attributes = []
    for attribute in study.attributes:
        try:
            attributes.append(_attribute(attribute, words.attributes.get(attribute.id)))
        except ValueError as error:
            file.add((*place, attribute.id), str(error))
    for name in words.attributes.keys() - set(study.attribute_ids):
        file.add((*place, name), "is no attribute of the study")
    if len({folded(attribute.label) for attribute in attributes}) < len(attributes):
        file.add(place, "has two attributes with one label")
    given = {**words.scenario, "situation": words.situation}
    known = with_defaults(given, study.words.good, language)
    spoken = file.check(Words, known, (language, "scenario"))
    file.finish()
    assert spoken is not None
    return replace(study, words=spoken, attributes=tuple(attributes))


def _attribute(attribute: Attribute, words: _SpokenAttribute | None) -> Attribute:
    if words is None:
        raise ValueError("is missing")
    known = {f"{level.value:g}": level for level in attribute.levels}
    if words.levels.keys() != known.keys():
        raise ValueError(f"must have levels for {', '.join(known) or 'nothing'}")
    levels = tuple(Level(value=one.value, text=words.levels[name]) for name, one in known.items())
    texts = {"label": words.label, "levels": levels, "phrases": words.phrases}
    return attribute.model_copy(update=texts).check_descriptions()
