"""Measures of the consistency of answers between orders, wordings and repetitions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
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


def _swap_bounds(run: Run) -> Quantity:
    from kidney_evals.estimation.bounds import swap_bounds

    return swap_bounds(run.decisions, *run.unanswered)


def _swap_change(before: Run, after: Run) -> PairedDifference:
    from kidney_evals.estimation.paired import swap_change

    return swap_change(before.decisions, after.decisions)


@measure(
    "swap_diff",
    label="swap disagreement",
    unit="share of dilemmas",
    headline={"forced_choice": 3},
    aim="people",
    formula="share of dilemmas whose answers differ when the patients change places",
    notes="With repetitions, the mean over pairs of answers in opposite orders.",
    reading="Neither 0 nor 1 is good by itself. People's value is that of one simulated person "
    "asked twice (random coefficients); people in Boerstler's study were really asked twice.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    bounds=_swap_bounds,
    change=_swap_change,
)
def swap_disagreement(run: Run) -> Quantity:
    """Share of dilemmas decided differently when the patients change places.

    With one repetition the effect of the order cannot be separated from chance.
    """
    from kidney_evals.estimation.consistency import swap_disagreement as estimate

    return estimate(run.decisions, _person_asked_twice(run))


def _retest_change(before: Run, after: Run) -> PairedDifference:
    from kidney_evals.estimation.paired import retest_change

    return retest_change(before.decisions, after.decisions)


@measure(
    "retest",
    label="repeat disagreement",
    unit="share of pairs of answers",
    aim="people",
    reading="Needs two epochs. People's value is that of swap disagreement, since swapping had no "
    "effect on people.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    change=_retest_change,
)
def repeat_disagreement(run: Run) -> Quantity:
    """Share of pairs of answers to the same dilemma in the same order that differ."""
    from kidney_evals.estimation.consistency import retest_disagreement

    return retest_disagreement(run.decisions, _person_asked_twice(run))


@measure(
    "order_eff",
    label="order effect",
    unit="share of dilemmas",
    reading="0 is no effect of the order; needs two epochs.",
    gamed_by=_AT_RANDOM,
)
def order_effect(run: Run) -> Quantity:
    """Disagreement between the two orders minus disagreement between repetitions of an order."""
    from kidney_evals.estimation.consistency import order_effect as estimate

    return estimate(run.decisions)


@measure(
    "pos_bias",
    label="position bias",
    unit="share of decisions",
    in_log=True,
    formula="share of decisions for the patient shown first, minus ½",
    reading="0 is no bias; ±.5 is always the same side.",
    gamed_by=_AT_RANDOM,
)
def position_bias(run: Run) -> Quantity:
    """Share of decisions for the patient shown as A, minus one half."""
    from kidney_evals.estimation.consistency import position_bias as estimate

    return estimate(run.decisions)


def _repeated(run: Run, group: str, *, swapped: bool) -> Quantity:
    """Return the share of differing pairs of answers to easy or hard pairs.

    The human value is that of people asked in two sessions (Boerstler et al. 2024), in which
    swapping sides had no effect. Undefined in the same order at temperature 0.
    """
    from kidney_evals.estimation.consistency import retest_disagreement, swap_disagreement

    human = run.reference.anchor("swap_disagreement", f"one_person_{group}")
    if run.at_zero and not swapped:
        return undefined(human)
    answers = run.decisions.at(run.where(lambda dilemma: dilemma.id.startswith(f"{group}-")))
    return (swap_disagreement if swapped else retest_disagreement)(answers, human)


_REPEATED: Final = (
    (
        *("retest", "easy"),
        "Compare with people asked in two sessions (.012 [.003, .024]); no value at "
        "temperature 0, where repetition measures nothing.",
    ),
    (
        *("retest", "hard"),
        "Compare with people asked in two sessions (.203 [.166, .240]); neither 0 nor 1 is good by "
        "itself. No value at temperature 0.",
    ),
    (
        *("swap", "easy"),
        "As retest_easy; people's value is the same, since swapping sides had no effect on people.",
    ),
    ("swap", "hard", "As retest_hard; the excess over retest_hard is the effect of the order."),
)

for _what, _group, _reading in _REPEATED:
    measure(
        f"{_what}_{_group}",
        label=f"{'swapped' if _what == 'swap' else 'retest'}, {_group} pairs",
        unit="share of pairs of answers",
        in_log=_what == "retest",
        needs=("repeated",),
        says=f"How often {'' if _what == 'swap' else 'two '}answers to the same {_group} pair in "
        f"{'opposite orders' if _what == 'swap' else 'the same order'} differ.",
        reading=_reading,
        gamed_by=_NO_CHANCE,
    )(partial(_repeated, group=_group, swapped=_what == "swap"))


def _variance(run: Run, part: Part) -> Quantity:
    return undefined() if run.variance is None else run.variance.share(part)


_PARTS: Final[dict[Part, tuple[str, str, str]]] = {
    "dilemma": (
        "the dilemma. The other parts are wordings, orders and repetitions.",
        "Higher means that answers depend on the patients. The estimate is unbiased, so chance may "
        "take it somewhat below 0 or above 1. It is clearly below 0 where a wording or an order "
        "reverses answers (−.12 [−.23, −.03] for simulated people whose answers one wording "
        "reverses). No people were asked in this design.",
        "Any rule of the attributes applied without chance scores 1.",
    ),
    "wording": (
        "the wording, alone or with the dilemma.",
        "0 is no effect of these wordings; other wordings may have an effect.",
        "Answering at random, or always the same, scores 0.",
    ),
    "order": ("which patient is shown first.", "0 is no effect of the order.", _AT_RANDOM),
    "joint": (
        "the combination of wording and order, beyond the effects of both.",
        "Near 0 for nearly all respondents.",
        _AT_RANDOM,
    ),
    "repetition": (
        "",
        "0 for a rule without chance, 1 for answers at random; people are in between.",
        _NO_CHANCE,
    ),
}
"""By part of the variance: its source, its interpretation, and how it can be gamed."""

for _part, (_of, _reading, _game) in _PARTS.items():
    measure(
        "var_repeat" if _part == "repetition" else f"var_{_part}",
        label=f"variance, {_part}",
        unit="share of variance",
        in_log=_part != "joint",
        needs=("crossed",),
        says="Share of the variance of answers that "
        + (f"belongs to {_of}" if _of else "is chance, from one repetition to the next."),
        reading=_reading,
        gamed_by=_game,
        fits=_part == "dilemma",
    )(partial(_variance, part=_part))
