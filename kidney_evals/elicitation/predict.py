"""The question of `predict_people`: the percentage of people who chose each answer."""

from __future__ import annotations

from kidney_evals.elicitation.form import table
from kidney_evals.elicitation.prompt import cells_of, scene
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.studies import Condition, Dilemma, Order, Study

ASKS = "predict_people"
"""Marker of this question in a message's metadata, for the simulated respondents."""


def render_prediction(study: Study, dilemma: Dilemma, order: Order, condition: Condition) -> str:
    """Return the question about people's answers to a dilemma, in the default wording."""
    words, wording = table("predict"), wording_named(DEFAULT)
    kind = "fixed" if study.draw is None else "drawn"
    a, b = wording.form.names
    first, second = (cells_of(wording, study, patient) for patient in dilemma.shown(order))
    shown = scene(wording, study.scenario["situation"], first, second)
    question = wording.question[condition].format(a=a, b=b)
    parts = (
        words["people"][kind].format(people=study.people[condition]),
        words["dilemma"].format(scene=shown.strip(), question=question.strip()),
        words["ask"][kind][condition],
        words["reply"].format(line=words["line"][condition]),
    )
    return "\n\n".join(part.strip() for part in parts)


def render_prediction_repeat(condition: Condition) -> str:
    """Return the repeat question after percentages that could not be parsed."""
    words = table("predict")
    return str(words["repeat"].format(line=words["line"][condition])).strip()
