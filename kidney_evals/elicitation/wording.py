"""Wordings: presentations of a dilemma, read from a table."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, model_validator

from kidney_evals.elicitation.form import Form, Mechanism, known_language
from kidney_evals.errors import UserError, check_known, errors_of, unknown
from kidney_evals.input_files import (
    FileModel,
    Line,
    PromptText,
    VisibleText,
    YamlFile,
    placeholders,
    read_bytes,
    shown,
    typed_path,
    untouched,
)
from kidney_evals.studies import SLOT_NAMES, SLOTS, Study, in_language

T = TypeVar("T")

Explain = Literal["none", "before", "after"]
"""Whether reasons are requested, and on which side of the answer line."""

EXPLAIN: tuple[Explain, ...] = get_args(Explain)

WORDINGS_FILE = "wordings.yaml"
"""The file of a study's own wordings, in its folder."""

DEFAULT = "default"

ALL = "all"
"""Value of a task's `wording`: all English wordings with a coin that fit the study's words."""


def _naming(*allowed: str) -> AfterValidator:
    """Return a validator: a template's placeholders must equal one of the allowed lists.

    The study's words (`SLOTS`) may stand anywhere.
    """

    def check(template: str) -> str:
        own = placeholders(SLOTS.sub("", template))
        known = dict.fromkeys([*" ".join(allowed).split(), *SLOT_NAMES])
        if others := [name for name in own if name not in known]:
            raise unknown("placeholder", others[0], known)
        if sorted(own) not in [sorted(names.split()) for names in allowed]:
            listed = " or ".join(", ".join(names.split()) or "nothing" for names in allowed)
            raise ValueError(f"must name {listed} once each")
        if not template.strip() and allowed != ("",):
            raise ValueError("is empty")
        return template

    return AfterValidator(check)


def _about_patients(template: str) -> str:
    """Check that a template around a candidate's values contains no number."""
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
    # A parsed answer is always A for the first candidate and B for the second.
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


_HASHED_AS = {
    "hospital": "Scenario phrasing: one evening in one hospital, told afresh.",
    "role_member": "Role in the user's message: a member of a transplant committee.",
    "role_advisor": "Role in the user's message: an advisor to a transplant committee.",
}
"""Earlier descriptions of wordings, which are part of the sample ids."""


