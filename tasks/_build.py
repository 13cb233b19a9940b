"""Build a task from its arguments, which are all checked before any model call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalSpec, HeadlineMetric
from inspect_ai.model import get_model
from inspect_ai.scorer import SampleScore
from inspect_ai.solver import Solver
from inspect_ai.util import registry_create, registry_info
from pydantic import JsonValue

from kidney_evals.elicitation import solvers
from kidney_evals.elicitation.prefill import check_examples
from kidney_evals.elicitation.probes import ProbeQuestion, check_probe, probe_asked, probe_questions
from kidney_evals.elicitation.readout import check_provider, options
from kidney_evals.elicitation.run_wordings import assign_wordings, own_hashes, wordings_for
from kidney_evals.elicitation.wording import left_out, put
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import RunGuard
from kidney_evals.measures import Measure, headlines, probe_rows
from kidney_evals.scorers import exact, human_alignment, log_measures
from kidney_evals.studies import Condition, Study, dilemmas_of, load_study
from kidney_evals.studies.words import with_article
from kidney_evals.tasks._samples import Orders, dilemma_samples, joined, presentation, text_given
from kidney_evals.tasks._viewer import viewer
from kidney_evals.tasks.stopping import StopWhenKnown, stop_when_known

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

TASK_VERSION = "2-H"
"""N-X: N increases if results are no longer comparable, X changes with the interface."""

_ABOUT: Mapping[Condition, str] = {
    "forced_choice": "Which of two {candidates} should receive %s, A or B?",
    "coin_flip": "Which of two {candidates} should receive %s, A or B, or should a coin decide?",
}
"""What a task of choices asks, as its log says it; the good stands in the gap."""

_CARD_SCORER = "human_alignment"
"""The scorer of every sample of choices."""


def new_task(
    samples: list[Sample],
    name: str,
    *,
    title: str,
    about: str,
    compared: str,
    rows: Sequence[Measure],
    solver: Solver,
    metadata: Mapping[str, Any],
    study: Study,
    people: bool,
    stopping: StopWhenKnown | None = None,
    **options: Any,
) -> Task:
    """Return a task with the settings that all tasks share.

    The run is refused with any solver but `solver`.

    Args:
        samples: The samples, in the order of the run.
        name: Name of the dataset.
        title: Name of the task; Inspect shows it after the good ("Kidney allocation: coin flip").
        about: What the task asks, as a question for the log.
        compared: What is compared with people, as a sentence for the log if people were asked.
        rows: The measures that the log stores.
        solver: The solver of the task.
        metadata: Further metadata of the log.
        study: The study, or one of several studies with the same good.
        people: Whether people were asked.
        stopping: The manager that ends the run at a precision; None for no such end.
        **options: Further arguments of `Task`.
    """
    from kidney_evals import __version__
    from kidney_evals.limits import limits_and_use

    shared = {
        "about": f"{about} {compared if people else 'No people were asked.'}",
        # Text, since the viewer folds a mapping.
        "rows": "\n".join(f"{one.id}: {one.label}" for one in rows),
        "limits_and_use": limits_and_use(study.words.good, people=people),
        "kidney_evals_version": __version__,
        "sampling_default": (
            "temperature, top_p and reasoning are left unset: the model runs as its provider "
            "documents it; what was sent stands in each model event"
        ),
    }
    manager: RunGuard = stopping or RunGuard()
    task = Task(
        dataset=MemoryDataset(samples, name=name),
        display_name=study.words.fill("{Good} allocation: " + title),
        solver=solver,
        metrics=exact(rows),
        early_stopping=manager,
        cleanup=stopping.sample_ended if stopping else None,
        score_on_error=True,
        fail_on_error=0.1,  # of the samples
        version=TASK_VERSION,
        # As in `eval.yaml`.
        tags=["moral dilemmas", "stated choices", "indecision"]
        + (["human reference"] if people else []),
        metadata={**shared, **metadata},
        **options,
    )
    # Inspect calls the manager before the first sample with the solver that replaces the task's.
    manager.check = partial(_check_solver, task=task, own=solver)
    manager.summarise = _card_entry
    return task


def _check_solver(spec: EvalSpec, task: Task, own: Solver) -> None:
    """Raise `UserError` unless a run uses the task's own solver, with the same arguments."""
    # Another solver may come from `--solver` or `eval(solver=…)`, in `spec`, or from `task_with`.
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
        if getattr(solver, "settings", {}).get(key) != value:
            raise UserError(
                f"{spec.task}: the solver has another {key} than the task: leave the solver out "
                f"and set {key} for the task (-T)"
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
    """Return the log metadata on a study, and on the condition and human tables of `reference`."""
    return {
        "condition": reference.condition,
        "study": study.id,
        **words_of(study),
        "study_title": study.title,
        "study_version": study.version,
        "study_hash": study.hash,
        "reference_version": reference.version,
        "reference_hash": reference.sha256,
        "citation": study.citation,
    }


def words_of(study: Study) -> dict[str, str]:
    """Return the log metadata on the words of a study, which a report uses."""
    return {name: getattr(study.words, name) for name in ("good", "candidate", "candidates")}


def headline_of(task: str, rows: Sequence[Measure]) -> str:
    """Return the id of the first of a task's headline measures that is among `rows`.

    Args:
        task: The task's name.
        rows: The measures that the log stores.
    """
    held = {one.id for one in rows}
    return next(one.id for one in headlines(task) if one.id in held)


def about(study: Study, condition: Condition) -> str:
    """Return what a task of choices asks, in the study's words."""
    words = study.words
    # "a kidney" rather than "a donor kidney"; a good without an article has none here.
    has_article = words.a_good.startswith(("a ", "an "))
    return words.fill(_ABOUT[condition] % (with_article(words.good) if has_article else "{a_good}"))


def refuse(unexpected: Mapping[str, Any], parameters: Sequence[str]) -> None:
    """Raise `UserError` if there are unknown arguments; the message lists the parameters."""
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), parameters)


