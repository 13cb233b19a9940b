"""A JSON Schema of `study.yaml`, for editors that check and complete YAML."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from kidney_evals.studies.load import StudyFile
from kidney_evals.studies.model import Attribute, Draw, Level
from kidney_evals.studies.words import Scene, Words

SCHEMA_FILE: Final = "study.schema.json"

_BOUNDS: Final = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum"}
"""Keywords of JSON Schema for the bounds that pydantic leaves on fields with a validator."""


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `study.yaml`: keys, types, bounds, descriptions.

    It has no rules that relate two values, such as ascending levels; `load_study` checks them.
    """
    schema = StudyFile.model_json_schema()
    models: tuple[type[BaseModel], ...] = (StudyFile, Attribute, Draw, Level, Scene, Words)
    for model in models:
        part = schema["$defs"].get(model.__name__, schema)
        texts = dict(_descriptions(model.__doc__ or ""))
        part["description"] = (model.__doc__ or "").split("\n")[0]
        for name, field in part["properties"].items():
            field.pop("title", None)
            if name in texts:
                field["description"] = texts[name]
    # The other words have defaults by grammar.
    schema["$defs"]["Words"]["required"] = ["situation"]
    schema["title"] = f"{StudyFile.__name__}: study.yaml of kidney_evals"
    _bounded(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _descriptions(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a docstring's section `Attributes`."""
    _, _, section = docstring.partition("Attributes:\n")
    for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, flags=re.M):
        yield name, " ".join(text.split())


def _bounded(part: Any) -> None:
    """Rename bounds, at any depth."""
    if isinstance(part, dict):
        for name, keyword in _BOUNDS.items():
            if isinstance(part.get(name), int | float):
                part[keyword] = part.pop(name)
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _bounded(one)
