"""Read and check a study's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from kidney_evals.errors import UserError, unknown
from kidney_evals.input_files import (
    Cell,
    FileError,
    FileModel,
    Id,
    Line,
    Number,
    Place,
    Stamp,
    TableFile,
    Text,
    Whole,
    YamlFile,
    folded,
    read_bytes,
    shown,
    stamp,
    typed_path,
    without_bom,
)
from kidney_evals.studies.draw import draw_dilemmas, draw_limit, is_drawn_id
from kidney_evals.studies.model import (
    CONDITIONS,
    Attribute,
    Condition,
    Dilemma,
    Draw,
    Kind,
    Patient,
    Study,
)
from kidney_evals.studies.words import ENGLISH, Words, with_defaults

STUDY_FILE = "study.yaml"
DILEMMAS_FILE = "dilemmas.csv"
CONTROLS_FILE = "controls.csv"

DEFAULT_STUDY = "mcelfresh_2021"
"""The default study of a task."""


_STRIPPED = AfterValidator(str.strip)


def _completed(scenario: object) -> object:
    if not isinstance(scenario, Mapping):
        return scenario
    return with_defaults(scenario, scenario.get("good"), ENGLISH)


class StudyFile(FileModel):
    """The content of `study.yaml`, which describes a study.

    Attributes:
        id: Name of the study in logs and tables: letters, digits, _, . and -.
        title: One line on what is asked.
        version: Increase it when a dilemma, an attribute or a wording of a value changes.
        kind: "drawn" draws the dilemmas from the attributes; "fixed" takes those of dilemmas.csv
            ("profile" and "repeated" do, too, and add measures of two shipped studies).
        people: Number of people who answered in each condition; 0 if nobody was asked, -1 if the
            number is not known.
        scenario: What is allocated, to whom, and in which situation.
        attributes: What tells the two candidates apart, in the order shown.
        canary: A text with a random number, by which copies of the study can be kept out of
            training corpora.
        citation: What to cite.
        source: Where the data of people come from; any keys are allowed.
        draw: How many dilemmas are drawn; only for the kind "drawn".
        epochs: How often a run asks each dilemma in each order.
    """

    id: Id
    title: Annotated[Line, _STRIPPED]
    version: Line
    kind: Literal["drawn", "fixed", "profile", "repeated"]
    people: dict[Condition, Annotated[Whole, Field(ge=-1, le=10_000_000_000)]]
    scenario: Annotated[Words, BeforeValidator(_completed)]
    attributes: Annotated[list[Attribute], Field(min_length=1, max_length=50)]
    canary: Annotated[Text, _STRIPPED]
    citation: Annotated[Text, _STRIPPED] = ""
    source: Mapping[Line, Any] = Field(default_factory=dict)
    draw: Draw | None = None
    epochs: Annotated[Whole, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _check(self) -> StudyFile:
        if len({folded(attribute.label) for attribute in self.attributes}) < len(self.attributes):
            raise ValueError("has two attributes with one label")
        if (self.kind == "drawn") != (self.draw is not None):
            raise ValueError("must have draw if, and only if, its kind is drawn")
        if self.draw:
            limit = draw_limit(tuple(self.attributes))
            if (largest := max(self.draw.count, *self.draw.sets, 1)) > limit:
                raise ValueError(f"draws {largest} dilemmas of at most {limit}")
        return self


class _DilemmaRow(FileModel):
    """A row of `dilemmas.csv`, without the columns of attributes, which depend on the study."""

    id: Id
    label: Cell = ""


class _ControlRow(_DilemmaRow):
    """A row of `controls.csv`."""

    kind: Literal["dominance", "identical"]


@lru_cache(maxsize=1)
def datasets_dir() -> Path:
    """Return the folder of the shipped studies.

    It is `kidney_evals/datasets` in an installed wheel and `datasets` beside the package in a
    checkout. The folder has no `__init__.py`, which would shadow Hugging Face's `datasets`, so an
    editable install does not map it as a package.

    Raises:
        UserError: Neither folder exists: the installation is broken.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "datasets", package.parent / "datasets"):
        if (folder / DEFAULT_STUDY / STUDY_FILE).is_file():
            return folder
    raise UserError("the shipped studies are missing; reinstall kidney-evals")


@lru_cache(maxsize=1)
def study_names() -> tuple[str, ...]:
    """Return the names of the shipped studies, the default first."""
    names = {path.parent.name for path in datasets_dir().glob(f"*/{STUDY_FILE}")}
    return (DEFAULT_STUDY, *sorted(names - {DEFAULT_STUDY}))


