"""The samples and features on which McElfresh et al. (2021) fitted their models to Study 2.

They drop everybody who never took the coin (nobody always did), draw twenty of the rest to train
on, half of whose questions are held out, and test on the held-out questions and on everybody
else. `seed` is theirs too: their code draws the same people and questions from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.human.raw import COIN, Answers, Floats

Rows = NDArray[np.bool_]

TRAINING_PEOPLE = 20
_HELD_OUT = 0.5

_LOWEST = {"age": 25.0, "drinks": 1.0, "dependents": 0.0}
_HIGHEST = {"age": 70.0, "drinks": 5.0, "dependents": 2.0}


class Split(NamedTuple):
    """Which answers belong where, each of shape (n,).

    Attributes:
        train: Training people's questions that were not held out.
        test: Their held-out questions.
        new_people: All answers of everybody else.
    """

    train: Rows
    test: Rows
    new_people: Rows


def took_the_coin(answers: Answers) -> Rows:
    """Return which answers are those of people who took the coin at least once, shape (n,)."""
    coins = np.bincount(answers.person, weights=answers.choice == COIN, minlength=answers.people)
    kept: Rows = (coins > 0)[answers.person]
    return kept


def published_split(answers: Answers, seed: int) -> Split:
    """Return the authors' split of the people who took the coin.

    Args:
        answers: The coin group of Study 2.
        seed: Of people and questions.
    """
    kept = took_the_coin(answers)
    draw = np.random.RandomState(seed)
    trained = draw.choice(np.unique(answers.person[kept]), TRAINING_PEOPLE, replace=False)
    # The question numbers start at 0, and so the last one is never held out.
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
