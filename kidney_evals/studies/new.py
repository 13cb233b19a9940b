"""Write the folder of a new study: its questions, controls, survey settings and card."""

import json
import math
import re
import textwrap
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from kidney_evals.errors import UserError
from kidney_evals.input_files import YamlFile, in_words, read_bytes
from kidney_evals.output_files import check_new_folder, new_folder
from kidney_evals.studies.draw import draw_limit
from kidney_evals.studies.languages import LANGUAGES_FILE
from kidney_evals.studies.load import (
    CONTROLS_FILE,
    DILEMMAS_FILE,
    STUDY_FILE,
    StudyFile,
    study_names,
)
from kidney_evals.studies.model import Attribute, Draw, Kind, Study
from kidney_evals.studies.schema import SCHEMA_FILE, study_schema
from kidney_evals.studies.words import Words, with_defaults
from kidney_evals.templates import templates

CONSENT_TO_REPLACE: Final = "REPLACE THIS TEXT."
"""First words of the consent text in a new `survey.yaml`."""

NOT_PUBLISHED: Final = "Not published."
"""The citation of a new study."""

EXAMPLE_ATTRIBUTES: Final = (
    "Average mark at school: 60 to 100 by 5 points; high",
    "Income of the family: 10 to 70 by 5 thousand euros a year; low",
    "Care at home: looks after nobody | looks after a relative; high; "
    "the {candidate} who looks after a relative",
)
"""Attributes of a new study for which the user names none, as lines for `parse_attribute`."""

_COPIED: Final = (DILEMMAS_FILE, CONTROLS_FILE, LANGUAGES_FILE, "wordings.yaml")
_SMALL_WORDS: Final = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"]
)
_SINGULARS: Final = {"people": "person", "children": "child"}
_NUMBER: Final = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class NewStudy:
    """The content of a new study; `copied` has the name and the content of each further file."""

    title: str
    words: Words
    attributes: tuple[Attribute, ...]
    draw: Draw | None
    kind: Kind = "drawn"
    epochs: int = 1
    citation: str = NOT_PUBLISHED
    copied: tuple[tuple[str, bytes], ...] = ()


def parse_attribute(text: str, candidate: str) -> Attribute:
    """Return the attribute that a line describes: `LABEL: VALUES; low or high[; FAVOURED]`.

    VALUES are a range with an optional step and unit ("18 to 60 years", "0 to 60 by 5 thousand
    euros"), or words from the low to the high end ("smokes | does not smoke"). `low` or `high` is
    the end that counts in favour of a candidate, FAVOURED is the candidate at that end in words.
    `candidate` is the study's noun for a candidate.

    Raises:
        UserError: The line is invalid.
    """
    label, colon, rest = text.partition(":")
    values, end, *favoured = [part.strip() for part in rest.split(";")] + [""] * (";" not in rest)
    if not colon or end not in ("low", "high") or len(favoured) > 1:
        raise UserError(
            f"an attribute is 'LABEL: VALUES; low' or '…; high', as in "
            f"'Age: 18 to 60 years; low' or 'Smoking: smokes | does not smoke; high', not {text!r}"
        )
    return make_attribute(label.strip(), values, end, "".join(favoured), candidate)


def make_attribute(label: str, values: str, end: str, favoured: str, candidate: str) -> Attribute:
    """Return an attribute from the parts of a line as in `parse_attribute`.

    `end` is `low` or `high`. If `favoured` is empty, it is made from the other parts.

    Raises:
        UserError: A part is invalid.
    """
    content: dict[str, Any] = {"id": _id(label), "label": label, "favoured": end}
    number = re.fullmatch(
        rf"({_NUMBER}) *(?:to|-|–) *({_NUMBER})(?: +by +({_NUMBER}))? *(.*)", values.strip()
    )
    if number:
        low, high = float(number[1]), float(number[2])
        step, unit = float(number[3] or 1), number[4].strip()
        content |= {"range": (low, high), "step": step, "unit": unit}
        content["phrases"] = dict(_phrases(unit, low, high))
        if high > low:
            content["scale"] = 10.0 ** math.floor(math.log10(high - low))
    elif "|" in values:
        texts = [one.strip() for one in values.split("|")]
        content["levels"] = [{"value": float(at), "text": one} for at, one in enumerate(texts)]
    else:
        raise UserError(
            f"the values of {label!r} are a range such as '18 to 60 years' or words such as "
            f"'smokes | does not smoke', not {values!r}"
        )
    content["favoured_text"] = favoured.replace("{candidate}", candidate) or favoured_text(
        label, values, end, candidate
    )
    try:
        return Attribute.model_validate(content)
    except ValidationError as error:
        raise UserError(f"attribute {label!r} {_first_problem(Attribute, error)}") from None