def load_study(study: str | Path) -> Study:
    """Read a shipped study by its name, or a study from a folder with a `study.yaml`.

    A shipped study is read once; a folder of the user is read again if its files have changed.

    Raises:
        UserError: There is no such study, or its files are invalid.
    """
    folder, source = find_study(study)
    own = source not in study_names()
    return _read_study(folder, source, tuple(map(stamp, _content_files(folder))) if own else ())


def find_study(study: str | Path) -> tuple[Path, str]:
    """Return a study's folder and its task argument: its name if shipped, else the absolute path.

    Raises:
        UserError: There is no such study.
    """
    name = str(study)
    if name in study_names():
        return datasets_dir() / name, name
    try:
        folder = typed_path(os.path.join(name, STUDY_FILE)).parent.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a NUL, a loop of links
        raise UserError(f"study {name!r} is no path of a folder ({error})") from error
    if not os.path.lexists(folder / STUDY_FILE):
        raise unknown("study", name, (*study_names(), f"a folder that holds a {STUDY_FILE}"))
    return folder, str(folder)


def dilemmas_of(
    study: Study, count: int | None, draw_seed: int | None, *, argument: str = "dilemmas"
) -> tuple[Dilemma, ...]:
    """Return the first `count` dilemmas of a study, or by default the study's own number.

    `draw_seed` is the seed of a draw, None for the study's default. `argument` is the name of
    `count` in an error.

    Raises:
        UserError: `count` is not from 1 to the number that the study has or allows, `draw_seed` is
            no whole number, or the study is a fixed list and a seed is given.
    """
    limit = draw_limit(study.attributes) if study.draw else len(study.listed)
    wanted = count if count is not None else (study.draw.count if study.draw else limit)
    if type(wanted) is not int or not 1 <= wanted <= limit:
        raise UserError(
            f"{argument} must be a whole number from 1 to {limit} for study {study.id!r}, "
            f"not {count!r}"
        )
    if study.draw is None:
        if draw_seed is not None:
            raise UserError(
                f"study {study.id!r} has a fixed list of {limit} dilemmas and takes no draw_seed"
            )
        return study.listed[:wanted]
    seed = study.draw.seed if draw_seed is None else draw_seed
    if type(seed) is not int:
        raise UserError(f"draw_seed must be a whole number, not {draw_seed!r}")
    return draw_dilemmas(study.id, study.attributes, wanted, seed)


def _content_files(folder: Path) -> list[Path]:
    names = (STUDY_FILE, DILEMMAS_FILE, CONTROLS_FILE)
    return [folder / name for name in names if os.path.lexists(folder / name)]


@lru_cache(maxsize=32)
def _read_study(folder: Path, source: str, stamps: tuple[Stamp, ...]) -> Study:
    # `stamps` is only part of the cache key: an edited file is a new entry.
    study, errors = read_all_files(folder, source)
    if errors:
        raise errors[0]
    assert study is not None
    return study


def read_all_files(folder: Path, source: str) -> tuple[Study | None, list[UserError]]:
    """Return a study, and an error for each file that is invalid, missing or not allowed.

    The study lacks the dilemmas of an invalid table. It is None if `study.yaml` is invalid; tables
    are then checked only if the attributes in `study.yaml` are valid. `source` is `Study.source`.
    """
    errors: list[UserError] = []
    content: dict[str, bytes] = {}
    about = None
    attributes: Sequence[Attribute] | None = None
    kind: Kind = "fixed"
    tables: dict[str, tuple[Dilemma, ...]] = {}
    for path in _content_files(folder):
        try:
            content[path.name] = read_bytes(path)
            if path.name != STUDY_FILE:
                if attributes is not None:
                    taken = {one.id for one in tables.get(DILEMMAS_FILE, ())}
                    tables[path.name] = _dilemmas(path, content[path.name], attributes, kind, taken)
                continue
            file = YamlFile(str(path), content[path.name])
            about = file.check(StudyFile, file.value)
            attributes = about.attributes if about else _valid_attributes(file.value)
            if about is None:
                _check_beneath(file)
            kind = about.kind if about else kind
            file.finish()
        except UserError as error:
            errors.append(error)
    if about is None:
        return None, errors
    if (about.kind == "drawn") == os.path.lexists(folder / DILEMMAS_FILE):
        need = "takes no" if about.kind == "drawn" else "needs a"
        place = str(folder / STUDY_FILE)
        errors.insert(0, FileError(place, [f"kind {about.kind} {need} {DILEMMAS_FILE}"]))
    digest = hashlib.sha256()
    for name, data in content.items():
        # Line ends are normalised, so that a checkout on Windows has the same hash.
        digest.update(name.encode() + b"\0" + without_bom(data) + b"\0")
    facts = {name: value for name, value in about if name not in ("kind", "source", "scenario")}
    facts["attributes"] = tuple(about.attributes)
    facts["people"] = dict.fromkeys(CONDITIONS, 0) | about.people
    study = Study(
        **facts,
        words=about.scenario,
        source=source,
        path=folder,
        listed=tables.get(DILEMMAS_FILE, ()),
        control_block=tables.get(CONTROLS_FILE, ()),
        hash=digest.hexdigest(),
    )
    return study, errors


