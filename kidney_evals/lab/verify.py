"""Compute every figure again that the package states about the published answers.

The choice models are also fitted to the samples of McElfresh et al. (2021). These authors exclude
people who never took the coin (nobody always did), draw twenty of the rest as training people, hold
out half of the questions, and test on the training people's held-out questions and on everybody
else. Their code draws the people and questions from `seed`, and ours draws the same.
"""

from __future__ import annotations

import contextlib
import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.indecision_family import (
    AnyFit,
    IndecisionFamily,
    fit_indecision_family,
)
from kidney_evals.estimation.indecision_models import Form
from kidney_evals.human.raw import COIN, Answers, Floats, find_raw, read_study_2
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.lab.drawn_models import favoured_values
from kidney_evals.lab.reference_tables import DRAWN, build_reference
from kidney_evals.studies import Study, load_study

Rows = NDArray[np.bool_]
"""A mask of answers, shape (n,)."""

SEEDS = range(10)
"""Seeds of the authors' split; the figures are averaged over them."""

TRAINING_PEOPLE = 20
_HELD_OUT = 0.5

_LOWEST = {"age": 25.0, "drinks": 1.0, "dependents": 0.0}
_HIGHEST = {"age": 70.0, "drinks": 5.0, "dependents": 2.0}

_SPLIT = ("train", "test", "new_people")
_PARAMETERS = ("flip_intercept", "flip_slope", "log_nu")


@dataclass(frozen=True)
class Figure:
    """A stated figure and the same figure computed now.

    Attributes:
        sample: The sample of answers.
        form: Whether the parameters are free or in the authors' box.
        model: The model.
        figure: Log-likelihood per answer, a weight or a parameter.
        stated: The stated value as text, with its decimals.
        ours: The value computed now.
    """

    sample: str
    form: Form
    model: str
    figure: str
    stated: str
    ours: float

    @property
    def difference(self) -> float:
        """The computed value minus the stated value."""
        return self.ours - float(self.stated)

    @property
    def meets(self) -> bool:
        """Whether the difference is within one unit of the last stated decimal."""
        unit: float = 10.0 ** -len(self.stated.partition(".")[2])
        return abs(self.difference) <= unit + 1e-12


class TableCheck(NamedTuple):
    """A shipped reference table compared with a table made now.

    Attributes:
        name: Study and file.
        figures: Number of numbers compared.
        largest: Largest absolute difference.
        identical: Whether all bytes are equal.
    """

    name: str
    figures: int
    largest: float
    identical: bool


