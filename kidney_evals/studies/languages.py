"""A study's attributes and situation in another language, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kidney_evals.errors import UserError, unknown
from kidney_evals.studies.model import Attribute, Study

LANGUAGES_FILE = "languages.yaml"
"""Not among the files that a study's hash covers: a new language leaves all sample ids alone."""

ORIGINAL = "en"
"""The language of `study.yaml`."""

_KNOWN: dict[tuple[Path, str, str, int], Study] = {}


def in_language(study: Study, language: str) -> Study:
    """Return the study with its situation, labels and values in another language.

    Everything that an estimator or a person in the log's tables sees stays as it was asked of
    people: only texts of a question change.

    Args:
        study: The study, in English.
        language: Code of the language ("de").

    Raises:
        UserError: If the study's folder has no words in this language, or they lack a part.
    """
    if language == ORIGINAL:
        return study
    path = study.path / LANGUAGES_FILE
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    key = (study.path, study.hash, language, stamp)
    if key not in _KNOWN:
        _KNOWN[key] = _translated(study, language, path)
    return _KNOWN[key]


def _translated(study: Study, language: str, path: Path) -> Study:
    where = f"study {study.id!r}"
    if not path.is_file():
        raise UserError(f"{where} is in English only: its folder has no {LANGUAGES_FILE}")
    try:
        tables: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if language not in tables:
            raise unknown(f"language of {where}", language, (ORIGINAL, *tables))
        table = tables[language]
        return replace(
            study,
            scenario={**study.scenario, "situation": str(table["situation"]).strip()},
            attributes=tuple(
                _attribute(attribute, table["attributes"][attribute.id])
                for attribute in study.attributes
            ),
        )
    except UserError:
        raise
    except KeyError as error:
        raise UserError(f"{where}: {LANGUAGES_FILE} lacks {error} in {language}") from error
    except (yaml.YAMLError, TypeError, AttributeError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{where}: {LANGUAGES_FILE} is malformed ({reason})") from error


def _attribute(attribute: Attribute, words: Mapping[str, Any]) -> Attribute:
    levels = tuple(
        replace(level, text=str(words["levels"][level.value])) for level in attribute.levels
    )
    phrases = words["phrases"] if attribute.phrases else {}
    if phrases and "other" not in phrases:
        raise KeyError(f"{attribute.id}.phrases.other")
    return replace(
        attribute,
        label=str(words["label"]),
        levels=levels,
        phrases={str(form): str(text) for form, text in phrases.items()},
    )