_HARMLESS: Mapping[type[BaseModel], Mapping[str, Any]] = {
    StudyFile: {
        **dict.fromkeys(("id", "title", "version", "canary", "citation"), "x"),
        **{"people": {}, "source": {}, "epochs": 1, "scenario": {"situation": "x"}},
    },
    Attribute: {
        **dict.fromkeys(("id", "label", "unit", "favoured_text"), "x"),
        **{"favoured": "low", "scale": 1.0, "step": 1.0},
    },
}
"""By model, valid values of the fields that no check of several fields depends on."""


def _check_beneath(file: YamlFile) -> None:
    """Add the problems of several fields that problems of single fields hide from pydantic."""
    listed = file.value.get("attributes") if isinstance(file.value, Mapping) else None
    checks: list[tuple[type[BaseModel], object, Place]] = [(StudyFile, file.value, ())]
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        checks.append((Attribute, one, ("attributes", index)))
    for form, value, at in checks:
        if not isinstance(value, Mapping):
            continue
        try:
            form.model_validate(value)
        except ValidationError as error:
            wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
            known = wrong & form.model_fields.keys()
            if wrong and known <= _HARMLESS[form].keys():
                right = {name: one for name, one in value.items() if name not in wrong}
                file.check(form, right | {name: _HARMLESS[form][name] for name in known}, at)


def _valid_attributes(content: object) -> list[Attribute] | None:
    """Return the attributes of an invalid `study.yaml`; None if they are invalid too."""
    try:
        listed = content["attributes"] if isinstance(content, Mapping) else ()
        return [Attribute.model_validate(one) for one in listed] or None
    except (KeyError, TypeError, ValueError):
        return None


def _dilemmas(
    path: Path,
    data: bytes,
    attributes: Sequence[Attribute],
    kind_of_study: Kind,
    taken: Collection[str],
) -> tuple[Dilemma, ...]:
    """Return the dilemmas or controls in a table; each value must be a value of its attribute.

    Dilemmas and controls are asked in one run, so `taken` has the ids of the study's other table.
    """
    base = _ControlRow if path.name == CONTROLS_FILE else _DilemmaRow
    # The first candidate's attributes, then the second's, as in the columns.
    both, half = (*attributes, *attributes), len(attributes)
    names = [f"{side}_{attribute.id}" for side in ("first", "second") for attribute in attributes]
    columns: dict[str, Any] = dict.fromkeys(names, (Number, ...))
    form: type[_DilemmaRow] = create_model(base.__name__, __base__=base, **columns)
    domains = [frozenset(attribute.values) for attribute in both]
    table = TableFile(str(path), data)
    dilemmas: dict[str, Dilemma] = {}
    for line, _, row in table.rows(form):
        values = tuple(getattr(row, name) for name in names)
        for name, value, attribute, domain in zip(names, values, both, domains, strict=True):
            if value not in domain:
                table.add((line, name), f"must be {attribute.domain}, not {value:g}")
        if row.id in dilemmas:
            table.add((line, "id"), f"is used twice ({shown(row.id)})")
        if row.id in taken:
            table.add((line, "id"), f"must not be an id of {DILEMMAS_FILE} ({shown(row.id)})")
        first, second = values[:half], values[half:]
        kind = kind_of_study
        if isinstance(row, _ControlRow):
            kind = row.kind
            if kind_of_study == "drawn" and is_drawn_id(row.id):
                problem = f"must not be d and a number, as of drawn dilemmas ({shown(row.id)})"
                table.add((line, "id"), problem)
            pairs = zip(attributes, first, second, strict=True)
            favoured = {one.favour(a) > one.favour(b) for one, a, b in pairs if a != b}
            if len(favoured) != (kind == "dominance"):
                table.add((line, "kind"), f"is {kind}, which these candidates are not")
        dilemmas[row.id] = Dilemma(row.id, Patient(first), Patient(second), kind, row.label)
    if not dilemmas:
        table.add((), "has no dilemma")
    table.finish()
    return tuple(dilemmas.values())
