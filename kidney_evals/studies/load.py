"""Read and check a study's folder."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from kidney_evals.errors import UserError, unknown
from kidney_evals.input_files import (
    Stamp,
    TableFile,
    YamlFile,
    read_bytes,
    shown,
    stamp,
    without_bom,
)
from kidney_evals.studies.draw import draw_dilemmas, draw_limit
from kidney_evals.studies.files import ControlRow, DilemmaRow, StudyFile, with_patients
from kidney_evals.studies.model import CONDITIONS, Attribute, Dilemma, Kind, Study

STUDY_FILE = "study.yaml"
DILEMMAS_FILE = "dilemmas.csv"
CONTROLS_FILE = "controls.csv"

DEFAULT_STUDY = "mcelfresh_2021"
"""The default study of a task."""


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
        if (folder / "mcelfresh_2021" / STUDY_FILE).is_file():
            return folder
    raise UserError("the shipped studies are missing; reinstall kidney-evals")


@lru_cache(maxsize=1)
def study_names() -> tuple[str, ...]:
    """Return the names of the shipped studies, the default first."""
    names = sorted(path.parent.name for path in datasets_dir().glob(f"*/{STUDY_FILE}"))
    names.remove("mcelfresh_2021")
    return ("mcelfresh_2021", *names)


def load_study(study: str | Path) -> Study:
    """Read a shipped study by its name, or a study from a folder.

    Args:
        study: A shipped name, or the path of a folder with a `study.yaml`.

    Returns:
        The study, cached while the files of its folder are unchanged.

    Raises:
        UserError: There is no such study, or its files are invalid.
    """
    name = str(study)
    shipped = name in study_names()
    folder = datasets_dir() / name if shipped else _given(name)
    if not os.path.lexists(folder / STUDY_FILE):
        raise unknown("study", name, (*study_names(), f"a folder that holds a {STUDY_FILE}"))
    stamps = tuple(map(stamp, _content_files(folder)))
    return _read_study(folder, name if shipped else str(folder), stamps)


def _given(name: str) -> Path:
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


def dilemmas_of(study: Study, count: int | None, draw_seed: int | None) -> tuple[Dilemma, ...]:
    """Return the dilemmas of a run.

    Args:
        study: The study.
        count: Number of dilemmas; None for the study's default. A fixed list is cut to its first
            `count` dilemmas.
        draw_seed: The draw seed; None for the study's default.

    Raises:
        UserError: The study has fewer dilemmas, or is a fixed list and a seed is given.
    """
    limit = draw_limit(study.attributes) if study.draw else len(study.listed)
    wanted = count if count is not None else (study.draw.count if study.draw else limit)
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= limit:
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
    if draw_seed is not None and (isinstance(draw_seed, bool) or not isinstance(draw_seed, int)):
        raise UserError(f"draw_seed must be a whole number, not {draw_seed!r}")
    seed = study.draw.seed if draw_seed is None else draw_seed
    return draw_dilemmas(study.id, study.attributes, wanted, seed)


def _content_files(folder: Path) -> list[Path]:
    names = (STUDY_FILE, DILEMMAS_FILE, CONTROLS_FILE)
    return [folder / name for name in names if os.path.lexists(folder / name)]


@lru_cache(maxsize=32)
def _read_study(folder: Path, source: str, stamps: tuple[Stamp, ...]) -> Study:
    # `stamps` is only part of the cache key: an edited file is a new entry.
    content = {path.name: read_bytes(path) for path in _content_files(folder)}
    about = YamlFile(str(folder / STUDY_FILE), content[STUDY_FILE]).result(StudyFile)
    attributes = tuple(about.attributes)
    if (about.kind == "drawn") == (DILEMMAS_FILE in content):
        need = "takes no" if about.kind == "drawn" else "needs a"
        raise UserError(f"{folder / STUDY_FILE}: kind {about.kind} {need} {DILEMMAS_FILE}")
    digest = hashlib.sha256()
    for name, data in content.items():
        # Line ends are normalised, so that a checkout on Windows has the same hash.
        digest.update(name.encode() + b"\0" + without_bom(data) + b"\0")
    listed, controls = (
        _dilemmas(folder / name, content[name], attributes, about.kind) if name in content else ()
        for name in (DILEMMAS_FILE, CONTROLS_FILE)
    )
    return Study(
        id=about.id,
        title=about.title.strip(),
        version=about.version,
        source=source,
        path=folder,
        attributes=attributes,
        people={condition: about.people.get(condition, 0) for condition in CONDITIONS},
        scenario={name: text.strip() for name, text in about.scenario.items()},
        draw=about.draw,
        listed=listed,
        control_block=controls,
        epochs=about.epochs,
        canary=about.canary.strip(),
        citation=about.citation.strip(),
        hash=digest.hexdigest(),
    )


def _dilemmas(
    path: Path, data: bytes, attributes: tuple[Attribute, ...], kind: Kind
) -> tuple[Dilemma, ...]:
    """Return the dilemmas or controls in a table; each value must be a value of its attribute."""
    controls = path.name == CONTROLS_FILE
    names = [one.id for one in attributes]
    form = with_patients(ControlRow if controls else DilemmaRow, names)
    allowed = [frozenset(one.values) for one in attributes]
    table = TableFile(str(path), data)
    found: dict[str, Dilemma] = {}
    for line, _, row in table.rows(form):
        first, second = (row.patient(side, names) for side in ("first", "second"))
        for side, patient in (("first", first), ("second", second)):
            for attribute, values, value in zip(attributes, allowed, patient.values, strict=True):
                if value not in values:
                    column = f"{side}_{attribute.id}"
                    table.add((line, column), f"must be {attribute.domain}, not {value:g}")
        if row.id in found:
            table.add((line, "id"), f"is used twice ({shown(row.id)})")
        if isinstance(row, ControlRow):
            kind = row.kind
            pairs = zip(attributes, first.values, second.values, strict=True)
            favoured = {one.favour(a) > one.favour(b) for one, a, b in pairs if a != b}
            if len(favoured) != (kind == "dominance"):
                table.add((line, "kind"), f"is {kind}, which these patients are not")
        found[row.id] = Dilemma(row.id, first, second, kind, row.label)
    if not found:
        table.add((), "has no dilemma")
    table.finish()
    return tuple(found.values())
