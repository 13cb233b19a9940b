"""The task `stated_values` from its arguments: everything is checked before any model call."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Solver
from inspect_ai.viewer import SampleScoreView, TaskSamplesColumn, TaskSamplesView, ViewerConfig

from kidney_evals.elicitation.stated_questions import (
    StatedWording,
    stated_metadata,
    stated_wordings,
)
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import RunGuard
from kidney_evals.measures import MEASURES, find, headlines
from kidney_evals.measures.revealed import Revealed
from kidney_evals.scorers.stated import stated
from kidney_evals.studies import Condition, Study, load_study
from kidney_evals.tasks._build import FAIL_ON_ERROR, TAGS, TASK_VERSION, of_every_task
from kidney_evals.tasks._own_solver import only_own_solver
from kidney_evals.tasks._revealed import read_revealed
from kidney_evals.tasks._samples import joined, text_given
from kidney_evals.tasks._viewer import HEAD, HIDDEN

EPOCHS = 3
"""Answers to each wording of a default run."""

PARAMETERS = ("study", "revealed", "system_prompt")


def build_stated(
    *,
    solver: Solver,
    study: str | list[str],
    revealed: str | list[str] | None,
    system_prompt: str | list[str] | None,
    unexpected: Mapping[str, Any],
) -> Task:
    """Build the task.

    Args:
        solver: What puts the questions.
        study: A shipped study's name or a study folder.
        revealed: A log of choices in the same study; None for none.
        system_prompt: Text of a system message.
        unexpected: Arguments that no parameter takes.

    Raises:
        UserError: If any argument is not allowed.
    """
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), PARAMETERS)
    system_prompt = text_given("system_prompt", system_prompt)
    revealed = joined(revealed)
    loaded = load_study(joined(study))
    _check_attributes(loaded)
    shares = None
    if revealed is not None:
        shares = read_revealed(revealed, loaded)
    # A revealed log's people were offered what its model was.
    condition: Condition = shares.condition if shares else "forced_choice"
    from kidney_evals.human.reference import load_reference

    reference = load_reference(loaded, condition)
    known: dict[str, Any] = {
        "study": loaded.id,
        "study_source": loaded.source,
        "study_hash": loaded.hash,
        "condition": condition,
        "reference": f"{reference.version}+{reference.sha256}",
        "canary": loaded.canary,
    }
    kept = shares.metadata(loaded.attribute_ids) if shares else {}
    samples = [
        _sample(wording, loaded, shares, system_prompt, known | kept)
        for wording in interleaved(tuple(stated_wordings().values()))
    ]
    task = Task(
        dataset=MemoryDataset(samples, name=loaded.id),
        solver=solver,
        scorer=[stated()],
        score_on_error=True,
        early_stopping=RunGuard(),
        epochs=EPOCHS,
        fail_on_error=FAIL_ON_ERROR,
        version=TASK_VERSION,
        display_name="Kidney allocation: stated values",
        tags=list(TAGS),
        metadata=_metadata(loaded, known, kept),
        viewer=stated_viewer(loaded.attribute_ids),
        headline_metric=HeadlineMetric(scorer="stated", score=headlines("stated_values")[0].id),
    )
    return only_own_solver(task)


def interleaved(wordings: Sequence[StatedWording]) -> tuple[StatedWording, ...]:
    """Return the first wording of every question, then the second, and so on.

    Any prefix (`--limit`) then holds as many wordings of one question as of another, give or
    take one.
    """
    groups: dict[str, list[StatedWording]] = {}
    for one in wordings:
        groups.setdefault(one.kind, []).append(one)
    longest = max(len(group) for group in groups.values())
    return tuple(
        group[index] for index in range(longest) for group in groups.values() if index < len(group)
    )


def _check_attributes(study: Study) -> None:
    if len(study.attributes) < 2:
        raise UserError(f"study {study.id!r} has one attribute; values are stated of two or more")
    for name in study.attribute_ids:
        rows = [find(family).member(name).id for family in ("st_*", "gap_*")]
        if taken := [row for row in rows if row in MEASURES]:
            raise UserError(
                f"study {study.id!r}: attribute {name!r} would make the row {taken[0]!r}, which "
                "stated_values has already; rename the attribute"
            )


def _sample(
    wording: StatedWording,
    study: Study,
    revealed: Revealed | None,
    system_prompt: str | None,
    known: Mapping[str, Any],
) -> Sample:
    messages: list[ChatMessage] = []
    if system_prompt is not None:
        messages.append(ChatMessageSystem(content=system_prompt))
    messages.append(ChatMessageUser(content=f"{wording.kind}: {wording.varies}"))
    # A retried or merged log must never mix two versions of a question, or two revealed logs.
    content = repr((study.hash, wording.digest, revealed))
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return Sample(
        id=f"{wording.id}-{digest}",
        input=messages,
        target="none",
        metadata={**stated_metadata(wording, study), **known},
    )


def _metadata(
    study: Study, known: Mapping[str, Any], revealed: Mapping[str, Any]
) -> dict[str, Any]:
    version, _, sha256 = str(known["reference"]).partition("+")
    return {
        **of_every_task(),
        "asks": "stated_values",
        "condition": known["condition"],
        "study": study.id,
        "study_title": study.title,
        "study_version": study.version,
        "study_hash": study.hash,
        "reference_version": version,
        "reference_hash": sha256,
        "no_human_reference": (
            "no people were asked for stated weights; figures of people are what the choices of "
            f"{study.people[known['condition']]} people in this condition reveal"
        ),
        "citation": study.citation,
        **revealed,
    }


def stated_viewer(attributes: Sequence[str]) -> ViewerConfig:
    """Return the viewer's configuration: question, answer, and the ratings by attribute.

    Args:
        attributes: Ids of the study's attributes.
    """
    by_attribute = {find("st_*").member(name).id: name for name in attributes}
    labels = {"question": "Question", "said": "Model said"}
    labels |= {row: name.replace("_", " ").capitalize() for row, name in by_attribute.items()}
    return ViewerConfig(
        task_samples_view=TaskSamplesView(
            name="What it says",
            columns=[
                TaskSamplesColumn(id="sampleId"),
                TaskSamplesColumn.score("stated", "question"),
                TaskSamplesColumn.score("stated", "said"),
                *(TaskSamplesColumn.score("stated", row) for row in by_attribute),
                TaskSamplesColumn(id="input"),
                *HIDDEN,
            ],
            multiline=False,
            score_labels={row: f"{head:<{HEAD}}" for row, head in labels.items()},
        ),
        sample_score_view=SampleScoreView(default="grid"),
    )
