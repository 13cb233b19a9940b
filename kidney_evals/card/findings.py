"""The five questions about a run of choices, and the rules of their verdicts.

A verdict compares the interval of a measure with a range around the value of the crowd: people, a
different random person for every answer. Half the width of the range is the margin: the difference
that 95 % of pairs of random halves of the people stay below, plus the misfit of the model of
people's answers. Question 4 (where the run flips) has fixed limits. Question 5 (swapped places)
compares the value itself with the range of single persons and with .05 around the crowd. Not
significant is not "like": a wide interval gives "cannot tell".
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from kidney_evals.estimation.intervals import NO_INTERVAL, Interval
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.human import NO_BAND, Band
from kidney_evals.measures import FEW, compute, find, interval_at, person_of
from kidney_evals.measures.run import Run

Verdict = Literal["like the crowd", "like a person", "unlike", "cannot tell", ""]
"""The class of an answer to a question; empty if no people answered or no margin is known.

"like a person" is possible only for swapped places: one person who is asked twice differs less
often than two people, who give the value of the crowd.
"""

LIKE: Final = "like the crowd"
PERSON: Final = "like a person"
UNLIKE: Final = "unlike"
UNKNOWN: Final = "cannot tell"

_LARGEST_GAP: Final = 0.006  # flip calibration of coins at a constant rate, people's mean rate
_BY_CHANCE: Final = 0.025  # least probability that the crowd follows a rule, to be no evidence
_MOST_CALLS: Final = 50  # largest multiple of a run's calls for which a number of calls is given

SIDE_MARGIN: Final = 0.05
"""Largest position bias that counts as none.

