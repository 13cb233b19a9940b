"""Wordings: ways of putting a dilemma, read from a table."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any, Literal, get_args

import yaml

from kidney_evals.elicitation.form import Form, known_language, known_mechanism
from kidney_evals.errors import UserError, unknown
from kidney_evals.studies import CONDITIONS, Condition

Explain = Literal["none", "before", "after"]
"""Whether reasons are asked for, and on which side of the answer line."""

EXPLAIN: tuple[Explain, ...] = get_args(Explain)

RoleIn = Literal["user", "system"]
"""The message that carries a role."""

AttributeOrder = Literal["listed", "reversed"]
"""`listed` is the study's own order, `reversed` the same from its end."""

Numbers = Literal["digits", "words"]
"""`words` writes whole numbers out ("thirty-two years"), in English only."""

DEFAULT = "default"

ALL = "all"
"""Stands for every English wording that offers a coin, dealt over the dilemmas."""

_PLACES: dict[str, tuple[set[str], ...]] = {
    "patient": ({"name", "attributes"},),
    "attribute": ({"label", "value"}, {"label_within", "value"}),
    "scene": ({"situation", "patient_a", "patient_b"}, {"situation", "table"}),
    "repeat": ({"line"},),
}
"""The places that a template must fill, by field; of several sets, one."""

_BY_KEY: dict[str, tuple[str, ...]] = {"question": CONDITIONS, "line": CONDITIONS, "ask": EXPLAIN}
"""Fields with one text for each of these keys."""

_TABLE = {"head": {"a", "b"}, "row": {"label", "value_a", "value_b"}}

_CHOICES = {
    "role_in": get_args(RoleIn),
    "attribute_order": get_args(AttributeOrder),
    "numbers": get_args(Numbers),
}

_NAME = re.compile(r"[A-Z]|[1-9]")


