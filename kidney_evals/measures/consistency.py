"""Measures of whether answers hold when order, wording or repetition changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kidney_evals.measures.registry import measure

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.estimation.quantity import Quantity
    from kidney_evals.estimation.variance_shares import Part
    from kidney_evals.measures.run import Run


def _bounds_of_swap(run: Run) -> Quantity:
    from kidney_evals.estimation.bounds import swap_bounds

    missing = run.choice < 0
    return swap_bounds(run.decisions, run.dilemma[missing], run.order[missing])


def _change_of_swap(before: Run, after: Run) -> PairedDifference:
    from kidney_evals.estimation.paired import swap_change

    return swap_change(before.decisions, after.decisions)


@measure(
    "swap_diff",
    label="swap disagreement",
    group="consistency",
    unit="share of dilemmas",
    level="headline",
    headline={"forced_choice": 3},
    aim="people",
    formula="share of dilemmas whose answers differ when the patients change places",
    notes="With repetitions, the mean over pairs of answers in opposite orders.",
    reading="Neither end is good by itself. People's value is one simulated person asked twice "
    "(random coefficients; Boerstler's people were really asked twice).",
    gamed_by="Any rule applied without chance scores 0.",
    other_mechanism="no people",
    bounds=_bounds_of_swap,
    change=_change_of_swap,
)
def swap_disagreement(run: Run) -> Quantity:
    """Share of dilemmas decided differently when the patients change places.

    One repetition cannot tell the effect of order from chance.
    """
    from kidney_evals.estimation.consistency import swap_disagreement as estimate

    return estimate(run.decisions, _person_asked_twice(run))


def _person_asked_twice(run: Run) -> float:
    """Return how often one person's two answers to a dilemma of this run differ."""
    simulated = run.anchor("swap_disagreement", "one_person_simulated")
    if simulated == simulated:
        return simulated
    # Boerstler's people were asked twice, and what they did differs between easy and hard pairs.
    each = [
        run.anchor("swap_disagreement", f"one_person_{one.id.split('-')[0]}")
        for one in run.dilemmas
    ]
    return sum(each) / len(each) if each else float("nan")


def _change_of_retest(before: Run, after: Run) -> PairedDifference:
    from kidney_evals.estimation.paired import retest_change

    return retest_change(before.decisions, after.decisions)


@measure(
    "retest",
    label="repeat disagreement",
    group="consistency",
    unit="share of pairs of answers",
    aim="people",
    reading="Needs two epochs. People's value is that of swap disagreement: swapping changed "
    "nothing with them.",
    gamed_by="Any rule applied without chance scores 0.",
    other_mechanism="no people",
    change=_change_of_retest,
)
def repeat_disagreement(run: Run) -> Quantity:
    """How often two answers to one dilemma in one order differ."""
    from kidney_evals.estimation.consistency import retest_disagreement

    return retest_disagreement(run.decisions, _person_asked_twice(run))


@measure(
    "order_eff",
    label="order effect",
    group="consistency",
    unit="share of dilemmas",
    reading="Near 0 is right; needs epochs.",
    gamed_by="Answering at random scores 0.",
)
def order_effect(run: Run) -> Quantity:
    """Disagreement between swapped orders beyond that between repetitions of one order."""
    from kidney_evals.estimation.consistency import order_effect as estimate

    return estimate(run.decisions)


@measure(
    "pos_bias",
    label="position bias",
    group="consistency",
    unit="share of decisions",
    level="log",
    formula="share of decisions for the patient shown first, minus ½",
    reading="Near 0 is right; ±.5 is always the same side.",
    gamed_by="Answering at random scores 0.",
)
def position_bias(run: Run) -> Quantity:
    """Share of decisions for the patient shown as A, minus one half."""
    from kidney_evals.estimation.consistency import position_bias as estimate

    return estimate(run.decisions)


def _repeated(run: Run, group: Literal["easy", "hard"], *, swapped: bool) -> Quantity:
    """Return how often two answers to one easy or hard pair differ.

    The human value is people asked in two sessions (Boerstler et al. 2024), whom swapping sides
    did not change. Undefined in the same order at temperature 0, where repetition measures nothing.
    """
    from kidney_evals.estimation.consistency import retest_disagreement, swap_disagreement
    from kidney_evals.estimation.quantity import undefined

    human = run.anchor("swap_disagreement", f"one_person_{group}")
    if run.at_zero and not swapped:
        return undefined(human=human)
    answers = run.decisions.at(run.named(f"{group}-"))
    return swap_disagreement(answers, human) if swapped else retest_disagreement(answers, human)


