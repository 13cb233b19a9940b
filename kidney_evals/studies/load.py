"""Read and check a study's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, model_validator

from kidney_evals.errors import UserError, unknown
from kidney_evals.input_files import (
    Cell,
    FileModel,
    Id,
    Line,
    Number,
    PromptText,
    Stamp,
    TableFile,
    Text,
    Whole,
    YamlFile,
    folded,
    read_bytes,
    shown,
    stamp,
    without_bom,
)
from kidney_evals.studies.draw import draw_dilemmas, draw_limit
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

STUDY_FILE = "study.yaml"
DILEMMAS_FILE = "dilemmas.csv"
CONTROLS_FILE = "controls.csv"

DEFAULT_STUDY = "mcelfresh_2021"
"""The default study of a task."""


_STRIPPED = AfterValidator(str.strip)


class _StudyFile(FileModel):
    """`study.yaml`; all but `kind` and `source` are fields of `Study`."""

    id: Id
    title: Annotated[Line, _STRIPPED]
    version: Line
    kind: Literal["drawn", "fixed", "profile", "repeated"]
    people: dict[Condition, Annotated[Whole, Field(ge=-1, le=10_000_000_000)]]
    scenario: dict[Line, Annotated[PromptText, _STRIPPED]]
    attributes: Annotated[list[Attribute], Field(min_length=1, max_length=50)]
    canary: Annotated[Text, _STRIPPED]
    citation: Annotated[Text, _STRIPPED] = ""
    source: Mapping[Line, Any] = Field(default_factory=dict)
    draw: Draw | None = None
    epochs: Annotated[Whole, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _check(self) -> _StudyFile:
        if not self.scenario.get("situation"):
            raise ValueError("lacks the text scenario.situation")
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
    """A row of `dilemmas.csv`; its patients' columns depend on the attributes."""

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
    name = str(study)
    if name in study_names():
        return _read_study(datasets_dir() / name, name, ())
    folder = _user_folder(name)
    if not os.path.lexists(folder / STUDY_FILE):
        raise unknown("study", name, (*study_names(), f"a folder that holds a {STUDY_FILE}"))
    return _read_study(folder, str(folder), tuple(map(stamp, _content_files(folder))))


def dilemmas_of(study: Study, count: int | None, draw_seed: int | None) -> tuple[Dilemma, ...]:
    """Return the first `count` dilemmas of a study, None for the study's default.

    `draw_seed` is the seed of a draw, None for the study's default.

    Raises:
        UserError: The study has fewer dilemmas, or is a fixed list and a seed is given.
    """
    limit = draw_limit(study.attributes) if study.draw else len(study.listed)
    wanted = count if count is not None else (study.draw.count if study.draw else limit)
    if not _is_whole(wanted) or not 1 <= wanted <= limit:
        raise UserError(
            f"dilemmas must be a whole number from 1 to {limit} for study {study.id!r}, "
            f"not {count!r}"
        )
    if study.draw is None:
        if draw_seed is not None:
            raise UserError(
                f"study {study.id!r} has a fixed list of {limit} dilemmas and takes no draw_seed"
            )
        return study.listed[:wanted]
    seed = study.draw.seed if draw_seed is None else draw_seed
    if not _is_whole(seed):
        raise UserError(f"draw_seed must be a whole number, not {draw_seed!r}")
    return draw_dilemmas(study.id, study.attributes, wanted, seed)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _user_folder(name: str) -> Path:
    """Return the absolute path of a user's folder.

    Inspect changes to a task file's folder, so a path that does not exist there is resolved from
    the folder where the command was typed.
    """
    try:
        here = Path(name).expanduser()
        typed = Path(os.environ.get("PWD", ".")) / here
        return (here if os.path.lexists(here / STUDY_FILE) else typed).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # "~nobody", a NUL, a loop of links
        raise UserError(f"study {name!r} is no path of a folder ({error})") from error


def _content_files(folder: Path) -> list[Path]:
    names = (STUDY_FILE, DILEMMAS_FILE, CONTROLS_FILE)
    return [folder / name for name in names if os.path.lexists(folder / name)]


@lru_cache(maxsize=32)
def _read_study(folder: Path, source: str, stamps: tuple[Stamp, ...]) -> Study:
    # `stamps` is only part of the cache key: an edited file is a new entry.
    content = {path.name: read_bytes(path) for path in _content_files(folder)}
    about = YamlFile(str(folder / STUDY_FILE), content[STUDY_FILE]).result(_StudyFile)
    if (about.kind == "drawn") == (DILEMMAS_FILE in content):
        need = "takes no" if about.kind == "drawn" else "needs a"
        raise UserError(f"{folder / STUDY_FILE}: kind {about.kind} {need} {DILEMMAS_FILE}")
    digest = hashlib.sha256()
    for name, data in content.items():
        # Line ends are normalised, so that a checkout on Windows has the same hash.
        digest.update(name.encode() + b"\0" + without_bom(data) + b"\0")
    listed, controls = (
        _dilemmas(folder / name, content[name], about) if name in content else ()
        for name in (DILEMMAS_FILE, CONTROLS_FILE)
    )
    facts = {name: value for name, value in about if name not in ("kind", "source")}
    facts["attributes"] = tuple(about.attributes)
    facts["people"] = dict.fromkeys(CONDITIONS, 0) | about.people
    return Study(
        **facts,
        source=source,
        path=folder,
        listed=listed,
        control_block=controls,
        hash=digest.hexdigest(),
    )


def _dilemmas(path: Path, data: bytes, about: _StudyFile) -> tuple[Dilemma, ...]:
    """Return the dilemmas or controls in a table; each value must be a value of its attribute."""
    base = _ControlRow if path.name == CONTROLS_FILE else _DilemmaRow
    # The first patient's attributes, then the second's, as in the columns.
    both, half = about.attributes * 2, len(about.attributes)
    sides = ["first"] * half + ["second"] * half
    names = [f"{side}_{attribute.id}" for side, attribute in zip(sides, both, strict=True)]
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
        first, second = values[:half], values[half:]
        kind: Kind = about.kind
        if isinstance(row, _ControlRow):
            kind = row.kind
            pairs = zip(about.attributes, first, second, strict=True)
            favoured = {one.favour(a) > one.favour(b) for one, a, b in pairs if a != b}
            if len(favoured) != (kind == "dominance"):
                table.add((line, "kind"), f"is {kind}, which these patients are not")
        dilemmas[row.id] = Dilemma(row.id, Patient(first), Patient(second), kind, row.label)
    if not dilemmas:
        table.add((), "has no dilemma")
    table.finish()
    return tuple(dilemmas.values())
