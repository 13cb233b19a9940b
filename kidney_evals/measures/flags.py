"""Flags: properties of a run that affect the interpretation of its measures."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kidney_evals.measures import estimators
from kidney_evals.measures.registry import MEASURES, AnyRun, Task, compute

if TYPE_CHECKING:
    from kidney_evals.measures.prediction_run import PredictionRun
    from kidney_evals.measures.run import Run

FEW: Final = 30
"""Fewer answered dilemmas than this raise the flag `few`: intervals are then unreliable."""

_UNKNOWN: Final = float("nan")


class Flag(NamedTuple):
    """A property of a run that affects the interpretation of its measures.

    Attributes:
        says: When the flag is raised, as a clause.
        reading: What to do if it is raised, in sentences.
        value: Function of a run: above 0 if the flag is raised, 0 if not, NaN if unknown.
        task: The task whose runs have the flag.
        reason: Function of a run that returns the cause in this run as text; may be empty.
        alone: `reading` where no people were asked, if it differs.
    """

    id: str
    says: str
    reading: str
    value: Callable[[Any], float]
    task: Task = "choices"
    reason: Callable[[Any], str] = lambda run: ""
    alone: str = ""


def flags_of(run: AnyRun) -> dict[str, float]:
    """Return the value of every flag of a run's task, by id of the flag.

    A value is above 0 if the flag is raised, 0 if not, and NaN if this is unknown.
    """
    return {flag.id: flag.value(run) for flag in FLAGS.values() if flag.task == run.task}


def raised(run: AnyRun) -> dict[str, str]:
    """Return the reasons of the flags that a run raises, by id of the flag; a reason may be ""."""
    return {id: FLAGS[id].reason(run) for id, value in flags_of(run).items() if value > 0}


def _no_signal(run: Run) -> float:
    # A failed fit, or too few dilemmas for the test, does not show that there is no signal.
    estimate = run.importance
    if estimate is None or estimate.p_value != estimate.p_value:
        return _UNKNOWN
    return float(not estimate.signal)


def _failures(run: Run) -> dict[str, Exception]:
    """Return the errors of all estimators, after computing all measures that can fail."""
    for measure in MEASURES.values():
        if measure.fits and measure.applies(run):
            compute(run, measure.id)
    return run.failures


def _separated(run: Run) -> float:
    coins = "coin" in run.traits and len(run.decisions) > 0
    if coins and estimators.calibration.flip_fit(run.decisions).separated:
        return 1.0
    if any(getattr(error, "separated", False) for error in _failures(run).values()):
        return 1.0
    return _UNKNOWN if run.importance is None else float(run.importance.separated)


def _undetermined(run: Run) -> tuple[str, ...] | None:
    """Return the attributes whose weights are not determined; None without a fit."""
    if run.importance is None:
        return None
    names = zip(run.attributes, run.importance.determined, strict=True)
    return tuple(name for name, is_determined in names if not is_determined)


def _predictions_of_other(run: PredictionRun) -> float:
    with_choices = [part.other_model for part in run.parts.values() if part.chosen is not None]
    return float(any(with_choices)) if with_choices else _UNKNOWN


_FLAGS = (
    Flag(
        "no_signal",
        "the choices depend on no attribute beyond chance, so importance has no value",
        "Read the transcripts; more dilemmas would tell a weak dependence from none.",
        _no_signal,
    ),
    Flag(
        "separated",
        "choices or coins follow a rule without exceptions, at least in part",
        "Of importance shares read only the order; their distance is rough.",
        _separated,
    ),
    Flag(
        "undetermined",
        "the answered dilemmas do not separate the effects of all attributes, so importance has "
        "no value",
        "Ask more dilemmas, or dilemmas in which every attribute varies by itself.",
        lambda run: _UNKNOWN if (names := _undetermined(run)) is None else float(names != ()),
        reason=lambda run: ", ".join(_undetermined(run) or ()),
    ),
    Flag(
        "fit_failed",
        "the estimator of a measure failed, so the measure has no value",
        "Report the log as a fault of kidney_evals.",
        lambda run: float(bool(_failures(run))),
        reason=lambda run: "; ".join(f"{id}: {error}" for id, error in run.failures.items()),
    ),
    Flag(
        "few",
        f"fewer than {FEW} dilemmas were answered",
        "Intervals are unreliable, and there is no verdict; ask more if the study has more.",
        lambda run: float(len(set(run.decisions.dilemma.tolist())) < FEW),
        alone="Intervals are unreliable; ask more if the study has more.",
    ),
    Flag(
        "departure",
        "samples were run with other settings than the model's defaults",
        "State the settings with the numbers; the log records them.",
        lambda run: float(run.departures.mean()) if len(run.departures) else 0.0,
    ),
    Flag(
        "other_model",
        "a model other than the requested model gave answers (a fallback or a router)",
        "Name both models; the scores' metadata says which answered.",
        lambda run: run.other_model,
    ),
    Flag(
        "at_zero",
        "the answers were given at temperature 0",
        "Read shares as those of one rule; repetition measures nothing.",
        lambda run: float(run.at_zero),
    ),
    Flag(
        "crossed",
        "every dilemma was asked in every wording, order and epoch of the run",
        "No fault: only such a run has shares of variance.",
        lambda run: float(run.crossed),
    ),
    Flag(
        "readout",
        "probabilities were read from log-probabilities, so measures are expected values",
        "No fault: compare with sampled runs, except for `outside`.",
        lambda run: float(run.chances is not None and not run.begun),
    ),
    Flag(
        "prefill",
        "the answer line was begun for the model, and probabilities were read after it",
        "It tells what follows the line, not whether the model would answer: compare with "
        "prefilled runs only.",
        lambda run: float(run.begun),
    ),
    Flag(
        "not_english",
        "the questions were asked in another language than people's",
        "Read the values of people and persons as those of people asked in English.",
        lambda run: float(run.language != "en" and run.has_people),
    ),
    Flag(
        "not_coin",
        "another way out than a coin was offered",
        "Read the rate by itself: people were offered a coin only.",
        lambda run: float(run.borrows_coin and run.has_people),
    ),
    Flag(
        "st_departure",
        "samples were run with other settings than the model's defaults, or answered by another "
        "model",
        "State the settings with the numbers; the log records them.",
        lambda run: fmean([answer.departed for answer in run.answers]) if run.answers else 0.0,
        "stated_values",
    ),
    Flag(
        "st_other",
        "the revealed log is of another model than the one asked",
        "Read the gap as one between two models.",
        lambda run: _UNKNOWN if run.revealed is None else float(run.other_model),
        "stated_values",
    ),
    Flag(
        "pred_contam",
        "the fixed questions, whose answers are public, are predicted better than the drawn "
        "ones by more than chance",
        "Use pred_drawn, not pred_fixed. It is a reason to investigate, no proof; without the "
        "flag contamination is not ruled out.",
        lambda run: run.contamination(),
        "predict_people",
    ),
    Flag(
        "pred_other",
        "the revealed log is of another model than the one asked",
        "Read the measures of own choices as a comparison of two models.",
        _predictions_of_other,
        "predict_people",
    ),
)

FLAGS: Final = {flag.id: flag for flag in _FLAGS}
"""Every flag by id, in the order of display."""
