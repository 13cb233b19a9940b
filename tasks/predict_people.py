"""Predict people: what percentage of the people asked chose A, B or the coin?"""

from collections.abc import Sequence
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

from kidney_evals.elicitation import solvers
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import RunGuard
from kidney_evals.scorers.predictions import predictions
from kidney_evals.studies import CONDITIONS, Condition, Study, dilemmas_of, load_study
from kidney_evals.tasks._build import FAIL_ON_ERROR, TAGS, TASK_VERSION, of_every_task
from kidney_evals.tasks._choices_log import Choices, choices_of
from kidney_evals.tasks._own_solver import only_own_solver
from kidney_evals.tasks._samples import Orders, Record, presentation, record_to_sample
from kidney_evals.tasks._viewer import HIDDEN

FIXED_STUDY = "mcelfresh_2021_fixed"

DRAWN_STUDY = "mcelfresh_2021"

DRAWN = 50
"""Drawn dilemmas of a default run."""

PARAMETERS = ("condition", "drawn", "draw_seed", "orders", "revealed")

LABELS = {"people": "People", "predicted": "Predicted", "off": "Off by"}
"""Heads of the sample list's score columns."""

HEAD = 17
"""Letters that fill the widest head: the viewer makes a column as wide as its head."""


@task
def predict_people(
    condition: Condition = "coin_flip",
    drawn: int = DRAWN,
    draw_seed: int | None = None,
    orders: Orders = "both",
    revealed: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask what percentage of the people asked chose each answer.

    The 14 fixed questions, whose answers are public, are the headline; drawn dilemmas, whose
    shares stand in no publication, are the check on having read them.

    Args:
        condition: "coin_flip" (percentages of A, B and coin) or "forced_choice" (of A and B).
        drawn: How many drawn dilemmas to ask about beside the fixed questions; 0 for none.
        draw_seed: Which draw of them.
        orders: "both" shows every dilemma in both orders, "random" in one balanced random
            order, "as_listed" once as listed.
        revealed: A log of the model's own choices in the same condition (forced_choice or
            coin_flip over either study), or two of them with a comma between, to set the
            predictions beside.
        **unexpected: Refused, with the list of parameters.
    """
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), PARAMETERS)
    if condition not in CONDITIONS:
        raise unknown("condition", condition, CONDITIONS)
    if isinstance(drawn, bool) or not isinstance(drawn, int) or drawn < 0:
        raise UserError(f"drawn must be a whole number, 0 for none, not {drawn!r}")
    if draw_seed is not None and not drawn:
        raise UserError("draw_seed says which dilemmas are drawn; it needs drawn above 0")
    blocks = [load_study(FIXED_STUDY), *([load_study(DRAWN_STUDY)] if drawn else [])]
    choices = choices_of(revealed, condition, blocks)
    samples: list[Sample] = []
    for study in blocks:
        samples += _samples(study, condition, drawn, draw_seed, orders, choices.get(study.hash))
    shared = {str(_meta(one)["kind"]) for one in samples if "own_ab" in _meta(one)}
    missing = [one.log for key, one in choices.items() if _kind_of(key, blocks) not in shared]
    if missing:
        raise UserError(
            f"revealed: {missing[0]} shares no dilemma with this run; give it the draw_seed that "
            "the log was made with"
        )
    for sample in samples:
        marks = {"drawn_dilemmas": drawn} | (
            {"revealed_blocks": " ".join(sorted(shared))} if shared else {}
        )
        sample.metadata = _meta(sample) | marks
    task = Task(
        dataset=MemoryDataset(samples, name=" + ".join(study.id for study in blocks)),
        solver=solvers.predict_people(),
        scorer=predictions(),
        score_on_error=True,
        early_stopping=RunGuard(),
        fail_on_error=FAIL_ON_ERROR,
        version=TASK_VERSION,
        display_name="Kidney allocation: predicting people",
        tags=list(TAGS),
        metadata=_metadata(blocks, condition, list(choices.values())),
        viewer=_viewer(),
        headline_metric=HeadlineMetric(scorer="predictions", score="pred_fixed"),
    )
    return only_own_solver(task)


def _samples(
    study: Study,
    condition: Condition,
    drawn: int,
    draw_seed: int | None,
    orders: Orders,
    choices: Choices | None,
) -> list[Sample]:
    from kidney_evals.human.reference import load_reference

    is_drawn = study.draw is not None
    dilemmas = dilemmas_of(study, drawn if is_drawn else None, draw_seed if is_drawn else None)
    seed = draw_seed if draw_seed is not None else (study.draw.seed if study.draw else 0)
    shown = presentation(dilemmas, orders, seed)
    reference = load_reference(study, condition)
    shares = reference.shares([dilemma for dilemma, _ in shown]).tolist()
    samples = []
    for (dilemma, order), share in zip(shown, shares, strict=True):
        sample = record_to_sample(
            Record(dilemma, order, tuple(share)),
            study,
            condition,
            reference_version=reference.version,
            reference_hash=reference.sha256,
        )
        if choices is not None:
            sample.metadata = _meta(sample) | choices.marks(dilemma)
        samples.append(sample)
    return samples


def _meta(sample: Sample) -> dict[str, Any]:
    return sample.metadata or {}


def _kind_of(study_hash: str, blocks: Sequence[Study]) -> str:
    [study] = [one for one in blocks if one.hash == study_hash]
    return "fixed" if study.draw is None else "drawn"


def _metadata(
    blocks: Sequence[Study], condition: Condition, choices: Sequence[Choices]
) -> dict[str, Any]:
    from kidney_evals.human.reference import load_reference

    found: dict[str, Any] = {
        **of_every_task(),
        "condition": condition,
        "study": " + ".join(study.id for study in blocks),
        "asks": "predict_people",
    }
    for study in blocks:
        reference = load_reference(study, condition)
        found |= {
            f"{study.id}_hash": study.hash,
            f"{study.id}_reference": f"{reference.version}+{reference.sha256}",
            f"{study.id}_people": study.people[condition],
        }
    found |= {f"revealed_{place}": f"{one.log} ({one.model})" for place, one in enumerate(choices)}
    return found | {"citation": blocks[0].citation}


def _viewer() -> ViewerConfig:
    """Return the viewer's configuration: both patients, people, the prediction, farthest first."""
    columns = [TaskSamplesColumn.score("predictions", name) for name in LABELS]
    return ViewerConfig(
        task_samples_view=TaskSamplesView(
            name="Predicted beside people",
            columns=[
                TaskSamplesColumn(id="sampleId"),
                TaskSamplesColumn(id="input"),
                *columns,
                *HIDDEN,
            ],
            sort=[TaskSamplesSort(column=columns[-1].id, dir="desc")],
            multiline=False,
            score_labels={name: f"{head:<{HEAD}}" for name, head in LABELS.items()},
            score_color_scales={"off": ScoreColorScale(palette="neutral", min=0, max=1)},
        ),
        sample_score_view=SampleScoreView(default="grid"),
    )
