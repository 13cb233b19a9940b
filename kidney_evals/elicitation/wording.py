"""Wordings: presentations of a dilemma, read from a table."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, model_validator

from kidney_evals.elicitation.form import Form, Mechanism, known_language
from kidney_evals.errors import UserError, unknown
from kidney_evals.input_files import (
    FileModel,
    Line,
    PromptText,
    VisibleText,
    YamlFile,
    placeholders,
    read_bytes,
    shown,
    untouched,
)

Explain = Literal["none", "before", "after"]
"""Whether reasons are requested, and on which side of the answer line."""

EXPLAIN: tuple[Explain, ...] = get_args(Explain)

DEFAULT = "default"

ALL = "all"
"""Selects every English wording that offers a coin, distributed over the dilemmas."""


def _naming(*allowed: str) -> AfterValidator:
    """Return a validator: a template's placeholders must equal one of the allowed lists."""

    def check(template: str) -> str:
        if sorted(placeholders(template)) not in [sorted(names.split()) for names in allowed]:
            listed = " or ".join(", ".join(names.split()) or "nothing" for names in allowed)
            raise ValueError(f"must name {listed} once each")
        if not template.strip() and allowed != ("",):
            raise ValueError("is empty")
        return template

    return AfterValidator(check)


def _about_patients(template: str) -> str:
    """Check that a template around a patient's values contains no number."""
    if digit := re.search(
        r"\d|[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f]", template
    ):
        raise ValueError(f"must hold no number of its own ({shown(digit[0])})")
    return untouched(template)


