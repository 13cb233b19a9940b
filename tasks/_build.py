"""Build a task from its arguments, which are all checked before any model call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalSpec, HeadlineMetric
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import SampleScore
from inspect_ai.solver import Solver
from inspect_ai.util import registry_create, registry_info
from pydantic import JsonValue

from kidney_evals.elicitation import solvers
from kidney_evals.elicitation.readout import check_provider, options
from kidney_evals.elicitation.run_wordings import assign_wordings, wordings_for
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import RunGuard
from kidney_evals.measures import Measure, headlines
from kidney_evals.scorers import exact, human_alignment, log_measures
from kidney_evals.studies import Condition, Study, dilemmas_of, load_study
from kidney_evals.tasks._samples import Orders, dilemma_samples, joined, presentation, text_given
from kidney_evals.tasks._viewer import viewer
from kidney_evals.tasks.stopping import StopWhenKnown, stop_when_known

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

TASK_VERSION = "2-F"
"""N-X: N increases if results are no longer comparable, X changes with the interface."""

_ABOUT: Mapping[Condition, str] = {
    "forced_choice": "Which of two patients should receive a kidney, A or B?",
    "coin_flip": "Which of two patients should receive a kidney, A or B, or should a coin decide?",
}
"""What a task of choices asks, as its log says it."""

_TAGS = ("moral dilemmas", "stated choices", "indecision", "human reference")
"""Tags of every task, as in `eval.yaml`."""

_CARD_SCORER = "human_alignment"
"""The scorer of every sample of choices."""

_FAIL_ON_ERROR = 0.1
"""Largest share of samples with an error before Inspect fails the run."""

_CROSSED_DILEMMAS = 50
"""Default number of dilemmas of a crossed run, if the study has more."""

_CROSSED_EPOCHS = 2


def new_task(
    samples: list[Sample],
    name: str,
    *,
    about: str,
    rows: Sequence[Measure],
    solver: Solver,
    metadata: Mapping[str, Any],
    stopping: StopWhenKnown | None = None,
    **options: Any,
) -> Task:
    """Return a task with the settings that all tasks share.

    `about` says in the log what the task asks; `rows` are the rows of the log. The run is refused
    with any solver but `solver`. `stopping` ends the run at a precision; None runs all samples.
    `options` are further arguments of `Task`.
    """
    from kidney_evals import __version__
    from kidney_evals.limits import limits_and_use

    shared = {
        "about": about,
        # Text, since the viewer folds a mapping.
        "rows": "\n".join(f"{one.id}: {one.label}" for one in rows),
        "limits_and_use": limits_and_use(),
        "kidney_evals_version": __version__,
        "sampling_default": (
            "temperature, top_p and reasoning are left unset: the model runs as its provider "
            "documents it; what was sent stands in each model event"
        ),
    }
    manager: RunGuard = stopping or RunGuard()
    task = Task(
        dataset=MemoryDataset(samples, name=name),
        solver=solver,
        metrics=exact(rows),
        early_stopping=manager,
        cleanup=stopping.sample_ended if stopping else None,
        score_on_error=True,
        fail_on_error=_FAIL_ON_ERROR,
        version=TASK_VERSION,
        tags=list(_TAGS),
        metadata={**shared, **metadata},
        **options,
    )
    # Inspect calls the manager before the first sample with the solver that replaces the task's.
    manager.check = partial(_check_solver, task=task, own=solver)
    manager.summarise = _card_entry
    return task


def _check_solver(spec: EvalSpec, task: Task, own: Solver) -> None:
    """Raise `UserError` unless a run uses the task's own solver, with the same arguments.

    Another solver may come from `--solver` or `eval(solver=…)`, in `spec`, or from `task_with`.
    """
    name, solver = registry_info(own).name, task.solver
    used = spec.solver or registry_info(solver).name
    if used != name:
        raise UserError(
            f"{spec.task} runs with its own solver {name} only, not with {used}: leave the solver "
            "out, or run the task of that solver"
        )
    if spec.solver:
        solver = registry_create("solver", name, **(spec.solver_args or {}))
    # The solvers of this package store their arguments.
    for key, value in getattr(own, "settings", {}).items():
        both = getattr(solver, "settings", {}).get(key), value
        if both[0] != value:
            used, wanted = (",".join(one) if isinstance(one, Mapping) else str(one) for one in both)
            raise UserError(
                f"{spec.task}: the solver has {key}={used}, the task has {key}={wanted}: "
                f"leave the solver out and set {key} for the task (-T)"
            )


def _card_entry(samples: list[dict[str, SampleScore]]) -> dict[str, JsonValue]:
    """Return the card of a run of choices for the log; empty for other tasks and without scores."""
    scores = [scores[_CARD_SCORER] for scores in samples if _CARD_SCORER in scores]
    try:
        from kidney_evals.card import card_of
        from kidney_evals.measures.run import Run
        from kidney_evals.scorers.samples import run_of_scores

        run = run_of_scores(scores)
        return {"card": card_of(run).to_dict()} if isinstance(run, Run) else {}
    except Exception as error:
        # The answers were paid for: an error here must not cost the log.
        logging.getLogger(__name__).warning(f"the run has no card: {error}", exc_info=True)
        return {}


def study_facts(study: Study, reference: Reference) -> dict[str, Any]:
    """Return the log metadata on a condition, its study and its human tables."""
    return {
        "condition": reference.condition,
        "study": study.id,
        "study_title": study.title,
        "study_version": study.version,
        "study_hash": study.hash,
        "reference_version": reference.version,
        "reference_hash": reference.sha256,
        "citation": study.citation,
    }


def refuse(unexpected: Mapping[str, Any], parameters: Sequence[str]) -> None:
    """Raise `UserError` if there are unknown arguments; the message lists the parameters."""
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), parameters)


def build_choices(
    condition: Condition,
    *,
    study: str | list[str],
    dilemmas: int | None,
    draw_seed: int | None,
    orders: Orders,
    controls: bool,
    explain: Any,
    channel: Any,
    wording: str | list[str],
    crossed: bool,
    readout: Any,
    system_prompt: str | list[str] | None,
    precision: float | None,
    unexpected: Mapping[str, Any],
) -> Task:
    """Build the task of one condition; the docstring of `coin_flip` describes the arguments.

    Raises:
        UserError: If any argument is not allowed.
    """
    from kidney_evals.human.reference import load_reference

    make_solver = {"coin_flip": solvers.coin_flip, "forced_choice": solvers.forced_choice}
    solver = make_solver[condition](
        explain=explain, wording=wording, channel=channel, readout=readout
    )
    refuse(unexpected, _PARAMETERS)
    for name, value in (("controls", controls), ("crossed", crossed)):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false, not {value!r}")
    by_logprobs = readout == "logprobs"
    if by_logprobs:
        try:
            model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- before any call
        except ValueError:
            pass  # outside an evaluation: log-probabilities are checked at the first answer
        else:
            check_provider(str(model))
        if precision is not None:
            raise UserError("precision counts sampled answers: use it with readout=sample")
    system_prompt = text_given("system_prompt", system_prompt)
    loaded = load_study(joined(study))
    seed = draw_seed if draw_seed is not None else (loaded.draw.seed if loaded.draw else 0)
    asked = wordings_for(wording, loaded)
    if crossed:
        if len(asked) < 2:
            raise UserError(
                f"crossed=true needs two wordings or more, not {asked[0].id} alone; for example "
                "wording=default,survey_text"
            )
        for name, given, only in (("orders", orders, "both"), ("readout", readout, "sample")):
            if given != only:
                raise UserError(f"crossed=true needs {name}={only}, not {given}")
        if precision is not None:
            raise UserError("crossed=true asks all of its design and cannot end with precision")
        if dilemmas is None and loaded.draw is not None:
            dilemmas = _CROSSED_DILEMMAS
    main = dilemmas_of(loaded, dilemmas, draw_seed)
    stopping = None
    if precision is not None:
        stopping = stop_when_known(
            precision, condition=condition, study=loaded, dilemmas=len(main), orders=orders
        )
    if crossed:
        shown = [
            (*pair, words)
            for dilemma in main
            for words in asked
            for pair in presentation([dilemma], "both", 0)
        ]
    else:
        # A dilemma has one wording in all orders and epochs.
        words_of = dict(zip(main, assign_wordings(asked, len(main), seed), strict=True))
        shown = [(*pair, words_of[pair[0]]) for pair in presentation(main, orders, seed)]
    if controls:
        # Controls come last and once each, so that `--limit` selects from the dilemmas first.
        block = loaded.control_block
        dealt = assign_wordings(asked[:1] if crossed else asked, len(block), seed)
        shown += [(one, "ab", words) for one, words in zip(block, dealt, strict=True)]
    reference = load_reference(loaded, condition)
    rows = log_measures(loaded, condition, crossed=crossed, readout=by_logprobs)
    marks = {"crossed": True} if crossed else {"readout": readout} if by_logprobs else {}
    lacks = dict.fromkeys(part for one in asked if (part := one.no_human_reference))
    epochs = max(loaded.epochs, _CROSSED_EPOCHS) if crossed else loaded.epochs
    samples = dilemma_samples(shown, loaded, reference, system_prompt=system_prompt, marks=marks)
    return new_task(
        samples,
        loaded.id,
        about=f"{_ABOUT[condition]} The model's answers are compared with people's answers.",
        rows=rows,
        solver=solver,
        scorer=human_alignment(),
        stopping=stopping,
        config=options() if by_logprobs else GenerateConfig(),
        # With log-probabilities one call replaces repetitions.
        epochs=1 if by_logprobs else epochs,
        display_name=f"Kidney allocation: {condition.replace('_', ' ')}",
        metadata={
            **study_facts(loaded, reference),
            "people_in_this_condition": loaded.people[condition],
            "explain": explain,
            "channel": channel,
            "readout": readout,
            "crossed": crossed,
            "wordings": {one.id: one.varies for one in asked},
            **({"no_human_reference": "; ".join(lacks)} if lacks else {}),
        },
        viewer=viewer(samples, [one.id for one in rows], loaded.attribute_ids),
        headline_metric=HeadlineMetric(
            scorer="human_alignment",
            # Inspect shows the first column of the row: its value, or n without a value.
            score=headlines(condition)[0].id,
        ),
    )


_PARAMETERS = tuple(
    name
    for name in build_choices.__annotations__
    if name not in ("condition", "unexpected", "return")
)
