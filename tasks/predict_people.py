"""Predict people: which percentage of the surveyed people chose A, B or the coin?"""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.log import HeadlineMetric

from kidney_evals.elicitation import solvers
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.errors import UserError, check_known
from kidney_evals.scorers.predictions import predicted_measures, predictions
from kidney_evals.studies import (
    CONDITIONS,
    DEFAULT_STUDY,
    Condition,
    Study,
    dilemmas_of,
    load_study,
)
from kidney_evals.tasks._build import headline_of, new_task, refuse, words_of
from kidney_evals.tasks._revealed import choices_of
from kidney_evals.tasks._samples import Orders, dilemma_samples, joined, presentation, text_given
from kidney_evals.tasks._viewer import SHARE_SCALE, sample_list


@task
def predict_people(
    study: str | list[str] | None = None,
    condition: Condition = "coin_flip",
    drawn: int = 50,
    draw_seed: int | None = None,
    orders: Orders = "both",
    revealed: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask which percentage of the surveyed people chose each answer.

    The headline is the prediction of the 14 fixed questions, whose answers are public. The shares
    of drawn dilemmas are not published, so a model cannot have read them. Where no people were
    asked, the question is what people would choose, and predictions are not scored.

    Args:
        study: A study to ask about, by name or folder; by default the fixed and the drawn questions
            of McElfresh et al. (2021).
        condition: "coin_flip" (percentages of A, B and coin) or "forced_choice" (of A and B).
        drawn: Number of drawn dilemmas to ask about besides the fixed questions; 0 for none. Of
            another study's fixed list all dilemmas are asked.
        draw_seed: Seed of the draw.
        orders: "both" shows every dilemma in both orders, "random" in one balanced random
            order, "as_listed" once as listed.
        revealed: A log of the model's own choices in the same condition (forced_choice or
            coin_flip over either study), or two logs separated by a comma. The predictions
            are compared with these choices.
        **unexpected: Not allowed; the error lists the parameters.
    """
    from kidney_evals.human.reference import load_reference

    refuse(unexpected, ("study", "condition", "drawn", "draw_seed", "orders", "revealed"))
    check_known("condition", condition, CONDITIONS)
    if isinstance(drawn, bool) or not isinstance(drawn, int) or drawn < 0:
        raise UserError(f"drawn must be a whole number, 0 for none, not {drawn!r}")
    if draw_seed is not None and not drawn:
        raise UserError("draw_seed says which dilemmas are drawn; it needs drawn above 0")
    blocks = [load_study("mcelfresh_2021_fixed"), *([load_study(DEFAULT_STUDY)] if drawn else [])]
    if given := study is not None:
        blocks = [load_study(joined(study))]
        _check(blocks[0], drawn)
    people = any(load_reference(one, condition).has_people for one in blocks)
    choices = choices_of(text_given("revealed", revealed), condition, blocks)
    compared = ("drawn" if one.draw else "fixed" for one in blocks if one.hash in choices)
    marks: dict[str, Any] = {"drawn_dilemmas": drawn if blocks[-1].draw else 0}
    if given:
        marks["given_study"] = True
    if choices:
        marks["revealed_blocks"] = " ".join(sorted(compared))
    studies = " + ".join(one.id for one in blocks)
    samples: list[Sample] = []
    metadata: dict[str, Any] = {
        "condition": condition,
        "study": studies,
        "asks": "predict_people",
        "citation": blocks[0].citation,
        **({"study_title": blocks[0].title, **words_of(blocks[0])} if given else {}),
    }
    for block_study in blocks:
        reference = load_reference(block_study, condition)
        number, draw = (drawn, draw_seed) if block_study.draw else (None, None)
        seed = block_study.draw.seed if block_study.draw and draw_seed is None else draw_seed or 0
        asked = dilemmas_of(block_study, number, draw, argument="drawn")
        shown = [(*pair, wording_named(DEFAULT)) for pair in presentation(asked, orders, seed)]
        block = dilemma_samples(shown, block_study, reference, marks=marks)
        if block_study.hash in choices:
            own = choices[block_study.hash]
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
            f"{block_study.id}_hash": block_study.hash,
            f"{block_study.id}_reference": f"{reference.version}+{reference.sha256}",
            f"{block_study.id}_people": reference.people,
        }
    for place, log in enumerate(choices.values()):
        metadata[f"revealed_{place}"] = f"{log.log} ({log.model})"
    rows = predicted_measures({"condition": condition, **marks}, people=people)
    return new_task(
        samples,
        studies,
        title="predicting people",
        about="Which percentage of the surveyed people chose each answer?"
        if people
        else "Which percentage of people would choose each answer?",
        compared="The model's predictions are compared with people's answers.",
        study=blocks[0],
        people=people,
        solver=solvers.predict_people(),
        scorer=predictions(),
        rows=rows,
        metadata=metadata,
        viewer=sample_list(
            "Predicted beside people" if people else "Predicted",
            "predictions",
            {"people": "People", "predicted": "Predicted", "off": "Off by"}
            if people
            else {"predicted": "Predicted"},
            sort=("off", "desc") if people else None,
            head=17,
            scales={"off": SHARE_SCALE} if people else None,
        ),
        headline_metric=HeadlineMetric(
            scorer="predictions", score=headline_of("predict_people", rows)
        ),
    )


def _check(study: Study, drawn: int) -> None:
    """Raise `UserError` unless the dilemmas of a study are drawn or a plain list."""
    kinds = {one.kind for one in study.listed} - {"fixed"}
    if kinds and study.draw is None:
        raise UserError(
            f"study {study.id!r} holds dilemmas of kind {', '.join(sorted(kinds))}; predict_people "
            "asks about drawn and fixed ones"
        )
    if study.draw is not None and not drawn:
        raise UserError(f"study {study.id!r} draws its dilemmas: drawn must be above 0")
