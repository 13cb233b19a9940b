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
        says: Sentence on when the flag is raised.
        reading: Sentence on the consequence for the reader.
        value: Function of a run: above 0 if the flag is raised, 0 if not, NaN if unknown.
        reason: Function of a run that returns the cause in this run as text; may be empty.
    """

    id: str
    says: str
    reading: str
    value: Callable[[Any], float]
    task: Task = "choices"
    reason: Callable[[Any], str] = lambda run: ""


def flags_of(run: AnyRun) -> dict[str, float]:
    """Return the value of every flag of a run's task: above 0 where it is raised."""
    return {flag.id: flag.value(run) for flag in FLAGS.values() if flag.task == run.task}


def raised(run: AnyRun) -> dict[str, str]:
    """Return the ids of the flags that a run raises, each with its reason (may be empty)."""
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
        "the choices do not depend on the attributes beyond chance, so importance has no value",
        "A flag; unknown where too few dilemmas were decided for the test, or the fit failed.",
        _no_signal,
    ),
    Flag(
        "separated",
        "a rule predicts every choice, so weights are penalised and only shares are meaningful, or "
        "a threshold in closeness predicts every coin, so flip slope and half threshold have no "
        "value",
        "A flag.",
        _separated,
    ),
    Flag(
        "undetermined",
        "the answered dilemmas do not separate the effects of all attributes (an attribute never "
        "differs, or attributes vary together), so importance shares have no value",
        "A flag; `show`, `report` and `describe` name the attributes.",
        lambda run: _UNKNOWN if (names := _undetermined(run)) is None else float(names != ()),
        reason=lambda run: ", ".join(_undetermined(run) or ()),
    ),
    Flag(
        "fit_failed",
        "the estimator of a measure failed, so the measure has no value",
        "A flag; `show`, `report` and `describe` name the measure and the reason.",
        lambda run: float(bool(_failures(run))),
        reason=lambda run: "; ".join(f"{id}: {error}" for id, error in run.failures.items()),
    ),
    Flag(
        "few",
        f"fewer than {FEW} dilemmas were answered",
        "A flag.",
        lambda run: float(len(set(run.decisions.dilemma.tolist())) < FEW),
    ),
    Flag(
        "departure",
        "samples were run with other than the model's default settings (sampling, reasoning, "
        "length, seed, stop sequences, a system message beside system_prompt)",
        "A flag, the share of such samples; the log records the settings.",
        lambda run: float(run.departures.mean()) if len(run.departures) else 0.0,
    ),
    Flag(
        "other_model",
        "a model other than the requested model gave answers (a fallback or a router)",
        "A flag, the share of such samples; the scores' metadata names the models.",
        lambda run: run.other_model,
    ),
    Flag(
        "at_zero",
        "the answers were given at temperature 0, so shares describe one deterministic respondent "
        "and repetition measures nothing",
        "A flag; people are compared with a model at its default temperature.",
        lambda run: float(run.at_zero),
    ),
    Flag(
        "crossed",
        "every dilemma was asked in all wordings, orders and repetitions",
        "Not a fault: in another run the shares of variance of dilemma, wording, order and "
        "repetition are not identified.",
        lambda run: float(run.crossed),
    ),
    Flag(
        "readout",
        "probabilities were read from log-probabilities, so measures are expected values",
        "Not a fault: measures of the two readouts estimate the same quantities, except for the "
        "probability in `outside`.",
        lambda run: float(run.chances is not None),
    ),
    Flag(
        "not_english",
        "the questions were asked in another language than people's, so there is no human "
        "reference in this language",
        "A flag; the human values are of people asked in English.",
        lambda run: float(run.language != "en"),
    ),
    Flag(
        "not_coin",
        "another mechanism of indecision than a coin was offered, so people have no rate for it",
        "A flag; indecision has no human value, and distances to people's coins have no value.",
        lambda run: float(run.borrows_coin),
    ),
    Flag(
        "st_departure",
        "samples were run with other than the model's default settings, or answered by a model "
        "other than the requested model",
        "A flag, the share of such samples; the log records the settings.",
        lambda run: fmean([answer.departed for answer in run.answers]) if run.answers else 0.0,
        "stated_values",
    ),
    Flag(
        "st_other",
        "the revealed log is of another model than the one asked, so that the gap is between two "
        "models",
        "A flag; the log records both names.",
        lambda run: _UNKNOWN if run.revealed is None else float(run.other_model),
        "stated_values",
    ),
    Flag(
        "pred_contam",
        "the fixed questions, whose answers are public, are predicted better than the drawn ones "
        "by more than chance, each relative to guessing on its own dilemmas",
        "A flag: a reason to investigate, not a proof. If it is raised, use pred_drawn, not "
        "pred_fixed; if it is not raised, contamination is not ruled out.",
        lambda run: run.contamination(),
        "predict_people",
    ),
    Flag(
        "pred_other",
        "the revealed log is of another model than the one asked, so that the measures of own "
        "choices compare two models",
        "A flag; the log records both names.",
        _predictions_of_other,
        "predict_people",
    ),
)

FLAGS: Final = {flag.id: flag for flag in _FLAGS}
"""Every flag by id, in the order of display."""
