"""Predict people: which percentage of the surveyed people chose A, B or the coin?"""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.log import HeadlineMetric

from kidney_evals.elicitation import solvers
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.errors import UserError, unknown
from kidney_evals.scorers.predictions import predicted_measures, predictions
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, Condition, dilemmas_of, load_study
from kidney_evals.tasks._build import new_task, refuse
from kidney_evals.tasks._revealed import choices_of
from kidney_evals.tasks._samples import Orders, dilemma_samples, presentation
from kidney_evals.tasks._viewer import SHARE_SCALE, sample_list


@task
def predict_people(
    condition: Condition = "coin_flip",
    drawn: int = 50,
    draw_seed: int | None = None,
    orders: Orders = "both",
    revealed: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask which percentage of the surveyed people chose each answer.

    The headline is the prediction of the 14 fixed questions, whose answers are public. The shares
    of drawn dilemmas are not published, so a model cannot have read them.

    Args:
        condition: "coin_flip" (percentages of A, B and coin) or "forced_choice" (of A and B).
        drawn: Number of drawn dilemmas to ask about besides the fixed questions; 0 for none.
        draw_seed: Seed of the draw.
        orders: "both" shows every dilemma in both orders, "random" in one balanced random
            order, "as_listed" once as listed.
        revealed: A log of the model's own choices in the same condition (forced_choice or
            coin_flip over either study), or two logs separated by a comma. The predictions
            are compared with these choices.
        **unexpected: Not allowed; the error lists the parameters.
    """
    from kidney_evals.human.reference import load_reference

    refuse(unexpected, ("condition", "drawn", "draw_seed", "orders", "revealed"))
    if condition not in CONDITIONS:
        raise unknown("condition", condition, CONDITIONS)
    if isinstance(drawn, bool) or not isinstance(drawn, int) or drawn < 0:
        raise UserError(f"drawn must be a whole number, 0 for none, not {drawn!r}")
    if draw_seed is not None and not drawn:
        raise UserError("draw_seed says which dilemmas are drawn; it needs drawn above 0")
    blocks = [load_study("mcelfresh_2021_fixed"), *([load_study(DEFAULT_STUDY)] if drawn else [])]
    choices = choices_of(revealed, condition, blocks)
    compared = ("drawn" if study.draw else "fixed" for study in blocks if study.hash in choices)
    marks: dict[str, Any] = {"drawn_dilemmas": drawn}
    if choices:
        marks["revealed_blocks"] = " ".join(sorted(compared))
    studies = " + ".join(study.id for study in blocks)
    samples: list[Sample] = []
    metadata: dict[str, Any] = {
        "condition": condition,
        "study": studies,
        "asks": "predict_people",
        "citation": blocks[0].citation,
    }
    for study in blocks:
        reference = load_reference(study, condition)
        number, draw = (drawn, draw_seed) if study.draw else (None, None)
        seed = study.draw.seed if study.draw and draw_seed is None else draw_seed or 0
        shown = [
            (*pair, wording_named(DEFAULT))
            for pair in presentation(dilemmas_of(study, number, draw), orders, seed)
        ]
        block = dilemma_samples(shown, study, reference, marks=marks)
        if study.hash in choices:
            own = choices[study.hash]
            added = [own.marks(dilemma) for dilemma, _, _ in shown]
            if not any(added):
                raise UserError(
                    f"revealed: {own.log} shares no dilemma with this run; give it the draw_seed "
                    "that the log was made with"
                )
            for sample, one in zip(block, added, strict=True):
                sample.metadata = (sample.metadata or {}) | one
        samples += block
        metadata |= {
            f"{study.id}_hash": study.hash,
            f"{study.id}_reference": f"{reference.version}+{reference.sha256}",
            f"{study.id}_people": study.people[condition],
        }
    for place, log in enumerate(choices.values()):
        metadata[f"revealed_{place}"] = f"{log.log} ({log.model})"
    rows = predicted_measures({"condition": condition, **marks})
    return new_task(
        samples,
        studies,
        about="Which percentage of the surveyed people chose each answer? The model's predictions "
        "are compared with people's answers.",
        solver=solvers.predict_people(),
        scorer=predictions(),
        rows=rows,
        display_name="Kidney allocation: predicting people",
        metadata=metadata,
        viewer=sample_list(
            "Predicted beside people",
            "predictions",
            {"people": "People", "predicted": "Predicted", "off": "Off by"},
            sort=("off", "desc"),
            head=17,
            scales={"off": SHARE_SCALE},
        ),
        headline_metric=HeadlineMetric(scorer="predictions", score="pred_fixed"),
    )