@dataclass(frozen=True)
class Wording:
    """One way of putting a dilemma; `wordings.md` says what each field holds."""

    id: str
    varies: str
    patient: str
    attribute: str
    scene: str
    question: Mapping[Condition, str]
    line: Mapping[Condition, str]
    ask: Mapping[Explain, str]
    repeat: str
    separator: str = "\n"
    table: Mapping[str, str] = field(default_factory=dict)
    situation: str = ""
    role: str = ""
    role_in: RoleIn = "user"
    attribute_order: AttributeOrder = "listed"
    numbers: Numbers = "digits"
    form: Form = field(default_factory=Form)

    @property
    def is_table(self) -> bool:
        """Whether both patients stand in one table."""
        return "{table}" in self.scene

    @property
    def is_shipped_default(self) -> bool:
        """Whether this is the reference wording, whatever table it was read from."""
        return self == wordings()[DEFAULT]

    @property
    def no_human_reference(self) -> str:
        """Say what of this wording no people were asked with; empty where they were.

        Phrasing is ours throughout and is not counted.
        """
        lacks = []
        if self.form.language != "en":
            lacks.append("no human reference in this language")
        if self.form.mechanism != "coin":
            lacks.append("no human reference for this mechanism")
        return "; ".join(lacks)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of it."""
        parts = [getattr(self, one.name) for one in fields(self)]
        content = repr([dict(part) if isinstance(part, Mapping) else part for part in parts])
        return hashlib.sha256(content.encode()).hexdigest()[:8]


@lru_cache(maxsize=1)
def wordings() -> Mapping[str, Wording]:
    """Return the shipped wordings by id."""
    text = files("kidney_evals.elicitation").joinpath("wordings.yaml").read_text(encoding="utf-8")
    return read_wordings(text)


def wording_named(name: str) -> Wording:
    """Return the wording `name`.

    Raises:
        UserError: If there is none of that name.
    """
    if name not in wordings():
        raise unknown("wording", name, (*wordings(), ALL, "a table's path, or path#id"))
    return wordings()[name]


def wordings_asked(wording: str | Sequence[str]) -> tuple[Wording, ...]:
    """Return the wordings that a run asks for.

    Args:
        wording: An id; `all`; the path of a table of one's own, whose wordings then all take
            part; `path#id` for one of them; or several of these (on the command line with commas
            between). `all` stands for the shipped English wordings
            with the coin: the only ones whose answers may be pooled beside people's.

    Raises:
        UserError: If there is no such wording or table, the table has a fault, or answers to
            the wordings are not pooled.
    """
    if isinstance(wording, str):
        parts = wording.split(",")
    elif isinstance(wording, Sequence) and wording:
        parts = list(wording)
    else:
        parts = [""]
    whole = ",".join(map(str, parts))
    if len(parts) > 1 and _place_of(whole.partition("#")[0]).is_file():
        parts = [whole]  # a path with commas, which the command line splits
    asked = tuple(one for part in parts for one in _asked(part))
    names = [one.id for one in asked]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"wording {twice[0]!r} is asked for twice")
    for what in ("language", "mechanism"):
        kinds = sorted({getattr(one.form, what) for one in asked})
        if len(kinds) > 1:
            raise UserError(
                f"the wordings {', '.join(names)} are of more than one {what} "
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
    found = _table_at(path)
    if name:
        if name not in found:
            raise unknown(f"wording of {path}", name, found)
        return (found[name],)
    return tuple(found.values())


def _table_at(path: str) -> Mapping[str, Wording]:
    place = _place_of(path)
    if not place.is_file():
        raise UserError(f"there is no table of wordings at {path!r}")
    try:
        return read_wordings(place.read_text(encoding="utf-8"), wordings())
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not YAML ({reason})") from error


def _place_of(path: str) -> Path:
    # Inspect loads a task file from within the file's folder: look where the command was typed.
    here = Path(path).expanduser()
    return here if here.is_file() else Path(os.environ.get("PWD", ".")) / here


def read_wordings(text: str, bases: Mapping[str, Wording] | None = None) -> Mapping[str, Wording]:
    """Read a table of wordings.

    An entry with `base` takes every field that it does not state from the wording of that id,
    above it in the table or in `bases`, and of `question`, `line`, `ask` and `table` every key.

    Args:
        text: YAML, a list of entries.
        bases: Other wordings that an entry may build on.

    Raises:
        UserError: If an entry lacks a field, a condition or a place to fill.
    """
    entries = yaml.safe_load(text)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise UserError("a table of wordings is a list of entries")
    if not entries:
        raise UserError("the table holds no wording")
    found: dict[str, Wording] = {}
    for entry in entries:
        wording = _read(entry, {**(bases or {}), **found})
        if wording.id in found:
            raise UserError(f"two wordings are called {wording.id!r}")
        found[wording.id] = wording
    return found


_OWN = ("id", "varies", "base")
_OF_FORM = ("names", "language", "mechanism")


def _read(entry: Mapping[str, Any], bases: Mapping[str, Wording]) -> Wording:
    name = str(entry.get("id", "?"))
    stated = dict(entry)
    given: dict[str, Any] = {}
    base = stated.pop("base", None)
    if base is not None:
        if base not in bases:
            raise unknown(f"base of wording {name!r}", base, bases)
        given = _as_entry(bases[base])
    allowed = [one.name for one in fields(Wording) if one.name != "form"]
    for key, value in stated.items():
        if key not in (*allowed, *_OF_FORM):
            raise unknown(f"field of wording {name!r}", key, (*allowed, *_OF_FORM, "base"))
        both = isinstance(value, Mapping) and isinstance(given.get(key), Mapping)
        given[key] = {**given[key], **value} if both else value
    given = {key: value for key, value in given.items() if value is not None}
    _check_entry(name, given)
    form = Form(
        names=_names(name, given.pop("names", ("A", "B"))),
        language=known_language(given.pop("language", "en")),
        mechanism=known_mechanism(given.pop("mechanism", "coin")),
    )
    wording = Wording(**given, form=form)
    if wording.numbers == "words" and form.language != "en":
        raise UserError(f"wording {name!r}: numbers are written out in English only")
    return wording


def _as_entry(wording: Wording) -> dict[str, Any]:
    entry = {
        one.name: getattr(wording, one.name)
        for one in fields(Wording)
        if one.name not in ("form", *_OWN)
    }
    form = wording.form
    return entry | {"names": form.names, "language": form.language, "mechanism": form.mechanism}


def _check_entry(name: str, given: Mapping[str, Any]) -> None:
    wanted = ("id", "varies", *_PLACES, *_BY_KEY)
    if missing := [part for part in wanted if not given.get(part)]:
        raise UserError(f"wording {name!r} lacks {', '.join(missing)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == ALL:
        raise UserError(f"wording {name!r}: an id has small letters, digits and _, and is not all")
    for part, keys in _BY_KEY.items():
        if not isinstance(given[part], Mapping):
            raise UserError(f"wording {name!r}: {part} must have a text for {', '.join(keys)}")
        if absent := [key for key in keys if not given[part].get(key)]:
            raise UserError(f"wording {name!r} lacks {part} for {', '.join(absent)}")
    for part, allowed in _CHOICES.items():
        if given.get(part, allowed[0]) not in allowed:
            raise unknown(f"{part} of wording {name!r}", given[part], allowed)
    for part, template, places in _templates(given):
        if not isinstance(template, str):
            raise UserError(f"wording {name!r}: {part} must be a text, not {template!r}")
        named = sorted(_named(name, part, template))
        if named not in [sorted(one) for one in places]:
            listed = " or ".join(", ".join(sorted(one)) or "nothing" for one in places)
            raise UserError(f"wording {name!r}: {part} must name {listed} once each")


def _templates(given: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple[set[str], ...]]]:
    """Yield every text of an entry with the places it must or may fill."""
    for part, places in _PLACES.items():
        yield part, given[part], places
    for explain in EXPLAIN:
        yield f"ask.{explain}", given["ask"][explain], ({"line"},)
    for condition in CONDITIONS:
        yield f"line.{condition}", given["line"][condition], ({"a", "b"}, set())
        yield f"question.{condition}", given["question"][condition], (set(), {"a", "b"})
    if "{table}" in given["scene"]:
        table = given.get("table") or {}
        for key, needs in _TABLE.items():
            yield f"table.{key}", table.get(key, ""), (needs,)
    for part in ("situation", "role", "separator"):
        yield part, given.get(part, ""), (set(),)


def _named(name: str, part: str, template: str) -> list[str]:
    try:
        return [place for _, place, _, _ in Formatter().parse(template) if place is not None]
    except ValueError as error:
        raise UserError(f"wording {name!r}: {part} is no template ({error})") from error


def _names(name: str, names: object) -> tuple[str, str]:
    pair = [str(one) for one in names] if isinstance(names, list | tuple) else []
    if len(pair) != 2 or pair[0] == pair[1] or not all(map(_NAME.fullmatch, pair)):
        raise UserError(f"wording {name!r}: names must be two capital letters or digits 1 to 9")
    if pair != ["A", "B"] and set(pair) & {"A", "B"}:
        # The answer read is always A for the first and B for the second.
        raise UserError(f"wording {name!r}: names are A and B in this order, or neither of them")
    return pair[0], pair[1]
