"""Runs whose every answer is known, as the comparison of two versions gets them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import load_reference
from kidney_evals.lab import simulate
from kidney_evals.lab.panel import draw
from kidney_evals.measures.run import Run
from kidney_evals.reporting.logs import LogFile, State
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.studies import Condition, load_study

STUDY = "mcelfresh_2021"

FIRST, SECOND, COIN, NONE = 0, 1, 2, -1


def run_of(
    answer: Callable[[int, int], int],
    dilemmas: int,
    condition: Condition = "coin_flip",
    *,
    epochs: int = 1,
    start: int = 0,
) -> Run:
    """Return a run in both orders of `dilemmas` dilemmas, from number `start` on.

    `answer` returns the choice by number of the dilemma and order, `NONE` for none.
    """
    study = load_study(STUDY)
    listed = sorted(draw(STUDY, start + dilemmas, 1), key=lambda one: one.id)[start:]
    choice = [[answer(d, 0), answer(d, 1)] * epochs for d in range(start, start + dilemmas)]
    run = simulate.run_of(load_reference(study, condition), listed, np.array(choice))
    return replace(run, outcomes=np.where(run.choice < 0, "refusal", "decision"))


def model_run(
    run: Run | None,
    name: str = "some/model",
    *,
    state: State = "finished",
    rows: Mapping[str, Quantity] | None = None,
    planned: int | None = None,
    location: str = "",
    arguments: Mapping[str, Any] | None = None,
    version: str = "1-A",
    task: str = "coin_flip",
    **facts: Any,
) -> ModelRun:
    """Return a run of a model as if it had been read from a log.

    Without answers, `rows` are those of the log and `task` is the condition. `planned` is the
    number of answers by default; `facts` is further metadata of the task.
    """
    count = 0 if run is None else len(run.choice)
    condition = task if run is None else run.reference.condition
    metadata = {
        "study": STUDY,
        "study_hash": "a" * 64 if run is None else run.study.hash,
        "condition": condition,
        "reference_hash": "b" * 64 if run is None else run.reference.sha256,
        "kidney_evals_version": "0",
        **facts,
    }
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task=f"kidney_evals/{condition}",
        task_version=version,
        task_args=dict(arguments or {}),
        dataset=EvalDataset(),
        model=name,
        config=EvalConfig(),
        metadata=metadata,
        eval_id=f"{name}{location}",
    )
    planned = count if planned is None else planned
    file = LogFile(location or f"{name}.eval", state, state, EvalLog(eval=spec), count, planned)
    made = ModelRun(file)
    made.name = name
    # What is read from a log's samples once.
    trouble = "no sample was scored" if run is None else ""
    vars(made).update(_answers=(run, trouble), rows=Rows(run, rows))
    return made
