"""Measures of the consistency of answers between orders, wordings and repetitions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import estimators
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.estimation.variance_shares import Part
    from kidney_evals.measures.run import Run

measure = in_group("consistency", source=__name__)

_NO_CHANCE: Final = "Any rule applied without chance scores 0."
_AT_RANDOM: Final = "Answering at random scores 0."


def _person_asked_twice(run: Run) -> float:
    """Return the probability that one person's two answers to a dilemma of this run differ."""
    simulated = run.reference.anchor("swap_disagreement", "one_person_simulated")
    if simulated == simulated:
        return simulated
    # Boerstler's people were asked twice; their rates differ between easy and hard pairs.
    each = [
        run.reference.anchor("swap_disagreement", f"one_person_{one.id.split('-')[0]}")
        for one in run.dilemmas
    ]
    return sum(each) / len(each) if each else float("nan")


measure(
    "swap_diff",
    label="swap disagreement",
    unit="share of dilemmas",
    headline={"forced_choice": 3},
    aim="people",
    says="Share of dilemmas decided differently when the patients change places. With one "
    "repetition the effect of the order cannot be separated from chance.",
    formula="share of dilemmas whose answers differ when the patients change places",
    notes="A coin and a patient are different answers. With repetitions, the mean over pairs of "
    "answers in opposite orders.",
    reading="Neither 0 nor 1 is good by itself. People's value is that of one simulated person "
    "asked twice (random coefficients); people in Boerstler's study were really asked twice.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    bounds=lambda run: estimators.bounds.swap_bounds(run.decisions, *run.unanswered),
    change=lambda one, two: estimators.paired.swap_change(one.decisions, two.decisions),
)(lambda run: estimators.consistency.swap_disagreement(run.decisions, _person_asked_twice(run)))

measure(
    "retest",
    label="repeat disagreement",
    unit="share of pairs of answers",
    aim="people",
    says="Share of pairs of answers to the same dilemma in the same order that differ.",
    reading="Needs two epochs. People's value is that of swap disagreement, since swapping had no "
    "effect on people.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    change=lambda one, two: estimators.paired.retest_change(one.decisions, two.decisions),
)(lambda run: estimators.consistency.retest_disagreement(run.decisions, _person_asked_twice(run)))

measure(
    "order_eff",
    label="order effect",
    unit="share of dilemmas",
    says="Disagreement between the two orders minus disagreement between repetitions of an order.",
    reading="0 is no effect of the order; needs two epochs.",
    gamed_by=_AT_RANDOM,
)(lambda run: estimators.consistency.order_effect(run.decisions))

measure(
    "pos_bias",
    label="position bias",
    unit="share of decisions",
    in_log=True,
    says="Share of decisions for the patient shown as A, minus one half.",
    reading="0 is no bias; ±.5 is always the same side.",
    gamed_by=_AT_RANDOM,
)(lambda run: estimators.consistency.position_bias(run.decisions))


def _repeated(run: Run, group: str, *, swapped: bool) -> Quantity:
    """Return the share of differing pairs of answers to easy or hard pairs, beside people's.

    People were asked in two sessions (Boerstler et al. 2024); swapping sides had no effect on them.
    """
    human = run.reference.anchor("swap_disagreement", f"one_person_{group}")
    if run.at_zero and not swapped:
        return undefined(human)
    answers = run.decisions.at(run.where(lambda dilemma: dilemma.id.startswith(f"{group}-")))
    differ = estimators.consistency
    return (differ.swap_disagreement if swapped else differ.retest_disagreement)(answers, human)


_IN_TWO_SESSIONS: Final = {
    "retest_easy": "Compare with people asked in two sessions (.012 [.003, .024]); no value at "
    "temperature 0, where repetition measures nothing.",
    "retest_hard": "Compare with people asked in two sessions (.203 [.166, .240]); neither 0 nor 1 "
    "is good by itself. No value at temperature 0.",
    "swap_easy": "As retest_easy; people's value is the same, since swapping sides had no effect "
    "on people.",
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
        gamed_by=_NO_CHANCE,
    )(partial(_repeated, group=_group, swapped=_swapped))


def _variance(run: Run, part: Part) -> Quantity:
    return undefined() if run.variance is None else run.variance.share(part)


_PARTS: Final[dict[Part, tuple[str, str, str]]] = {
    "dilemma": (
        "belongs to the dilemma. The other parts are wordings, orders and repetitions.",
        "Higher means that answers depend on the patients. The estimate is unbiased, so chance may "
        "take it somewhat below 0 or above 1. It is clearly below 0 where a wording or an order "
        "reverses answers (−.12 [−.23, −.03] for simulated people whose answers one wording "
        "reverses). No people were asked in this design.",
        "Any rule of the attributes applied without chance scores 1.",
    ),
    "wording": (
        "belongs to the wording, alone or with the dilemma.",
        "0 is no effect of these wordings; other wordings may have an effect.",
        "Answering at random, or always the same, scores 0.",
    ),
    "order": ("belongs to the order of the patients.", "0 is no effect of the order.", _AT_RANDOM),
    "joint": (
        "belongs to the combination of wording and order, beyond the effects of both.",
        "Near 0 for nearly all respondents.",
        _AT_RANDOM,
    ),
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
        in_log=_part != "joint",
        needs=("crossed",),
        says=f"Share of the variance of answers that {_source}",
        reading=_reading,
        gamed_by=_game,
        fits=_part == "dilemma",
    )(partial(_variance, part=_part))
