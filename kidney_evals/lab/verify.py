"""Compute every number again that the package states about the published answers.

The choice models are also fitted to the samples of McElfresh et al. (2021). These authors exclude
people who never took the coin (nobody always did), draw twenty of the rest as training people, hold
out half of the questions, and test on the training people's held-out questions and on everybody
else. Their code draws the people and questions from `seed`, and ours draws the same.
"""

import csv
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from kidney_evals.estimation.arrays import Bools
from kidney_evals.estimation.indecision_family import fit_indecision_family
from kidney_evals.estimation.indecision_models import Form
from kidney_evals.human.raw import COIN, Answers, Floats, find_raw, read_study_2
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.lab.drawn_models import favoured_values
from kidney_evals.lab.reference_tables import DRAWN, build_reference
from kidney_evals.studies import Study, load_study

_SEEDS = range(10)  # seeds of the authors' split; the figures are averaged over them

_TRAINING_PEOPLE, _HELD_OUT = 20, 0.5
_RANGES = {"age": (25.0, 70.0), "drinks": (1.0, 5.0), "dependents": (0.0, 2.0)}


@dataclass(frozen=True)
class Figure:
    """A number that the package states, and the same number computed now."""

    sample: str
    form: str  # `free`, or `authors` if the parameters are in the authors' box
    model: str
    figure: str  # log-likelihood per answer, a weight or a parameter
    stated: str  # the value as text, with its decimals
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
    """A shipped reference table compared with a table made now."""

    name: str
    figures: int  # number of numbers compared
    largest: float  # largest absolute difference
    identical: bool  # whether all bytes are equal


def verify_tables(data: Path) -> list[TableCheck]:
    """Make every reference table again and compare it with the shipped table, number by number.

    Args:
        data: Folder of the published answers.

    Raises:
        UserError: The published files are missing or differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [_compared(path) for path in build_reference(data, Path(folder))]


def verify_models(data: Path) -> list[Figure]:
    """Fit the choice models again; return each number that `models.csv` states, beside the new one.

    The file is in the folder `published` of the study.

    Args:
        data: Folder of the published answers.

    Raises:
        UserError: The published files are missing or differ.
    """
    study = load_study(DRAWN)
    ours = dict(_computed(study, read_study_2(find_raw(data))[1]))
    with (study.path / "published" / "models.csv").open(encoding="utf-8", newline="") as stream:
        _, *stated = csv.reader(stream)
    return [
        Figure(sample, form, model, figure, value, ours[sample, form, model, figure])
        for sample, form, model, figure, value in stated
    ]


def note(figure: Figure, figures: Sequence[Figure]) -> str:
    """Return why a number differs from the stated number; empty if it does not.

    The authors' search in a box may stop before the maximum: our likelihood is then higher.

    Args:
        figure: The number.
        figures: All numbers of `verify_models`, among them the likelihood of the fitted answers.
    """
    if figure.meets:
        return ""
    sample = "train" if figure.sample in Split._fields else figure.sample
    fitted = (sample, figure.form, figure.model, "per_answer")
    if figure.figure == "per_answer" and any(
        (other.sample, other.form, other.model, other.figure) == fitted and other.difference > 0
        for other in figures
    ):
        return "ours is the higher maximum on the fitted answers"
    return "does not come out"


def _computed(study: Study, answers: Answers) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the values of all figures, by sample, form, model and figure."""
    first, second = (favoured_values(study, side) for side in (answers.left, answers.right))
    everybody = np.ones(len(answers.choice), dtype=np.bool_)
    for sample, rows in (("everybody", everybody), ("flippers", took_the_coin(answers))):
        for row in fit_indecision_family(first[rows], second[rows], answers.choice[rows]):
            values = {"per_answer": row.per_answer}
            weights = getattr(row.fit, "weights", None)
            if weights is not None:
                values |= zip(study.attribute_ids, weights, strict=True)
            names = ("flip_intercept", "flip_slope", "log_nu")
            values |= {name: getattr(row.fit, name) for name in names if hasattr(row.fit, name)}
            for name, value in values.items():
                yield (sample, "free", row.model, name), float(value)
    first, second = (published_features(side) for side in (answers.left, answers.right))
    for form in get_args(Form):
        reached: dict[tuple[str, str], list[float]] = defaultdict(list)
        for seed in _SEEDS:
            split = published_split(answers, seed)
            x, y, choice = (values[split.train] for values in (first, second, answers.choice))
            for row in fit_indecision_family(x, y, choice, form=form):
                for sample, rows in split._asdict().items():
                    value = np.nan
                    if row.fit:
                        one, two = first[rows], second[rows]
                        shares = row.fit.shares(one - two, (one + two) / 2)
                        own = shares[np.arange(len(one)), answers.choice[rows]]
                        value = float(np.log(own).mean())
                    reached[sample, row.model].append(value)
        for (sample, model), each in reached.items():
            yield (sample, form, model, "per_answer"), float(np.mean(each))


class Split(NamedTuple):
    """Masks of the parts of a split, each of shape (n,)."""

    train: Bools  # answers of the training people to questions that were not held out
    test: Bools  # answers of the training people to the held-out questions
    new_people: Bools  # all answers of other people


def took_the_coin(answers: Answers) -> Bools:
    """Return the answers of people who took the coin at least once, as a mask of shape (n,)."""
    coins = np.bincount(answers.person, weights=answers.choice == COIN, minlength=answers.people)
    return np.asarray((coins > 0)[answers.person])


def published_split(answers: Answers, seed: int) -> Split:
    """Return the split of McElfresh et al. (2021) for a seed, among people who took the coin.

    Args:
        answers: The n answers of all people.
        seed: Seed of the draw of training people and held-out questions.
    """
    eligible = took_the_coin(answers)
    draw = np.random.RandomState(seed)
    trained = draw.choice(np.unique(answers.person[eligible]), _TRAINING_PEOPLE, replace=False)
    # Question numbers start at 0, so that the last question is never held out.
    questions = int(answers.position[eligible].max())
    held_out = draw.choice(questions, round(_HELD_OUT * questions), replace=False)
    known = eligible & np.isin(answers.person, trained)
    out = np.isin(answers.position, held_out)
    return Split(train=known & ~out, test=known & out, new_people=eligible & ~known)


def published_features(patients: dict[str, Floats]) -> Floats:
    """Return the authors' features (value - lowest) / highest, shape (n, 3).

    Args:
        patients: The n patients' values by id of the attribute.
    """
    columns = ((patients[name] - lowest) / highest for name, (lowest, highest) in _RANGES.items())
    return np.column_stack(list(columns))


def _compared(path: Path) -> TableCheck:
    study, made = path.parts[-3], path.read_bytes()
    shipped = load_study(study).path / REFERENCE_FOLDER / path.name
    old = shipped.read_bytes() if shipped.is_file() else b""
    ours, theirs = (_numbers(content.decode("utf-8")) for content in (made, old))
    largest = float("nan")
    if len(ours) == len(theirs):
        with np.errstate(invalid="ignore"):  # inf - inf for an open bin
            gap = np.nan_to_num(np.abs(np.array(ours) - np.array(theirs)))
        largest = float(gap.max(initial=0.0))
    same = made == old.replace(b"\r\n", b"\n")
    return TableCheck(f"{study}/{path.name}", len(ours), largest, same)


def _numbers(text: str) -> list[float]:
    """Return the numbers of a CSV or JSON file that are not part of a text."""
    numbers: list[float] = []
    for cell in re.split(r"[\s,:]+", text):
        with suppress(ValueError):
            numbers.append(float(cell))
    return numbers