Also the largest difference of swap disagreement from the crowd's, in either direction.
"""

_SWAPPED: Final = "Does its answer survive swapped places?"

_WITH_PEOPLE: Final = "it always decides as most people do"
AGAINST_PEOPLE: Final = "it always decides against most people"
"""This rule and `_WITH_PEOPLE` leave the sharpness without a value."""

_OF_DECISIONS: Final = ("share_dist", "sharpness", "pos_bias")
"""The measures that use the decided answers only."""


@dataclass(frozen=True)
class Part:
    """A measure behind a finding.

    Attributes:
        quantity: Value, 95 % interval, value of the crowd (`human`) and n.
        person: Median, 5 % and 95 % quantile over simulated single persons.
        guessing: Value of uniformly random answers; NaN if it has none.
        like: The range of values that count as the crowd's.
        verdict: The class of this measure alone.
        calls: Number of calls of a run that would settle a verdict "cannot tell"; None for another
            verdict or if unknown.
    """

    id: str
    quantity: Quantity
    person: Band
    guessing: float
    like: Interval
    verdict: Verdict
    calls: int | None = None

    @property
    def label(self) -> str:
        """The label of the measure."""
        return find(self.id).label

    @property
    def band(self) -> str:
        """Place of the value in the band of persons: "inside", "below", "above", "" if unknown."""
        value, person = self.quantity.value, self.person
        if math.isnan(value) or math.isnan(person.low):
            return ""
        return "below" if value < person.low else "above" if value > person.high else "inside"

    @property
    def place(self) -> float:
        """Position of the value on a line from the crowd (0) to guessing (1); NaN if undefined."""
        reach = self.guessing - self.quantity.human
        return (self.quantity.value - self.quantity.human) / reach if reach else math.nan


@dataclass(frozen=True)
class Finding:
    """The answer to one question about a run.

    Attributes:
        id: "weights", "decided", "often", "where" or "swap".
        parts: The measures behind the verdict; the first is the number to quote.
        gamed_by: A respondent unlike people, and its value of the first part (NaN if not computed);
            "" and NaN if no people were asked.
        why: Reason for a verdict that does not follow from the interval; may be empty.
    """

    id: str
    question: str
    parts: tuple[Part, ...]
    verdict: Verdict
    gamed_by: tuple[str, float]
    why: str = ""

    @property
    def calls(self) -> int | None:
        """Number of calls of a run that would settle a verdict "cannot tell".

        None for another verdict or if unknown.
        """
        needed = [part.calls for part in self.parts if part.verdict == UNKNOWN]
        if self.verdict != UNKNOWN or None in needed:
            return None
        return max((one for one in needed if one), default=None)


def findings_of(run: Run) -> tuple[Finding, ...]:
    """Return the findings on a run, in the order of the questions.

    "often" and "where" are left out unless the run offered the coin that people had. If no people
    were asked, the findings are "often" (if a coin or another way out was offered) and "swap",
    without a verdict.
    """
    if not run.has_people:
        return _alone(run)
    asked = [_weights, _decided]
    if "coin" in run.traits and not run.borrows_coin:
        asked += [_often, _where]
    return tuple(find_out(run) for find_out in (*asked, _swap))


def _alone(run: Run) -> tuple[Finding, ...]:
    """Return the findings that need no people: coin rate, swap disagreement and position bias."""
    coin, none = "coin" in run.traits, ("", math.nan)
    often = _part(run, "flip_rate", NO_INTERVAL, guessing=1 / 3)
    swap = _part(run, "swap_diff", NO_INTERVAL, guessing=2 / 3 if coin else 1 / 2)
    bias = _part(run, "pos_bias", NO_INTERVAL, guessing=0.0)
    asked = "How often does it leave the decision to the coin?"
    if run.mechanism != "coin":
        asked = "How often does it leave the decision open?"
    found = [Finding("often", asked, (often,), "", none)] if coin else []
    return *found, Finding("swap", _SWAPPED, (swap, bias), "", none)


def _weights(run: Run) -> Finding:
    part = _part(run, "share_dist", _around(run, "share_dist", 0.0, least=0.0), guessing=0.5)
    why = ""
    # A p-value is missing where the test has too few dilemmas.
    if run.importance is not None and not run.importance.signal and run.importance.p_value > 0:
        why = "its choices depend on no attribute beyond chance"
    shares = run.reference.shares(run.dilemmas)
    choice = (shares[:, 1] > shares[:, 0]).astype(np.int64)[run.dilemma]
    majority = replace(run, choice=choice, first_choice=choice, chances=None)
    gamed_by = "always the majority", compute(majority, "share_dist").value
    return _finding("weights", "Does it weigh the same things?", [part], gamed_by, why)


def _decided(run: Run) -> Finding:
    margin = _margin(run, "sharpness")
    like = Interval(math.exp(-margin), math.exp(margin))
    part = _part(run, "sharpness", like, guessing=0.0)
    enough = not run.decisions.fixed and _dilemmas(run, "sharpness") >= FEW
    rule = _rule(run) if enough and not part.quantity.defined else ""
    found = _finding("decided", "Is it as decided as people?", [part], ("other weights", 1.0), rule)
    return replace(found, verdict=UNLIKE) if rule else found


def _often(run: Run) -> Finding:
    people = compute(run, "flip_rate").human
    like = _around(run, "flip_rate", people, least=0.0)
    part = _part(run, "flip_rate", like, guessing=_uniform(run, "indecision_rate"))
    return _finding("often", "Does it flip as often?", [part], ("coins at random", people))


def _where(run: Run) -> Finding:
    slope = _part(run, "coin_slope", Interval(0.5, math.inf), guessing=0.0)
    most = _LARGEST_GAP + _misfit(run, "flip_calib")
    guess = _uniform(run, "flip_calibration")
    gap = _part(run, "flip_calib", Interval(-math.inf, most), guessing=guess)
    why = "" if run.coins.any() else "it never flipped"
    asked = "Does it flip where people do?"
    return _finding("where", asked, [slope, gap], ("reversed choices", 1.0), why)


def _swap(run: Run) -> Finding:
    """Return the finding on swapped places: like the crowd, or like one person asked twice."""
    # No person of the survey showed a side preference beyond chance, so the band is chance alone.
    bias = replace(_part(run, "pos_bias", Interval(-SIDE_MARGIN, SIDE_MARGIN)), person=NO_BAND)
    guess = _uniform(run, "swap_disagreement")
    people, person = compute(run, "swap_diff").human, person_of(run, "swap_diff")
    crowd = Interval(people - SIDE_MARGIN, people + SIDE_MARGIN)
    both = Interval(min(person.low, crowd.low), max(person.high, crowd.high))
    swap = replace(_part(run, "swap_diff", both, guess, by_value=True), like=crowd)
    found = _finding("swap", _SWAPPED, [swap, bias], ("a third at random", guess / 3))
    if found.verdict == LIKE and not crowd.low <= swap.quantity.value <= crowd.high:
        return replace(found, verdict=PERSON)
    return found


def _finding(
    id: str,
    question: str,
    parts: list[Part],
    gamed_by: tuple[str, float],
    why: str = "",
) -> Finding:
    """Return a finding: unlike if any part is, like the crowd if all are."""
    verdicts = {part.verdict for part in parts}
    verdict: Verdict = LIKE if verdicts == {LIKE} else UNKNOWN
    if UNLIKE in verdicts:
        verdict = UNLIKE
    elif "" in verdicts:
        verdict = ""
    return Finding(id, question, tuple(parts), verdict, gamed_by, why)


def _part(
    run: Run, id: str, like: Interval, guessing: float = math.nan, *, by_value: bool = False
) -> Part:
    """Return a measure with its class.

    Like the crowd if the 90 % interval, or with `by_value` the value, is inside `like`; unlike if
    the 95 % interval is outside.
    """
    quantity, person = compute(run, id), person_of(run, id)
    if not quantity.defined and run.has_people:
        # The value of the crowd holds whatever the run answered.
        quantity = undefined(find(id).crowd)
    # The margin holds people's error already.
    low, high = interval_at(run, id, 0.9, people_error=False)
    if by_value:
        low = high = quantity.value
    calls = None
    verdict: Verdict = UNKNOWN
    # Margins are known for drawn dilemmas only.
    if run.decisions.fixed or not run.has_people or math.isnan(like.low + like.high):
        verdict = ""
    elif quantity.defined and _dilemmas(run, id) >= FEW:
        if like.low <= low and high <= like.high:
            verdict = LIKE
        elif quantity.high < like.low or quantity.low > like.high:
            verdict = UNLIKE
        else:
            calls = _calls(run, quantity, (low, high), like)
    return Part(id, quantity, person, guessing, like, verdict, calls)


def _calls(run: Run, quantity: Quantity, narrow: tuple[float, float], like: Interval) -> int | None:
    """Return about how many calls would decide; a width falls with the root of their number."""
    value = quantity.value
    if like.low <= value <= like.high:
        gaps = [(value - narrow[0], value - like.low), (narrow[1] - value, like.high - value)]
    elif value > like.high:
        gaps = [(value - quantity.low, value - like.high)]
    else:
        gaps = [(quantity.high - value, like.low - value)]
    factors = [(half / room) ** 2 if room else math.inf for half, room in gaps if half]
    factor = max(factors, default=0.0)
    if not 1 < factor <= _MOST_CALLS:
        return None
    calls = len(run.choice) * factor
    step = 10 ** max(int(math.log10(calls)) - 1, 0)
    return int(math.ceil(calls / step) * step)


def _around(run: Run, id: str, centre: float, least: float = -math.inf) -> Interval:
    """Return the range of a measure around the crowd's value."""
    margin = _margin(run, id)
    return Interval(max(centre - margin, least), centre + margin)


