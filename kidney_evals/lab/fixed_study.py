"""Make the tables of `mcelfresh_2021_fixed`: counts of both groups of Study 1, bootstrapped."""

from __future__ import annotations

import numpy as np

from kidney_evals.errors import UserError
from kidney_evals.human.raw import Answers
from kidney_evals.human.tables import Floats
from kidney_evals.lab.anchors import Row, anchor_records, point
from kidney_evals.lab.resampling import interval, person_counts
from kidney_evals.lab.table_text import DRAW_DIGITS, Record, table_text
from kidney_evals.studies import Condition, Study

_SEEDS: dict[Condition, int] = {"forced_choice": 20212, "coin_flip": 20213}
ANSWER_NAMES = ("first", "second", "coin")


def answer_table(study: Study, answers: Answers) -> Floats:
    """Return the answers as indicators, shape (people, questions, 3), questions in listed order."""
    table = np.zeros((answers.people, len(study.listed), 3))
    for q, dilemma in enumerate(study.listed):
        asked = answers.position == int(dilemma.id.removeprefix("q"))
        for side, patient in ((answers.left, dilemma.first), (answers.right, dilemma.second)):
            for attribute, value in zip(study.attributes, patient.values, strict=True):
                if (side[attribute.id][asked] != value).any():
                    raise UserError(f"{study.id}: {dilemma.id} is not what people were asked")
        table[answers.person[asked], q, answers.choice[asked]] = 1.0
    return table


def fixed_tables(study: Study, forced: Answers, coin: Answers) -> dict[str, str]:
    """Return the text of the count tables by file name."""
    files: dict[str, str] = {}
    counts: list[Record] = []
    anchors: list[Record] = []
    groups: tuple[tuple[Condition, Answers, int], ...] = (
        ("forced_choice", forced, 2),
        ("coin_flip", coin, 3),
    )
    for condition, answers, width in groups:
        table = answer_table(study, answers)[:, :, :width]
        for dilemma, count in zip(study.listed, table.sum(axis=0), strict=True):
            first, second, *coins = map(int, count)
            counts.append(
                {
                    "condition": condition,
                    "dilemma": dilemma.id,
                    "first": first,
                    "second": second,
                    "coin": coins[0] if coins else "",
                }
            )
        people = person_counts(_SEEDS[condition], answers.people)
        draws = np.einsum("dp,pqc->dqc", people, table).reshape(len(people), -1).tolist()
        names = [f"{one.id}.{name}" for one in study.listed for name in ANSWER_NAMES[:width]]
        files[f"draws_{condition}.csv"] = table_text(
            (dict(zip(names, row, strict=True)) for row in draws), DRAW_DIGITS
        )
        anchors += anchor_records(condition, fixed_anchors(table, people))
    files["anchors.csv"] = table_text(anchors)
    files["counts.csv"] = table_text(counts)
    return files


def fixed_anchors(table: Floats, people: Floats) -> list[Row]:
    """Return the rows of `anchors.csv` for people and known respondents on the fixed questions.

    Args:
        table: Answers as indicators, shape (people, questions, K).
        people: Bootstrap weights of the people, shape (draws, people).
    """
    n, questions, width = table.shape
    p = table.mean(axis=0)
    answers = np.eye(width)
    known = {"majority": answers[p.argmax(axis=1)], "uniform": np.full(p.shape, 1 / width)}
    if width == 3:
        decided = np.zeros_like(p)
        decided[:, :2] = p[:, :2] / p[:, :2].sum(axis=1, keepdims=True)
        known |= {"never_flips": decided, "always_coin": np.tile(answers[2], (questions, 1))}

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
    for name, q in known.items():
        rows.append(point("fixed_distance", name, ((q - p) ** 2).sum(axis=1).mean()))
        rows.append(point("total_variation", name, 0.5 * np.abs(q - p).sum(axis=1).mean()))
    if width == 3:
        coins = table[:, :, 2].mean(axis=1)
        draws = (people @ coins) / people.sum(axis=1)
        rows.append(drawn("indecision", "people", coins.mean(), draws))
    return rows