class Wording(FileModel):
    """A presentation of a dilemma; `wordings.md` describes the fields.

    Its texts may have placeholders for a study's words, which `put` fills.
    """

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
        """Whether both candidates are shown in one table."""
        return "{table}" in self.scene

    @property
    def no_human_reference(self) -> str:
        """Why answers have no human reference, in one line; empty if they have one.

        People were asked in English and offered a coin.
        """
        lacks = ["no human reference in this language"] * (self.language != "en")
        lacks += ["no human reference for this mechanism"] * (self.mechanism != "coin")
        return "; ".join(lacks)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of the wording."""
        texts = self.model_dump(exclude={"names", "language", "mechanism"})
        texts["varies"] = _HASHED_AS.get(self.id, self.varies)
        # The form as `Form` showed it when ids were first made of it: its nouns are the study's.
        names, language, mechanism = self.names, self.language, self.mechanism
        form = f"Form(names={names!r}, language={language!r}, mechanism={mechanism!r})"
        content = repr([*(texts | {"table": texts["table"] or {}}).values()])
        return hashlib.sha256(f"{content[:-1]}, {form}]".encode()).hexdigest()[:8]


def put(wording: Wording, study: Study) -> Wording:
    """Return a wording with the study's words in place of placeholders such as `{the_good}`.

    Raises:
        UserError: The study lacks the wording's language or a word that the wording needs.
    """
    words, whose = in_language(study, wording.language).words, f"wording {wording.id!r}"

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return words.fill(value, whose)
        if isinstance(value, _Texts):
            return value.model_copy(update={name: filled(text) for name, text in value})
        return value

    return wording.model_copy(update={name: filled(value) for name, value in wording})


def own_wordings(study: Study) -> Mapping[str, Wording]:
    """Return the wordings in the study's folder by id; empty if it has no `wordings.yaml`.

    The file is not part of the study's hash: a new wording changes no sample id.

    Raises:
        UserError: The file is invalid.
    """
    path = study.path / WORDINGS_FILE
    if not os.path.lexists(path):
        return {}
    return read_wordings(read_bytes(path), wordings(), str(path), taken=wordings())


@cache
def wordings() -> Mapping[str, Wording]:
    """Return the shipped wordings by id."""
    return read_wordings((files("kidney_evals.elicitation") / "wordings.yaml").read_text("utf-8"))


def wording_named(name: str) -> Wording:
    """Return the shipped wording `name`; raise `UserError` if there is no such wording."""
    check_known("wording", name, wordings())
    return wordings()[name]


def wordings_asked(wording: str | Sequence[str], study: Study | None = None) -> tuple[Wording, ...]:
    """Return the wordings for a task's argument `wording`.

    Args:
        wording: One of the following, or several as a sequence or separated by commas: the id of a
            shipped wording or of a wording of the study; `all` (see `ALL`); the path of a user's
            table, for all its wordings; `path#id`, for one wording of the table.
        study: The study of the run. If it is None, no wording of a study has an id, and `all`
            leaves no wording out.

    Raises:
        UserError: A wording is unknown or repeated, a table is invalid, or the wordings have
            several languages or mechanisms.
    """
    parts: Sequence[object] = [wording]
    if isinstance(wording, str):
        parts = wording.split(",")
    elif isinstance(wording, Sequence) and wording:
        parts = wording
    known = _known(study)
    asked: list[Wording] = []
    for part in parts:
        if isinstance(part, str) and part.strip() == ALL:
            asked += [known[name] for name, reason in _pooled(known, study).items() if not reason]
        else:
            read = partial(read_wordings, bases=known, taken=wordings())
            asked += entries_asked("wording", part, known, (*known, ALL), read=read)
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
    return tuple(asked)


def left_out(wording: str | Sequence[str], study: Study) -> Mapping[str, str]:
    """Return the wordings that `all` leaves out for a study: the reason, in one line, by id.

    Args:
        wording: The task's argument. Without `all` in it, no wording is left out.
        study: The study of the run.
    """
    parts = wording.split(",") if isinstance(wording, str) else wording
    if ALL not in [str(part).strip() for part in parts]:
        return {}
    return {name: reason for name, reason in _pooled(_known(study), study).items() if reason}


def _known(study: Study | None) -> Mapping[str, Wording]:
    return {**wordings(), **(own_wordings(study) if study else {})}


def _pooled(known: Mapping[str, Wording], study: Study | None) -> dict[str, str]:
    """Return what the study lacks for the English wordings with a coin, by id; "" for most."""
    pooled = [one for one in known.values() if not one.no_human_reference]
    checks = {one.id: [partial(put, one, study)] if study else [] for one in pooled}
    return {name: "".join(map(str, errors_of(check))) for name, check in checks.items()}


def entries_asked(
    kind: str,
    value: object,
    known: Mapping[str, T],
    listed: Iterable[str],
    *,
    read: Callable[..., Mapping[str, T]],
) -> tuple[T, ...]:
    """Return the entries of a table that a task's argument names.

    Args:
        kind: The argument's name, for errors.
        value: The argument: an id of `known`, the path of a table for all its entries, or `path#id`
            for one of them.
        known: The entries that need no path, by id.
        listed: The names that the error for an unknown name lists.
        read: Function that parses the bytes of a table and returns its entries by id. Its argument
            `where` is the path as typed.

    Raises:
        UserError: The argument names no entry, or the table is missing or invalid.
    """
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{kind} must be a name or a path, not {value!r}")
    value = value.strip()
    path, _, name = value.partition("#")
    if value in known:
        return (known[value],)
    if not ("/" in path or path.endswith((".yaml", ".yml"))):
        raise unknown(kind, value, (*listed, "a table's path, or path#id"))
    place = typed_path(path)
    if not os.path.lexists(place):
        raise UserError(f"there is no table of {kind}s at {path!r}")
    own = read(read_bytes(place), where=path)
    if name and name not in own:
        raise unknown(f"{kind} of {path}", name, own)
    return (own[name],) if name else tuple(own.values())


def read_wordings(
    data: bytes | str,
    bases: Mapping[str, Wording] | None = None,
    where: str = "the table of wordings",
    taken: Collection[str] = (),
) -> Mapping[str, Wording]:
    """Parse a table of wordings; return them by id.

    An entry with `base` inherits missing fields, except `id` and `varies`, from the wording with
    this id. For `question`, `line`, `ask` and `table`, it inherits missing keys.

    Args:
        data: The table, in YAML.
        bases: Wordings by id that `base` may name, in addition to earlier entries of the table.
        where: The table's name in errors.
        taken: Ids that no entry may have.

    Raises:
        UserError: The table is invalid.
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
            if checked.id in taken:
                file.add((index, "id"), f"is the id of a shipped wording ({checked.id})")
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