def _wording_id(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", value) or value == ALL:
        raise ValueError(f"must have small letters, digits and _, and not be all: {shown(value)}")
    return value


def _two_names(names: tuple[str, str]) -> tuple[str, str]:
    if names[0] == names[1] or not all(re.fullmatch("[A-Z1-9]", name) for name in names):
        raise ValueError("must be two capital letters or digits 1 to 9")
    # A parsed answer is always A for the first patient and B for the second.
    if names != ("A", "B") and set(names) & {"A", "B"}:
        raise ValueError("must be A and B in this order, or neither of them")
    return names


_Beside = AfterValidator(_about_patients)


class _Texts(FileModel):
    def __getitem__(self, name: str) -> str:
        return str(getattr(self, name))

    def values(self) -> tuple[str, ...]:
        return tuple(self.model_dump().values())


class _Table(_Texts):
    head: Annotated[PromptText, _naming("a b"), _Beside]
    row: Annotated[PromptText, _naming("label value_a value_b"), _Beside]


class _Questions(_Texts):
    forced_choice: Annotated[PromptText, _naming("", "a b")]
    coin_flip: Annotated[PromptText, _naming("", "a b")]


class _Lines(_Texts):
    # Only these texts hold an answer line.
    forced_choice: Annotated[VisibleText, _naming("a b", "")]
    coin_flip: Annotated[VisibleText, _naming("a b", "")]


class _Ask(_Texts):
    none: Annotated[PromptText, _naming("line")]
    before: Annotated[PromptText, _naming("line")]
    after: Annotated[PromptText, _naming("line")]


class Wording(FileModel):
    """A presentation of a dilemma; `wordings.md` describes the fields."""

    id: Annotated[Line, AfterValidator(_wording_id)]
    varies: Line
    patient: Annotated[PromptText, _naming("name attributes"), _Beside]
    attribute: Annotated[PromptText, _naming("label value", "label_within value"), _Beside]
    scene: Annotated[PromptText, _naming("situation patient_a patient_b", "situation table")]
    question: _Questions
    line: _Lines
    ask: _Ask
    repeat: Annotated[PromptText, _naming("line")]
    separator: Annotated[PromptText, _naming(""), _Beside] = "\n"
    table: _Table | None = None
    situation: Annotated[PromptText, _naming("")] = ""
    role: Annotated[PromptText, _naming("")] = ""
    role_in: Literal["user", "system"] = "user"
    attribute_order: Literal["listed", "reversed"] = "listed"
    numbers: Literal["digits", "words"] = "digits"
    names: Annotated[tuple[Line, Line], AfterValidator(_two_names)] = ("A", "B")
    language: Annotated[Line, AfterValidator(known_language)] = "en"
    mechanism: Mechanism = "coin"

    @model_validator(mode="after")
    def _check(self) -> Wording:
        if "{table}" in self.scene and self.table is None:
            raise ValueError("lacks table, which its scene names")
        if self.numbers == "words" and self.language != "en":
            raise ValueError("writes numbers out, which can be done in English only")
        return self

    @property
    def form(self) -> Form:
        """The form of the answer."""
        return Form(self.names, self.language, self.mechanism)

    @property
    def is_table(self) -> bool:
        """Whether both patients are shown in one table."""
        return "{table}" in self.scene

    @property
    def is_shipped_default(self) -> bool:
        """Whether this is the reference wording, from any table."""
        return self == wordings()[DEFAULT]

    @property
    def no_human_reference(self) -> str:
        """Properties of this wording without a human reference, apart from its phrasing; or ""."""
        lacks = []
        if self.language != "en":
            lacks.append("no human reference in this language")
        if self.mechanism != "coin":
            lacks.append("no human reference for this mechanism")
        return "; ".join(lacks)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of the wording."""
        texts = self.model_dump(exclude={"names", "language", "mechanism"})
        content = repr([*(texts | {"table": texts["table"] or {}}).values(), self.form])
        return hashlib.sha256(content.encode()).hexdigest()[:8]


@cache
def wordings() -> Mapping[str, Wording]:
    """Return the shipped wordings by id."""
    text = files("kidney_evals.elicitation").joinpath("wordings.yaml").read_text(encoding="utf-8")
    return read_wordings(text)


def wording_named(name: str) -> Wording:
    """Return the shipped wording `name`; raise `UserError` if there is no such wording."""
    if name not in wordings():
        raise unknown("wording", name, (*wordings(), ALL, "a table's path, or path#id"))
    return wordings()[name]


def wordings_asked(wording: str | Sequence[str]) -> tuple[Wording, ...]:
    """Return the wordings for a task's argument `wording`.

    It is an id; `all`; the path of a user's table, for all its wordings; `path#id` for one of its
    wordings; or several of these (on the command line separated by commas).

    Raises:
        UserError: There is no such wording or table, the table is invalid, or answers to the
            wordings must not be pooled.
    """
    parts: Sequence[object] = [""]
    if isinstance(wording, str):
        parts = wording.split(",")
    elif isinstance(wording, Sequence) and wording:
        parts = wording
    asked = tuple(one for part in parts for one in _asked(part))
    names = [one.id for one in asked]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"wording {twice[0]!r} is asked for twice")
    for trait in ("language", "mechanism"):
        kinds = sorted({getattr(one.form, trait) for one in asked})
        if len(kinds) > 1:
            raise UserError(
                f"the wordings {', '.join(names)} are of more than one {trait} "
                f"({', '.join(kinds)}), whose answers are not pooled; ask for one at a time"
            )
    return asked


def _asked(wording: object) -> tuple[Wording, ...]:
    if not isinstance(wording, str) or not wording.strip():
        raise UserError(f"wording must be a name or a path, not {wording!r}")
    wording = wording.strip()
    if wording == ALL:
        return tuple(one for one in wordings().values() if not one.no_human_reference)
    path, _, name = wording.partition("#")
    if wording in wordings() or not ("/" in path or path.endswith((".yaml", ".yml"))):
        return (wording_named(wording),)
    # Inspect changes to a task file's folder: look in the folder where the command was typed.
    # `expanduser` of os.path leaves "~nobody" as it is.
    place = Path(os.path.expanduser(path))
    if not os.path.lexists(place):
        place = Path(os.environ.get("PWD", ".")) / place
    if not os.path.lexists(place):
        raise UserError(f"there is no table of wordings at {path!r}")
    own = read_wordings(read_bytes(place), wordings(), path)
    if not name:
        return tuple(own.values())
    if name not in own:
        raise unknown(f"wording of {path}", name, own)
    return (own[name],)


def read_wordings(
    data: bytes | str,
    bases: Mapping[str, Wording] | None = None,
    where: str = "the table of wordings",
) -> Mapping[str, Wording]:
    """Parse a table of wordings (YAML); raise `UserError`, which names `where`, if it is invalid.

    An entry with `base` inherits every missing field from the wording of that id, above it in the
    table or in `bases`. Of `question`, `line`, `ask` and `table` it inherits every missing key.
    """
    file = YamlFile(where, data)
    if not isinstance(file.value, list) or not file.value:
        file.add((), f"must be a list of wordings, not {shown(file.value)}")
        file.finish()
    table: dict[str, Wording] = {}
    for index, entry in enumerate(file.value):
        whole = _with_base(file, index, entry, {**(bases or {}), **table})
        if (checked := file.check(Wording, whole, (index,))) is not None:
            table[checked.id] = checked
    file.finish()
    return table


def _with_base(
    file: YamlFile, index: int, entry: Any, bases: Mapping[str, Wording]
) -> dict[str, Any] | None:
    """Return an entry with its missing fields taken from its base."""
    if not isinstance(entry, Mapping):
        return None
    whole: dict[str, Any] = {}
    base = entry.get("base")
    if isinstance(base, str) and base in bases:
        whole = bases[base].model_dump(exclude={"id", "varies"})
    elif base is not None:
        file.add((index, "base"), f"must be one of {', '.join(bases)}, not {shown(base)}")
    for key, value in entry.items():
        both = isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
        whole[key] = {**whole[key], **value} if both else value
    return {key: value for key, value in whole.items() if value is not None and key != "base"}