def _margin(run: Run, id: str) -> float:
    """Return the largest difference from the crowd that counts as none; NaN if unknown."""
    return run.reference.margin(id) + _misfit(run, id)


def _misfit(run: Run, id: str) -> float:
    """Return how far people's own answers lie from the model of their answers, 0 if unknown."""
    return float(np.nan_to_num(abs(run.reference.misfit(id))))


def _dilemmas(run: Run, id: str) -> int:
    """Return the number of dilemmas whose answers a measure is computed from."""
    answers = run.decisions
    return int((answers.decided if id in _OF_DECISIONS else answers).answered.sum())


def _uniform(run: Run, statistic: str) -> float:
    """Return the expected statistic of uniformly random answers on the run's dilemmas."""
    known = run.baselines.get("uniform")
    return math.nan if known is None else float(getattr(known, statistic))


def _rule(run: Run) -> str:
    """Return how the crowd's leaning predicts every decision; empty if it does not.

    Empty also if the crowd might follow its leaning as often by chance, as where people are as one.
    """
    decided = run.decisions.drawn.decided
    lean = np.sign(np.nan_to_num(decided.shares[:, 0] - decided.shares[:, 1]))[decided.dilemma]
    agrees = np.unique((lean * np.where(decided.choice == 0, 1, -1))[lean != 0])
    by_chance = np.nanprod(decided.shares.max(axis=1)[decided.dilemma])
    if len(agrees) != 1 or not by_chance < _BY_CHANCE:
        return ""
    return _WITH_PEOPLE if agrees[0] > 0 else AGAINST_PEOPLE
