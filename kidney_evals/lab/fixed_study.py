"""Tables of `mcelfresh_2021_fixed`: counts of both groups of Study 1, with people resampled."""

from __future__ import annotations

import numpy as np

from kidney_evals.errors import UserError
from kidney_evals.human.raw import Answers
from kidney_evals.human.tables import Floats
from kidney_evals.lab.resampling import interval, person_counts
from kidney_evals.lab.table_text import Cell, draws_text, table_text
from kidney_evals.studies import Condition, Study

_SEEDS: dict[Condition, int] = {"forced_choice": 20212, "coin_flip": 20213}
ANSWER_NAMES = ("first", "second", "coin")


def answer_table(study: Study, answers: Answers) -> Floats:
    """Return the answers as indicators, shape (people, questions, 3), questions as listed."""
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
    rows: list[list[Cell]] = []
    anchors: list[list[Cell]] = []
    groups: tuple[tuple[Condition, Answers, int], ...] = (
        ("forced_choice", forced, 2),
        ("coin_flip", coin, 3),
    )
    for condition, answers, width in groups:
        table = answer_table(study, answers)[:, :, :width]
        counts = table.sum(axis=0)
        for dilemma, count in zip(study.listed, counts, strict=True):
            cells: list[Cell] = [int(value) for value in count]
            rows.append([condition, dilemma.id, *cells, *([""] * (3 - width))])
        people = person_counts(_SEEDS[condition], answers.people)
        draws = np.einsum("dp,pqc->dqc", people, table)
        columns = {
            f"{dilemma.id}.{ANSWER_NAMES[c]}": draws[:, q, c]
            for q, dilemma in enumerate(study.listed)
            for c in range(width)
        }
        files[f"draws_{condition}.csv"] = draws_text(columns)
        anchors += fixed_anchors(condition, table, people)
    header = ["condition", "quantity", "respondent", "value", "low", "high"]
    files["anchors.csv"] = table_text(header, anchors)
    files["counts.csv"] = table_text(["condition", "dilemma", *ANSWER_NAMES], rows)
    return files


def fixed_anchors(condition: Condition, table: Floats, people: Floats) -> list[list[Cell]]:
    """Return what people and known respondents get on the fixed questions.

    Args:
        condition: Which group.
        table: Answers as indicators, shape (people, questions, K).
        people: Bootstrap weights of the people, shape (draws, people).
    """
    n, questions, width = table.shape
    p = table.mean(axis=0)
    top = np.eye(width)[p.argmax(axis=1)]
    flat = np.full(width, 1 / width)
    decided = np.zeros_like(p)
    decided[:, :2] = p[:, :2] / p[:, :2].sum(axis=1, keepdims=True)
    known = {"majority": top, "uniform": np.broadcast_to(flat, p.shape)}
    if width == 3:
        known |= {"never_flips": decided, "always_coin": np.tile(np.eye(3)[2], (questions, 1))}

    def cells(quantity: str, respondent: str, value: float, draws: Floats | None) -> list[Cell]:
        low, high = interval(draws) if draws is not None else (np.nan, np.nan)
        return [condition, quantity, respondent, value, float(low), float(high)]

    def person(counts: Floats) -> Floats:
        """How well another random person predicts a person, by group of counted people."""
        size = counts.sum(axis=1)
        total = np.einsum("dp,pqc->dqc", counts, table)
        # Only pairs of two different people count; copies of one person agree by construction.
        pairs = (total**2).sum(axis=(1, 2)) - (counts**2).sum(axis=1) * questions
        result: Floats = pairs / (questions * (size**2 - (counts**2).sum(axis=1)))
        return result

    def majority(counts: Floats) -> Floats:
        """How well the majority of the others predicts a person; a tie predicts half."""
        total = np.einsum("dp,pqc->dqc", counts, table)
        others = total[:, :, :, None] - np.eye(width)
        rivals = np.where(np.eye(width, dtype=bool), -np.inf, others.swapaxes(2, 3)).max(axis=3)
        own = total - 1
        hit = (own > rivals) + 0.5 * (own == rivals)
        result: Floats = (total * hit).sum(axis=(1, 2)) / total.sum(axis=(1, 2))
        return result

    one = np.ones((1, n))
    rows = [
        cells("predicts_person", "majority", float(majority(one)[0]), majority(people)),
        cells("predicts_person", "other_person", float(person(one)[0]), person(people)),
    ]
    for name, q in known.items():
        squared = float(((q - p) ** 2).sum(axis=1).mean())
        rows.append(cells("fixed_distance", name, squared, None))
        variation = float(0.5 * np.abs(q - p).sum(axis=1).mean())
        rows.append(cells("total_variation", name, variation, None))
    if width == 3:
        coins = table[:, :, 2].mean(axis=1)
        draws = (people @ coins) / people.sum(axis=1)
        rows.append(cells("indecision", "people", float(coins.mean()), draws))
    return rows
