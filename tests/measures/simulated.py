"""Runs of respondents whose answers are known, against the shipped human reference."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kidney_evals.human import Reference, load_reference
from kidney_evals.lab.panel import Panel
from kidney_evals.lab.respondents import Respondent
from kidney_evals.lab.simulate import run_of, simulate_run
from kidney_evals.measures.run import Run
from kidney_evals.studies import Condition, Dilemma, dilemmas_of, load_study

STUDY = load_study("mcelfresh_2021")


def people(condition: Condition, study: str = STUDY.id) -> Reference:
    return load_reference(load_study(study), condition)


def drawing(
    behaviour: Callable[[Panel], Any], condition: Condition, index: int = 1, **design: Any
) -> Run:
    """Return a simulated run of a respondent; all respondents use the same random numbers."""
    return simulate_run(people(condition), Respondent("somebody", "", behaviour, **design), index)


def answering(
    answers: Any, condition: Condition = "coin_flip", dilemmas: int | Sequence[Dilemma] = 60
) -> Run:
    """Return a run with these answers as listed (0, 1, 2 for the coin, -1 for none).

    `answers` has one choice for both orders of each dilemma, shape (D,), or one for each of its m
    answers, (D, m), or is a function of people's shares, (D, K). `dilemmas` are given or drawn.
    """
    reference = people(condition)
    listed = dilemmas_of(STUDY, dilemmas, 7) if isinstance(dilemmas, int) else dilemmas
    given = answers(reference.shares(listed)) if callable(answers) else answers
    codes = np.asarray(given, dtype=np.int64).reshape(len(listed), -1)
    return run_of(reference, listed, np.repeat(codes, 2, axis=1) if codes.shape[1] == 1 else codes)
