"""Measures of the consistency of answers between orders, wordings and repetitions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import estimators
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.estimation.variance_shares import Part
    from kidney_evals.measures.run import Run

measure = in_group("consistency", source=__name__)

_NO_CHANCE: Final = "Any rule applied without chance scores 0."
_NO_PLACE: Final = (
    "Any rule of the attributes that is applied without chance scores 0; choosing always the same "
    "place scores 1."
)
_AT_RANDOM: Final = "Answering at random scores 0."


def _swap_bounds(run: Run) -> Quantity:
    decisions, _, listed = run.swaps
    missing = run.choice < 0
    return estimators.bounds.swap_bounds(decisions, listed[missing], run.order[missing])


def _changed(one: Run, two: Run, what: Literal["swap", "retest"]) -> PairedDifference:
    """Return the change of a rate of disagreement, with a probe by means over each dilemma."""
    if one.levels or two.levels:
        by_dilemma = getattr(estimators.consistency, f"{what}_by_cluster")
        rates = [by_dilemma(*run.swaps[:2], len(run.dilemmas)) for run in (one, two)]
        return estimators.paired.share_change(*rates)
    change = estimators.paired.swap_change if what == "swap" else estimators.paired.retest_change
    return change(one.decisions, two.decisions)


measure(
    "swap_diff",
    label="swap disagreement",
    unit="share of dilemmas",
    headline={"forced_choice": 3},
    in_log=True,
    says="Share of dilemmas decided differently when the patients change places. With one "
    "repetition the effect of the order cannot be separated from chance.",
    formula="share of dilemmas whose answers differ when the patients change places",
    notes="A coin and a patient are different answers. With repetitions, the mean over pairs of "
    "answers in opposite orders; with a probe, over pairs with the same assignment of its levels.",
    reading="From 0 to 1; neither end is good by itself. People's value is that of two different "
    "people; a person who is asked twice disagrees less often.",
    gamed_by=_NO_PLACE,
    other_mechanism="no people",
    bounds=_swap_bounds,
    change=lambda one, two: _changed(one, two, "swap"),
)(lambda run: estimators.consistency.swap_disagreement(*run.swaps[:2]))

measure(
    "retest",
    label="repeat disagreement",
    unit="share of pairs of answers",
    says="Share of pairs of answers to the same dilemma in the same order that differ.",
    reading="Needs two epochs. People's value is that of two different people.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    change=lambda one, two: _changed(one, two, "retest"),
)(lambda run: estimators.consistency.retest_disagreement(*run.swaps[:2]))

measure(
    "pos_bias",
    label="position bias",
    crowd=0,
    unit="share of decisions",
    in_log=True,
    says="Share of decisions for the patient shown as A, minus one half.",
    reading="0 is no bias; ±.5 is always the same side.",
    gamed_by=_AT_RANDOM,
)(lambda run: estimators.consistency.position_bias(run.decisions))


def _repeated(run: Run, group: str, *, swapped: bool) -> Quantity:
    """Return the share of differing pairs of answers to easy or hard pairs."""
    if run.at_zero and not swapped:
        return undefined()
    answers = run.decisions.at(run.where(lambda dilemma: dilemma.id.startswith(f"{group}-")))
    differ = estimators.consistency
    return (differ.swap_disagreement if swapped else differ.retest_disagreement)(answers)


_IN_TWO_SESSIONS: Final = {
    "retest_easy": "People's value is that of two different people; a person asked in two sessions "
    "disagreed in .012 [.003, .024]. No value at temperature 0, where repetition measures nothing.",
    "retest_hard": "People's value is that of two different people; a person asked in two sessions "
    "disagreed in .203 [.166, .240]. No value at temperature 0.",
    "swap_easy": "As retest_easy; swapping sides had no effect on people.",
    "swap_hard": "As retest_hard; the excess over retest_hard is the effect of the order.",
}

for _id, _reading in _IN_TWO_SESSIONS.items():
    _what, _, _group = _id.partition("_")
    _swapped = _what == "swap"
    measure(
        _id,
        label=f"{'swapped' if _swapped else 'retest'}, {_group} pairs",
        unit="share of pairs of answers",
        in_log=not _swapped,
        needs=("repeated",),
        says=f"How often answers to the same {_group} pair in opposite orders differ."
        if _swapped
        else f"How often two answers to the same {_group} pair in the same order differ.",
        reading=_reading,
        gamed_by=_NO_PLACE if _swapped else _NO_CHANCE,
    )(partial(_repeated, group=_group, swapped=_swapped))


def _variance(run: Run, part: Part) -> Quantity:
    return undefined() if run.variance is None else run.variance.share(part)


_PARTS: Final[dict[Part, tuple[str, str, str]]] = {
    "dilemma": (
        "belongs to the dilemma. The other parts are wordings, orders and repetitions.",
        "Higher means that answers depend on the patients. The estimate is unbiased, so chance may "
        "take it somewhat below 0 or above 1. It is clearly below 0 where a wording or an order "
        "reverses answers (−.11 [−.21, −.01] for simulated people of whose answers one wording "
        "reverses 90 %). No people were asked in this design.",
        "Any rule of the attributes applied without chance scores 1.",
    ),
    "wording": (
        "belongs to the wording, alone or with the dilemma.",
        "0 is no effect of these wordings; other wordings may have an effect.",
        "Answering at random, or always the same, scores 0.",
    ),
    "order": ("belongs to the order of the patients.", "0 is no effect of the order.", _AT_RANDOM),
    "repetition": (
        "is chance, from one repetition to the next.",
        "0 for a rule without chance, 1 for answers at random; people are in between.",
        _NO_CHANCE,
    ),
}
"""By part of the variance: its source, its interpretation, and how it can be gamed."""

for _part, (_source, _reading, _game) in _PARTS.items():
    measure(
        "var_repeat" if _part == "repetition" else f"var_{_part}",
        label=f"variance, {_part}",
        unit="share of variance",
        in_log=True,
        needs=("crossed",),
        says=f"Share of the variance of answers that {_source}",
        reading=_reading,
        gamed_by=_game,
        fits=_part == "dilemma",
    )(partial(_variance, part=_part))