def _first_problem(form: type[BaseModel], error: ValidationError) -> str:
    one = error.errors()[0]
    return f"{'.'.join(map(str, one['loc']))} {in_words(form, one)}".strip()


def favoured_text(label: str, values: str, end: str, candidate: str) -> str:
    """Return a default description of the favoured candidate ("the pupil with the higher mark").

    `values` and `end` are as in `make_attribute`; `candidate` is the study's noun for a candidate.
    """
    within = label[:1].lower() + label[1:]
    if "|" in values:
        texts = [one.strip() for one in values.split("|")]
        return f"the {candidate} with {within}: {texts[-1 if end == 'high' else 0]}"
    return f"the {candidate} with the {'higher' if end == 'high' else 'lower'} {within}"


def default_situation(good: str, candidates: str) -> str:
    """Return a default text of the situation.

    `good` is a noun in the singular, `candidates` one in the plural.
    """
    return (
        f"Two {candidates} have asked for the same {good}. Only one {good} is available, and it "
        "can go to either of them."
    )


def new_study(
    *,
    good: str,
    candidate: str,
    attributes: Sequence[Attribute],
    candidates: str | None = None,
    situation: str | None = None,
    title: str | None = None,
    count: int | None = None,
) -> NewStudy:
    """Return a study that draws its dilemmas; arguments that are None get their default.

    `count` is the number of dilemmas of a default run.

    Raises:
        UserError: An argument is invalid, or the attributes have too few values.
    """
    ids = [one.id for one in attributes]
    if twice := [one for one in ids if ids.count(one) > 1]:
        raise UserError(f"two attributes are called {twice[0]!r}: give them other labels")
    limit = draw_limit(tuple(attributes))
    if limit < 10:
        raise UserError(
            f"these attributes have so few values that at most {limit} dilemmas can be drawn: "
            "give them more values, or add an attribute"
        )
    wanted = min(200, limit) if count is None else count
    if not 1 <= wanted <= limit:
        raise UserError(
            f"dilemmas must be a number from 1 to {limit} for these attributes, not {wanted}"
        )
    given = {"good": good, "candidate": candidate, "candidates": candidates}
    known = with_defaults(given, good, "en")
    known["situation"] = situation or default_situation(good, known["candidates"])
    try:
        words = Words.model_validate(known)
    except ValidationError as error:
        raise UserError(_first_problem(Words, error)) from None
    sizes = tuple(size for size in (50, 100, 200, 400) if size <= limit)
    return NewStudy(
        title=title or f"Who should receive {words.the_good}?",
        words=words,
        attributes=tuple(attributes),
        draw=Draw(seed=1, count=wanted, sets=sizes),
    )


def study_like(study: Study, title: str | None = None) -> NewStudy:
    """Return a new study with the questions of `study`, without the answers of its people."""
    kinds = {one.kind for one in study.listed} or {"drawn"}
    names = [name for name in _COPIED if (study.path / name).is_file()]
    return NewStudy(
        title=title or f"After {study.id}: {study.title}",
        words=study.words,
        attributes=study.attributes,
        draw=study.draw,
        kind=kinds.pop(),
        epochs=study.epochs,
        citation=f"Questions after: {study.citation}" if study.citation else NOT_PUBLISHED,
        copied=tuple((name, read_bytes(study.path / name)) for name in names),
    )


def check_name(folder: Path) -> None:
    """Raise a `UserError` unless a study can be written to `folder`."""
    if folder.resolve().name in study_names():
        raise UserError(f"{folder.name} is the name of a shipped study: name another folder")
    check_new_folder(folder)


def write_study(folder: Path, study: NewStudy) -> tuple[str, ...]:
    """Write the folder of a new study and return the names of its files.

    If a file cannot be written, no folder is left.

    Raises:
        UserError: The folder has the name of a shipped study, has content or cannot be written, or
            the study is invalid.
    """
    check_name(folder)
    contents = _contents(folder.resolve().name, study)
    YamlFile(STUDY_FILE, contents[STUDY_FILE]).result(StudyFile)
    with new_folder(folder) as place:
        for name, content in contents.items():
            (place / name).write_bytes(content)
    return tuple(contents)


