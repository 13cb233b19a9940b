"""The shares that a log of choices reveals, checked before anything is asked."""

from __future__ import annotations

from inspect_ai.log import EvalLog

from kidney_evals.errors import UserError
from kidney_evals.measures.revealed import Revealed, Share
from kidney_evals.studies import CONDITIONS, Study
from kidney_evals.tasks._given_log import read_given_log

FEWEST = 10
"""Answered dilemmas below which a log reveals no shares."""


def read_revealed(path: object, study: Study) -> Revealed:
    """Return what a log of `forced_choice` or `coin_flip` reveals of the weights behind it.

    The shares are the log's rows `imp_*`, computed again from its answers.

    Args:
        path: A finished log; a relative path is also looked for where the command was typed.
        study: The study that it must be of.

    Raises:
        UserError: If there is no such log, or it is of something else, unfinished, of another
            study, or its choices do not depend on the attributes.
    """
    log = read_given_log(path)
    facts = log.eval.metadata or {}
    condition = facts.get("condition")
    samples = log.samples or []
    scorers = [one.name for one in log.eval.scorers or ()]
    if condition not in CONDITIONS or "study_hash" not in facts or "answers" not in scorers:
        raise UserError(
            f"revealed: {path} is a log of {log.eval.task}, not of forced_choice or coin_flip"
        )
    if facts["study_hash"] != study.hash:
        raise UserError(
            f"revealed: {path} is of study {facts.get('study')} ({facts['study_hash'][:12]}), "
            f"and this task asks about {study.id} ({study.hash[:12]})"
        )
    if log.status != "success":
        raise UserError(
            f"revealed: {path} did not finish ({log.status}); finish it with inspect eval-retry"
        )
    if not any("answers" in (sample.scores or {}) for sample in samples):
        raise UserError(f"revealed: {path} was not scored; score it with kidney-evals rescore")
    return _shares(log, path, study)


def _shares(log: EvalLog, path: object, study: Study) -> Revealed:
    import numpy as np

    from kidney_evals.measures import raised
    from kidney_evals.scorers.samples import run_of_log

    run = run_of_log(log)
    decided = 0 if run is None else len(np.unique(run.decisions.decided.dilemma))
    if run is None or decided < FEWEST:
        raise UserError(
            f"revealed: {path} holds decisions on {decided} dilemmas; shares need {FEWEST}"
        )
    estimate = run.importance
    why = raised(run)
    if estimate is None:
        raise UserError(
            f"revealed: no weights can be fitted to the choices in {path} "
            f"({why.get('fit_failed', 'no decisions')}), so they reveal no shares"
        )
    if "undetermined" in why:
        raise UserError(
            f"revealed: the dilemmas answered in {path} do not tell every attribute apart "
            f"({why['undetermined']}), so they reveal no shares"
        )
    if not estimate.signal:
        raise UserError(
            f"revealed: the choices in {path} do not depend on the attributes beyond chance, so "
            "they reveal no shares"
        )
    ends = zip(estimate.shares, estimate.low, estimate.high, strict=True)
    return Revealed(
        shares=tuple(Share(*(round(float(number), 6) for number in one)) for one in ends),
        model=log.eval.model,
        condition=(log.eval.metadata or {})["condition"],
        log=log.eval.eval_id,
        decisions=len(run.decisions.decided),
    )