def verify_tables(data: Path) -> list[TableCheck]:
    """Make every reference table again and compare it with the shipped table, number by number.

    Args:
        data: Folder with the raw files.

    Raises:
        UserError: The raw files are missing or not the published ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = build_reference(data, Path(folder))
        checks = []
        for path in made:
            study, name = path.parts[-3], path.name
            shipped = load_study(study).path / REFERENCE_FOLDER / name
            checks.append(_compared(f"{study}/{name}", path.read_bytes(), shipped))
    return checks


def verify_models(data: Path) -> list[Figure]:
    """Fit every stated model again and return the figures.

    Args:
        data: Folder with the raw files.

    Raises:
        UserError: The raw files are missing or not the published ones.
    """
    study = load_study(DRAWN)
    answers = read_study_2(find_raw(data))[1]
    found = {
        (sample, form, model, figure): value
        for sample, form, model, figure, value in _computed(study, answers)
    }
    with (study.path / "published" / "models.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Figure(
                row["sample"],
                _form(row["form"]),
                row["model"],
                row["figure"],
                row["stated"],
                found[row["sample"], _form(row["form"]), row["model"], row["figure"]],
            )
            for row in csv.DictReader(stream)
        ]


def note(figure: Figure, figures: Sequence[Figure]) -> str:
    """Return why a figure differs from the stated figure; empty if it does not.

    The authors' search in a box may stop before the maximum. Our likelihood is then higher on the
    fitted answers, but not necessarily on others.

    Args:
        figure: The figure.
        figures: All figures.
    """
    if figure.meets:
        return ""
    fitted = [
        one
        for one in figures
        if (one.form, one.model, one.figure) == (figure.form, figure.model, figure.figure)
        and one.sample == ("train" if figure.sample in _SPLIT else figure.sample)
    ]
    if figure.figure == "per_answer" and any(one.difference > 0 for one in fitted):
        return "ours is the higher maximum on the fitted answers"
    return "does not come out"


_Row = tuple[str, Form, str, str, float]


def _computed(study: Study, answers: Answers) -> Iterator[_Row]:
    first, second = (favoured_values(study, side) for side in (answers.left, answers.right))
    everybody = np.ones(len(answers.choice), dtype=np.bool_)
    for sample, rows in (("everybody", everybody), ("flippers", took_the_coin(answers))):
        family = fit_indecision_family(first[rows], second[rows], answers.choice[rows])
        yield from _family(sample, family, study)
    features = [published_features(side) for side in (answers.left, answers.right)]
    for form in (_form("free"), _form("authors")):
        yield from _split(answers, features[0], features[1], form)


def _family(sample: str, family: IndecisionFamily, study: Study) -> Iterator[_Row]:
    for row in family.rows:
        yield sample, "free", row.model, "per_answer", row.per_answer
        weights = getattr(row.fit, "weights", None)
        if weights is not None:
            for name, weight in zip(study.attribute_ids, weights, strict=True):
                yield sample, "free", row.model, name, float(weight)
        for name in _PARAMETERS:
            if hasattr(row.fit, name):
                yield sample, "free", row.model, name, float(getattr(row.fit, name))


def _split(answers: Answers, first: Floats, second: Floats, form: Form) -> Iterator[_Row]:
    reached: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        split = published_split(answers, seed)
        rows = split.train
        family = fit_indecision_family(first[rows], second[rows], answers.choice[rows], form=form)
        for row in family.rows:
            part = [
                per_answer(row.fit, first, second, answers, sample) if row.fit else float("nan")
                for sample in split
            ]
            reached.setdefault(row.model, []).append(part)
    for model, values in reached.items():
        for sample, value in zip(_SPLIT, np.mean(values, axis=0), strict=True):
            yield sample, form, model, "per_answer", float(value)


def per_answer(fit: AnyFit, first: Floats, second: Floats, answers: Answers, rows: Rows) -> float:
    """Return the mean log-likelihood of some of a group's answers under a fit.

    Args:
        fit: Any model of the family.
        first: Values of the left patients in the fit's units, shape (n, k).
        second: Values of the right patients, shape (n, k).
        answers: The group's answers.
        rows: Mask of the answers, shape (n,).
    """
    choice = answers.choice[rows]
    one, two = first[rows], second[rows]
    shares = fit.shares(one - two, (one + two) / 2)
    return float(np.log(shares[np.arange(len(choice)), choice]).mean())


class Split(NamedTuple):
    """Masks of the parts of a split, each of shape (n,).

    Attributes:
        train: Answers of the training people to questions that were not held out.
        test: Answers of the training people to the held-out questions.
        new_people: All answers of other people.
    """

    train: Rows
    test: Rows
    new_people: Rows


def took_the_coin(answers: Answers) -> Rows:
    """Return the answers of people who took the coin at least once, as a mask of shape (n,)."""
    coins = np.bincount(answers.person, weights=answers.choice == COIN, minlength=answers.people)
    kept: Rows = (coins > 0)[answers.person]
    return kept


def published_split(answers: Answers, seed: int) -> Split:
    """Return the authors' split of the people who took the coin.

    Args:
        answers: The coin group of Study 2.
        seed: Seed of the drawn people and questions.
    """
    kept = took_the_coin(answers)
    draw = np.random.RandomState(seed)
    trained = draw.choice(np.unique(answers.person[kept]), TRAINING_PEOPLE, replace=False)
    # Question numbers start at 0, so that the last question is never held out.
    questions = int(answers.position[kept].max())
    held_out = draw.choice(questions, round(_HELD_OUT * questions), replace=False)
    known = kept & np.isin(answers.person, trained)
    out = np.isin(answers.position, held_out)
    return Split(train=known & ~out, test=known & out, new_people=kept & ~known)


def published_features(patients: dict[str, Floats]) -> Floats:
    """Return the authors' features (value - lowest)/highest, shape (n, 3).

    Args:
        patients: Values by attribute, as in `Answers`.
    """
    return np.column_stack([(patients[name] - _LOWEST[name]) / _HIGHEST[name] for name in _LOWEST])


def _form(name: str) -> Form:
    return "authors" if name == "authors" else "free"


def _compared(name: str, made: bytes, shipped: Path) -> TableCheck:
    old = shipped.read_bytes() if shipped.is_file() else b""
    ours, theirs = (_numbers(shipped.suffix, text.decode("utf-8")) for text in (made, old))
    if len(ours) != len(theirs):
        return TableCheck(name, len(ours), float("nan"), False)
    with np.errstate(invalid="ignore"):  # inf - inf for an open bin
        gap = np.abs(np.array(ours) - np.array(theirs))
    largest = float(np.nanmax(gap)) if len(gap) and not np.isnan(gap).all() else 0.0
    return TableCheck(name, len(ours), largest, made == old.replace(b"\r\n", b"\n"))


def _numbers(suffix: str, text: str) -> list[float]:
    numbers: list[float] = []

    def add(number: str) -> None:
        with contextlib.suppress(ValueError):
            numbers.append(float(number))

    if suffix == ".json":
        json.loads(text or "{}", parse_int=add, parse_float=add)
    for row in csv.reader(text.splitlines()) if suffix == ".csv" else ():
        for cell in row:
            add(cell)
    return numbers