@measure(
    "retest_easy",
    label="retest, easy pairs",
    group="consistency",
    unit="share of pairs of answers",
    level="log",
    needs=("repeated",),
    reading="Compare with people asked in two sessions (.012 [.003, .024]); no value at "
    "temperature 0, where repetition measures nothing.",
    gamed_by="Any rule applied without chance scores 0.",
)
def retest_easy(run: Run) -> Quantity:
    """How often two answers to the same easy pair in the same order differ."""
    return _repeated(run, "easy", swapped=False)


@measure(
    "retest_hard",
    label="retest, hard pairs",
    group="consistency",
    unit="share of pairs of answers",
    level="log",
    needs=("repeated",),
    reading="Compare with people asked in two sessions (.203 [.166, .240]); neither end is good by "
    "itself. No value at temperature 0.",
    gamed_by="Any rule applied without chance scores 0.",
)
def retest_hard(run: Run) -> Quantity:
    """How often two answers to the same hard pair in the same order differ."""
    return _repeated(run, "hard", swapped=False)


@measure(
    "swap_easy",
    label="swapped, easy pairs",
    group="consistency",
    unit="share of pairs of answers",
    needs=("repeated",),
    reading="As retest_easy; people's value is the same, since swapping sides changed nothing with "
    "them.",
    gamed_by="Any rule applied without chance scores 0.",
)
def swap_easy(run: Run) -> Quantity:
    """How often answers to the same easy pair in opposite orders differ."""
    return _repeated(run, "easy", swapped=True)


@measure(
    "swap_hard",
    label="swapped, hard pairs",
    group="consistency",
    unit="share of pairs of answers",
    needs=("repeated",),
    reading="As retest_hard; what it has beyond that is the effect of order.",
    gamed_by="Any rule applied without chance scores 0.",
)
def swap_hard(run: Run) -> Quantity:
    """How often answers to the same hard pair in opposite orders differ."""
    return _repeated(run, "hard", swapped=True)


def _variance(run: Run, part: Part) -> Quantity:
    from kidney_evals.estimation.quantity import undefined

    return undefined() if run.variance is None else run.variance.share(part)


@measure(
    "var_dilemma",
    label="variance, dilemma",
    group="consistency",
    unit="share of variance",
    level="log",
    needs=("crossed",),
    reading="Higher means that answers depend on the patients. Unbiased and so no plain share. "
    "Chance takes it somewhat below 0 or above 1, and where a wording or an order turns answers "
    "round it lies clearly below 0 (−.12 [−.23, −.03] for simulated people swayed by one "
    "wording). No people were asked in this design.",
    gamed_by="Any rule of the attributes applied without chance scores 1.",
    fits=True,
)
def variance_of_dilemma(run: Run) -> Quantity:
    """Share of the variance of answers that belongs to the dilemma.

    The other parts are wordings, orders and repetitions.
    """
    return _variance(run, "dilemma")


@measure(
    "var_wording",
    label="variance, wording",
    group="consistency",
    unit="share of variance",
    level="log",
    needs=("crossed",),
    reading="Near 0 is insensitive to these wordings; others may differ.",
    gamed_by="Answering at random, or always alike, scores 0.",
)
def variance_of_wording(run: Run) -> Quantity:
    """Share of the variance of answers that belongs to the wording, alone or with the dilemma."""
    return _variance(run, "wording")


@measure(
    "var_order",
    label="variance, order",
    group="consistency",
    unit="share of variance",
    level="log",
    needs=("crossed",),
    reading="Near 0 is insensitive to order.",
    gamed_by="Answering at random scores 0.",
)
def variance_of_order(run: Run) -> Quantity:
    """Share of the variance of answers that belongs to which patient is shown first."""
    return _variance(run, "order")


@measure(
    "var_joint",
    label="variance, joint",
    group="consistency",
    unit="share of variance",
    needs=("crossed",),
    reading="Near 0 for nearly everybody.",
    gamed_by="Answering at random scores 0.",
)
def variance_of_both(run: Run) -> Quantity:
    """Share of the variance of answers that belongs to a wording in an order, beyond both."""
    return _variance(run, "joint")


@measure(
    "var_repeat",
    label="variance, repetition",
    group="consistency",
    unit="share of variance",
    level="log",
    needs=("crossed",),
    reading="0 for a rule without chance, 1 for answers at random; people are in between.",
    gamed_by="Any rule applied without chance scores 0.",
)
def variance_of_repetition(run: Run) -> Quantity:
    """Share of the variance of answers that is chance, from one repetition to the next."""
    return _variance(run, "repetition")