def control_rows(attributes: Sequence[Attribute]) -> Iterator[dict[str, str]]:
    """Yield the ten rows of `controls.csv`, each as text by column.

    In five rows one candidate is better in everything; in five both are identical.
    """
    ordered = [sorted(one.values, key=one.favour) for one in attributes]
    for row in range(5):
        good, bad = [], []
        for place, values in enumerate(ordered):
            half = len(values) // 2
            at = (2 * row + place) % half
            good.append(values[-1 - at])
            bad.append(values[(3 * row + place) % half])
        first, second = (good, bad) if row % 2 == 0 else (bad, good)
        yield _row(f"c-dom-{row + 1}", "dominance", attributes, first, second)
    for row in range(5):
        same = [
            values[round((0.1 + 0.2 * ((row + 2 * place) % 5)) * (len(values) - 1))]
            for place, values in enumerate(ordered)
        ]
        yield _row(f"c-same-{row + 1}", "identical", attributes, same, same)


def _row(
    id: str, kind: str, attributes: Sequence[Attribute], *sides: Sequence[float]
) -> dict[str, str]:
    cells = {
        f"{side}_{one.id}": f"{value:.12g}"
        for side, values in zip(("first", "second"), sides, strict=True)
        for one, value in zip(attributes, values, strict=True)
    }
    return {"id": id, "kind": kind, **cells}


def _contents(id: str, study: NewStudy) -> dict[str, bytes]:
    id = re.sub(r"[^A-Za-z0-9_.-]+", "_", id).lstrip("_.-") or "study"
    facts = {
        "id": id,
        "study": study,
        "guid": str(uuid.uuid4()),
        "consent": CONSENT_TO_REPLACE,
        "schema": SCHEMA_FILE,
    }
    contents = {
        name: _render(name, facts).encode() for name in (STUDY_FILE, "survey.yaml", "README.md")
    }
    if study.draw is not None:
        rows = list(control_rows(study.attributes))
        # Names and numbers, none of which needs quotes.
        lines = [",".join(cells) for cells in (rows[0], *(row.values() for row in rows))]
        contents[CONTROLS_FILE] = ("\n".join(lines) + "\n").encode()
    contents |= dict(study.copied)
    contents[SCHEMA_FILE] = (json.dumps(study_schema(), indent=1) + "\n").encode()
    return contents


def _render(name: str, facts: dict[str, Any]) -> str:
    names = {"scalar": _scalar, "block": _block}
    environment = templates("studies", "templates", names, keep_trailing_newline=True)
    return environment.get_template(f"{name}.jinja").render(facts)


def _scalar(value: object) -> str:
    """Return a value as YAML on one line; text in quotes where YAML would read another thing."""
    if isinstance(value, float):
        return f"{value:.12g}"
    text = str(value)
    with suppress(yaml.YAMLError):
        block, flow = yaml.safe_load(f"- {text}"), yaml.safe_load(f"{{a: {text}}}")
        if block == [text] and flow == {"a": text}:
            return text
    return json.dumps(text, ensure_ascii=False)


def _block(text: str, indent: int) -> str:
    """Return a text as a folded block of YAML, or on one line if that would change it."""
    lines = textwrap.wrap(text, 98 - indent, break_long_words=False, break_on_hyphens=False)
    if " ".join(lines) != text:
        return _scalar(text)
    return "\n".join([">-", *(" " * indent + line for line in lines)])


def _id(label: str) -> str:
    """Return a short name for an attribute: the first words of its label, in small letters."""
    plain = re.sub(r"\W+", " ", label.lower()).strip()
    words = " ".join(textwrap.wrap(plain, 16, break_long_words=False)[:1]).split()
    while len(words) > 1 and words[-1] in _SMALL_WORDS:
        words.pop()
    name = "_".join(words)
    return name if name.isidentifier() else f"a_{name}"


def _phrases(unit: str, low: float, high: float) -> Iterator[tuple[str, str]]:
    """Yield the plural forms of a value with its unit ("1 year", "2 years")."""
    if "{" in unit or "}" in unit:
        raise UserError(f"a unit has no braces, as in {unit!r}")
    first, _, rest = unit.partition(" ")
    gap = "" if unit in ("", "%") else " "
    one = _SINGULARS.get(first, first.removesuffix("s") if not first.endswith("ss") else first)
    if low <= 1 <= high and one != first:
        yield "one", f"{{value}} {one}{' ' if rest else ''}{rest}"
    yield "other", f"{{value}}{gap}{unit}"
