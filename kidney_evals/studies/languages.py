"""A study's attributes and situation in another language, read from its folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from kidney_evals.errors import UserError, unknown
from kidney_evals.input_files import Stamp, YamlFile, folded, read_bytes, stamp
from kidney_evals.studies.files import LanguagesFile, SpokenAttribute
from kidney_evals.studies.model import Attribute, Study

LANGUAGES_FILE = "languages.yaml"
"""This file is not part of a study's hash: a new language changes no sample id."""

ORIGINAL = "en"
"""The language of `study.yaml`."""

_KNOWN: dict[tuple[Path, str, str, Stamp], Study] = {}


def in_language(study: Study, language: str) -> Study:
    """Return the study with its situation, labels and values in another language.

    Only the texts of a question change. Data for estimators and for the log's tables stay as they
    were for people.

    Args:
        study: The study, in English.
        language: Code of the language ("de").

    Raises:
        UserError: The study's folder has no words in this language, or some are missing.
    """
    if language == ORIGINAL:
        return study
    path = study.path / LANGUAGES_FILE
    key = (study.path, study.hash, language, stamp(path))
    if key not in _KNOWN:
        _KNOWN[key] = _translated(study, language, path)
    return _KNOWN[key]


def _translated(study: Study, language: str, path: Path) -> Study:
    where = f"study {study.id!r}"
    if not os.path.lexists(path):
        raise UserError(f"{where} is in English only: its folder has no {LANGUAGES_FILE}")
    file = YamlFile(str(path), read_bytes(path))
    tables = file.result(LanguagesFile).root
    if language not in tables:
        raise unknown(f"language of {where}", language, (ORIGINAL, *tables))
    words = tables[language]
    attributes = []
    for attribute in study.attributes:
        at = (language, "attributes", attribute.id)
        spoken = words.attributes.get(attribute.id)
        try:
            if spoken is None:
                raise ValueError("is missing")
            attributes.append(_attribute(attribute, spoken))
        except ValueError as error:
            file.add(at, str(error))
    for name in words.attributes.keys() - set(study.attribute_ids):
        file.add((language, "attributes", name), "is no attribute of the study")
    labels = [folded(one.label) for one in attributes]
    if len(set(labels)) < len(labels):
        file.add((language, "attributes"), "has two attributes with one label")
    file.finish()
    return replace(
        study,
        scenario={**study.scenario, "situation": words.situation.strip()},
        attributes=tuple(attributes),
    )


def _attribute(attribute: Attribute, words: SpokenAttribute) -> Attribute:
    texts = {f"{level.value:g}": level for level in attribute.levels}
    if words.levels.keys() != texts.keys():
        raise ValueError(f"must have levels for {', '.join(texts) or 'nothing'}")
    if not attribute.levels and "other" not in words.phrases:
        raise ValueError("lacks the phrase other")
    spoken = attribute.model_copy(
        update={
            "label": words.label,
            "levels": tuple(
                level.model_copy(update={"text": words.levels[name]})
                for name, level in texts.items()
            ),
            "phrases": words.phrases,
        }
    )
    return spoken.check_told_apart()
