"""Make the tables of `mcelfresh_2021_fixed`: counts of both groups of Study 1, bootstrapped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kidney_evals.errors import UserError
from kidney_evals.human.raw import Answers
from kidney_evals.human.tables import Floats
from kidney_evals.lab.anchors import Row, anchor_table
from kidney_evals.lab.drawn_models import interval, person_counts
from kidney_evals.lab.table_text import DRAW_DIGITS, table_text
from kidney_evals.respondents.definitions import Dilemmas, find_respondent
from kidney_evals.studies import CHOICES, Condition, Study

_SEEDS: dict[Condition, int] = {"forced_choice": 20212, "coin_flip": 20213}


def answer_table(study: Study, answers: Answers) -> Floats:
    """Return the answers as indicators, shape (people, questions, 3), questions in listed order."""
    table = np.zeros((answers.people, len(study.listed), 3))
    for q, dilemma in enumerate(study.listed):
        asked = answers.position == int(dilemma.id.removeprefix("q"))
        for side, patient in ((answers.left, dilemma.first), (answers.right, dilemma.second)):
            for name, value in zip(study.attribute_ids, patient.values, strict=True):
                if (side[name][asked] != value).any():
                    raise UserError(f"{study.id}: {dilemma.id} is not what people were asked")
        table[answers.person[asked], q, answers.choice[asked]] = 1.0
    return table


def fixed_tables(study: Study, forced: Answers, coin: Answers) -> dict[str, str]:
    """Return the text of the count tables by file name."""
    files: dict[str, str] = {}
    counts, anchors = [], []
    groups: tuple[tuple[Condition, Answers, int], ...] = (
        ("forced_choice", forced, 2),
        ("coin_flip", coin, 3),
    )
    ids = [dilemma.id for dilemma in study.listed]
    for condition, answers, width in groups:
        table = answer_table(study, answers)[:, :, :width]
        count = table.sum(axis=0).astype(int)
        listed = pd.DataFrame(count, columns=CHOICES[:width]).reindex(
            columns=CHOICES, fill_value=""
        )
        listed.insert(0, "condition", condition)
        listed.insert(1, "dilemma", ids)
        counts.append(listed)
        people = person_counts(_SEEDS[condition], answers.people)
        draws = np.einsum("dp,pqc->dqc", people, table).reshape(len(people), -1)
        names = [f"{id}.{name}" for id in ids for name in CHOICES[:width]]
        files[f"draws_{condition}.csv"] = table_text(
            pd.DataFrame(draws, columns=names), DRAW_DIGITS
        )
        anchors.append(anchor_table(condition, _anchors(table, people)))
    files["anchors.csv"] = table_text(pd.concat(anchors))
    files["counts.csv"] = table_text(pd.concat(counts))
    return files


def _anchors(table: Floats, people: Floats) -> list[Row]:
    """Return the rows of `anchors.csv` for people and known respondents on the fixed questions.

    `table` has the answers as indicators, shape (people, questions, K), `people` the bootstrap
    weights of the people, shape (draws, people).
    """
    n, questions, width = table.shape
    p = table.mean(axis=0)
    answers = np.eye(width)
    known = {"majority": "majority", "uniform": "uniform"}
    if width == 3:
        known |= {"never_flips": "never_flips", "always_coin": "coin"}

    def drawn(quantity: str, respondent: str, value: float, draws: Floats) -> Row:
        low, high = interval(draws)
        return quantity, respondent, value, float(low), float(high)

    def person(counts: Floats) -> Floats:
        """Return the agreement of two random people, for each row of bootstrap weights."""
        size = counts.sum(axis=1)
        total = np.einsum("dp,pqc->dqc", counts, table)
        # Only pairs of two different people count, because copies of one person always agree.
        pairs = (total**2).sum(axis=(1, 2)) - (counts**2).sum(axis=1) * questions
        result: Floats = pairs / (questions * (size**2 - (counts**2).sum(axis=1)))
        return result

    def majority(counts: Floats) -> Floats:
        """Return the agreement of a person with the majority of other people; a tie counts half."""
        total = np.einsum("dp,pqc->dqc", counts, table)
        others = total[:, :, :, None] - answers
        rivals = np.where(answers == 1, -np.inf, others.swapaxes(2, 3)).max(axis=3)
        own = total - 1
        hit = (own > rivals) + 0.5 * (own == rivals)
        result: Floats = (total * hit).sum(axis=(1, 2)) / total.sum(axis=(1, 2))
        return result

    one = np.ones((1, n))
    rows = [
        drawn("predicts_person", "majority", majority(one)[0], majority(people)),
        drawn("predicts_person", "other_person", person(one)[0], person(people)),
    ]
    for title, name in known.items():
        gap = find_respondent(name).define(Dilemmas(p, np.zeros((questions, 1))))[:, 0, :width] - p
        rows.append(("fixed_distance", title, (gap**2).sum(axis=1).mean()))
        rows.append(("total_variation", title, 0.5 * np.abs(gap).sum(axis=1).mean()))
    if width == 3:
        coins = table[:, :, 2].mean(axis=1)
        draws = (people @ coins) / people.sum(axis=1)
        rows.append(drawn("indecision", "people", coins.mean(), draws))
    return rows
