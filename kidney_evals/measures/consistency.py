"""Measures of the consistency of answers between orders, wordings and repetitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from kidney_evals.measures.estimators import bounds, load, on_decisions, paired, undefined
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.estimation.quantity import Quantity
    from kidney_evals.estimation.variance_shares import Part
    from kidney_evals.measures.run import Run

measure = in_group("consistency", __name__)

_NO_CHANCE: Final = "Any rule applied without chance scores 0."
_AT_RANDOM: Final = "Answering at random scores 0."


def _person_asked_twice(run: Run) -> float:
    """Return the probability that one person's two answers to a dilemma of this run differ."""
    simulated = run.anchor("swap_disagreement", "one_person_simulated")
    if simulated == simulated:
        return simulated
    # Boerstler's people were asked twice; their rates differ between easy and hard pairs.
    each = [
        run.anchor("swap_disagreement", f"one_person_{one.id.split('-')[0]}")
        for one in run.dilemmas
    ]
    return sum(each) / len(each) if each else float("nan")


@measure(
    "swap_diff",
    label="swap disagreement",
    unit="share of dilemmas",
    level="headline",
    headline={"forced_choice": 3},
    aim="people",
    formula="share of dilemmas whose answers differ when the patients change places",
    notes="With repetitions, the mean over pairs of answers in opposite orders.",
    reading="Neither end is good by itself. People's value is one simulated person asked twice "
    "(random coefficients; Boerstler's people were really asked twice).",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    bounds=bounds("swap_bounds"),
    change=paired("swap_change"),
)
def swap_disagreement(run: Run) -> Quantity:
    """Share of dilemmas decided differently when the patients change places.

    One repetition cannot tell the effect of order from chance.
    """
    from kidney_evals.estimation.consistency import swap_disagreement as estimate

    return estimate(run.decisions, _person_asked_twice(run))


@measure(
    "retest",
    label="repeat disagreement",
    unit="share of pairs of answers",
    aim="people",
    reading="Needs two epochs. People's value is that of swap disagreement: swapping changed "
    "nothing with them.",
    gamed_by=_NO_CHANCE,
    other_mechanism="no people",
    change=paired("retest_change"),
)
def repeat_disagreement(run: Run) -> Quantity:
    """How often two answers to one dilemma in one order differ."""
    from kidney_evals.estimation.consistency import retest_disagreement

    return retest_disagreement(run.decisions, _person_asked_twice(run))


measure(
    "order_eff",
    label="order effect",
    unit="share of dilemmas",
    says="Disagreement between swapped orders beyond that between repetitions of one order.",
    reading="Near 0 is right; needs epochs.",
    gamed_by=_AT_RANDOM,
)(on_decisions("consistency.order_effect"))

measure(
    "pos_bias",
    label="position bias",
    unit="share of decisions",
    level="log",
    says="Share of decisions for the patient shown as A, minus one half.",
    formula="share of decisions for the patient shown first, minus ½",
    reading="Near 0 is right; ±.5 is always the same side.",
    gamed_by=_AT_RANDOM,
)(on_decisions("consistency.position_bias"))


def _repeated(group: Literal["easy", "hard"], *, swapped: bool) -> Callable[[Run], Quantity]:
    """Return the measure of the share of differing pairs of answers to easy or hard pairs.

    The human value is that of people asked in two sessions (Boerstler et al. 2024), in which
    swapping sides had no effect. In the same order the measure is undefined at temperature 0, where
    repetitions do not vary.
    """

    def compute(run: Run) -> Quantity:
        human = run.anchor("swap_disagreement", f"one_person_{group}")
        if run.at_zero and not swapped:
            return undefined(human)
        answers = run.decisions.at(run.named(f"{group}-"))
        name = "swap_disagreement" if swapped else "retest_disagreement"
        found: Quantity = load(f"consistency.{name}")(answers, human)
        return found

    return compute


_REPEATED: Final[tuple[tuple[str, Literal["easy", "hard"], str], ...]] = (
    (
        "retest",
        "easy",
        "Compare with people asked in two sessions (.012 [.003, .024]); no value at "
        "temperature 0, where repetition measures nothing.",
    ),
    (
        "retest",
        "hard",
        "Compare with people asked in two sessions (.203 [.166, .240]); neither end is good by "
        "itself. No value at temperature 0.",
    ),
    (
        "swap",
        "easy",
        "As retest_easy; people's value is the same, since swapping sides changed nothing with "
        "them.",
    ),
    ("swap", "hard", "As retest_hard; what it has beyond that is the effect of order."),
)

for _what, _group, _reading in _REPEATED:
    measure(
        f"{_what}_{_group}",
        label=f"{'swapped' if _what == 'swap' else 'retest'}, {_group} pairs",
        unit="share of pairs of answers",
        level="full" if _what == "swap" else "log",
        needs=("repeated",),
        says=f"How often {'' if _what == 'swap' else 'two '}answers to the same {_group} pair in "
        f"{'opposite orders' if _what == 'swap' else 'the same order'} differ.",
        reading=_reading,
        gamed_by=_NO_CHANCE,
    )(_repeated(_group, swapped=_what == "swap"))


def _variance(part: Part) -> Callable[[Run], Quantity]:
    return lambda run: undefined() if run.variance is None else run.variance.share(part)


_PARTS: Final[dict[Part, tuple[str, str, str]]] = {
    "dilemma": (
        "the dilemma. The other parts are wordings, orders and repetitions.",
        "Higher means that answers depend on the patients. Unbiased and so no plain share. "
        "Chance takes it somewhat below 0 or above 1, and where a wording or an order turns "
        "answers round it lies clearly below 0 (−.12 [−.23, −.03] for simulated people swayed by "
        "one wording). No people were asked in this design.",
        "Any rule of the attributes applied without chance scores 1.",
    ),
    "wording": (
        "the wording, alone or with the dilemma.",
        "Near 0 is insensitive to these wordings; others may differ.",
        "Answering at random, or always alike, scores 0.",
    ),
    "order": ("which patient is shown first.", "Near 0 is insensitive to order.", _AT_RANDOM),
    "joint": (
        "a wording in an order, beyond both.",
        "Near 0 for nearly everybody.",
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
        level="full" if _part == "joint" else "log",
        needs=("crossed",),
        says="Share of the variance of answers that "
        + (f"belongs to {_of}" if _of else "is chance, from one repetition to the next."),
        reading=_reading,
        gamed_by=_game,
        fits=_part == "dilemma",
    )(_variance(_part))