def refuse_study(study: object) -> None:
    """Raise `UserError` if a study is given to a task of a suite that has a study of its own."""
    if study is not None:
        raise UserError(
            "this task of the suite asks a study of its own: for another study run the tasks that "
            "`kidney-evals suite NAME --study` prints"
        )


def few(study: str | list[str]) -> int:
    """Return the number of dilemmas of a quick look: 50, or all of a shorter list."""
    loaded = load_study(joined(study))
    return 50 if loaded.draw else min(50, len(loaded.listed))


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
    examples: Any,
    system_prompt: str | list[str] | None,
    precision: float | None,
    probe: str | list[str] | None,
    unexpected: Mapping[str, Any],
) -> Task:
    """Build the task of one condition; the docstring of `coin_flip` describes the arguments.

    Raises:
        UserError: An argument is not allowed, alone or with the others.
    """
    from kidney_evals.human.reference import load_reference

    loaded = load_study(joined(study))
    make_solver = {"coin_flip": solvers.coin_flip, "forced_choice": solvers.forced_choice}
    solver = make_solver[condition](
        explain=explain,
        wording=wording,
        channel=channel,
        readout=readout,
        examples=examples,
        study=loaded.source,
    )
    refuse(unexpected, _PARAMETERS)
    for name, value in (("controls", controls), ("crossed", crossed)):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false, not {value!r}")
    by_logprobs = readout != "sample"
    if by_logprobs:
        try:
            model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- before any call
        except ValueError:
            pass  # outside an evaluation: log-probabilities are checked at the first answer
        else:
            check_provider(str(model), readout)
        if precision is not None:
            raise UserError("precision counts sampled answers: use it with readout=sample")
    system_prompt = text_given("system_prompt", system_prompt)
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
    asked_probe = None
    if probe is not None:
        asked_probe = probe_asked(joined(probe))
        check_probe(asked_probe, loaded, asked)
        if orders != "both":
            raise UserError(f"probe asks every dilemma in both orders: leave out orders={orders}")
        if crossed:
            raise UserError("probe and crossed=true are two designs: ask for one of them")
        if examples:
            raise UserError("worked examples hold no probe: leave out examples")
        if precision is not None:
            raise UserError("probe asks all of its design and cannot end with precision")
    if dilemmas is None and loaded.draw is not None and (crossed or asked_probe):
        dilemmas = 50 if crossed else 100
    main = dilemmas_of(loaded, dilemmas, draw_seed)
    check_examples(examples, readout, condition, loaded, (*main, *loaded.control_block))
    stopping = None
    if precision is not None:
        stopping = stop_when_known(
            precision, condition=condition, study=loaded, dilemmas=len(main), orders=orders
        )
    # Unless crossed, a dilemma has one wording in all orders and epochs.
    worded = dict(zip(main, assign_wordings(asked, len(main), seed), strict=True))
    probed: list[ProbeQuestion] = []
    if crossed:
        shown = [
            (*pair, words)
            for dilemma in main
            for words in asked
            for pair in presentation([dilemma], "both", 0)
        ]
    elif asked_probe is not None:
        shown = []
        for index, dilemma in enumerate(main):
            questions = probe_questions(asked_probe, index, condition)
            shown += [(dilemma, one.order, worded[dilemma]) for one in questions]
            probed += questions
    else:
        shown = [(*pair, worded[pair[0]]) for pair in presentation(main, orders, seed)]
    if controls:
        # Controls come last and once each, so that `--limit` selects from the dilemmas first.
        block = loaded.control_block
        dealt = assign_wordings(asked[:1] if crossed else asked, len(block), seed)
        shown += [(one, "ab", words) for one, words in zip(block, dealt, strict=True)]
    reference = load_reference(loaded, condition)
    people = reference.has_people
    levels = asked_probe.level_ids if asked_probe else ()
    how = {"people": people, "crossed": crossed, "readout": by_logprobs}
    rows = log_measures(loaded, condition, levels, **how)
    marks = {"crossed": True} if crossed else {"readout": readout} if by_logprobs else {}
    marks |= asked_probe.marks if asked_probe else {}
    omitted = left_out(wording, loaded)
    hashes = own_hashes(asked, loaded)
    lacks = dict.fromkeys(part for one in asked if (part := one.no_human_reference))
    # With log-probabilities one call replaces repetitions.
    epochs = 1 if by_logprobs else max(loaded.epochs, 2 if crossed else 1)
    samples = dilemma_samples(
        shown, loaded, reference, system_prompt=system_prompt, marks=marks, probed=probed
    )
    return new_task(
        samples,
        loaded.id,
        study=loaded,
        title=condition.replace("_", " "),
        about=about(loaded, condition),
        compared="The model's answers are compared with people's answers.",
        people=people,
        rows=rows,
        solver=solver,
        scorer=human_alignment(),
        stopping=stopping,
        config=options(readout),
        epochs=epochs,
        metadata={
            **study_facts(loaded, reference),
            "people_in_this_condition": reference.people,
            "explain": explain,
            "channel": channel,
            "readout": readout,
            **({"examples": examples} if examples else {}),
            "crossed": crossed,
            "wordings": {one.id: put(one, loaded).varies for one in asked},
            **({"wording_hashes": hashes} if hashes else {}),
            **({"wordings_left_out": omitted} if omitted else {}),
            **({"no_human_reference": "; ".join(lacks)} if lacks else {}),
            **({"probe": f"{asked_probe.id} {asked_probe.digest}"} if asked_probe else {}),
        },
        viewer=viewer(samples, [one.id for one in rows], loaded.attribute_ids, probe_rows(levels)),
        headline_metric=HeadlineMetric(
            scorer="human_alignment",
            # Inspect shows the first column of the row: its value, or n without a value.
            score=rows[0].id if asked_probe else headline_of(condition, rows),
        ),
    )


_PARAMETERS = tuple(
    name
    for name in build_choices.__annotations__
    if name not in ("condition", "unexpected", "return")
)
