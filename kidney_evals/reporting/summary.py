"""One plain sentence for each run of a report, and what would change its result most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.errors import InputError
from kidney_evals.measures import find, headlines
from kidney_evals.reporting.prediction_text import prediction_sentence
from kidney_evals.reporting.rows import Rows, unanswered
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.stated import stated_sentence
from kidney_evals.reporting.text import number, percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.measures.run import Run

WIDE: Final = 0.15
"""Half an importance share's interval above which holding people's value says nothing."""

LEVEL: Final = 0.01
"""Of the test of an order or a wording: a report makes one for each of many runs."""

HANGING: Final = ("flip_rate", "agreement")
"""Headlines of which it is said what would change them most."""


@dataclass(frozen=True)
class Move:
    """What a headline would be had something else been so.

    Attributes:
        cause: "order", "wording", "refusals" or "repeat question".
        says: Both values in words.
        size: How far they are apart.
        clear: Whether chance is ruled out at `LEVEL`; bounds are no matter of chance.
    """

    cause: str
    says: str
    size: float
    clear: bool


def summary_sentence(run: ModelRun) -> str:
    """Say what a run found: how often it flipped, what it puts first, beside people."""
    rows, task = run.rows, run.panel.task
    if task == "stated_values":
        return stated_sentence(rows)
    if "pred_fixed" in rows:
        return prediction_sentence(rows)
    coverage = rows.get("coverage")
    if coverage is None:
        return "Scored with some of the scorers only; `kidney-evals rescore` adds the others."
    if not coverage.defined or coverage.value == 0:
        return f"Decided in no sample{unanswered(rows)}: there are no choices to describe."
    parts = [_weighs(rows)]
    if task == "coin_flip":
        parts.append(_flips(rows))
    else:
        parts.append(_agrees(rows))
    parts.append(_side(rows))
    if coverage.value < 1:
        share = percent(1 - coverage.value)
        parts.append(f"no decision on {share} of the samples{unanswered(rows)}")
    told = "; ".join(part for part in parts if part)
    return f"{told[0].upper()}{told[1:]}." if told else "Too few answers to say anything."


def moves(run: ModelRun) -> tuple[Move, ...]:
    """Return what the first headline of a run hangs on, the largest first.

    Orders are compared in pairs over the dilemmas that were answered in both, wordings likewise
    where a crossed run put every dilemma in all of them. What the unanswered leave open are
    bounds.
    """
    row = headlines(run.panel.task)[0].id
    if row not in HANGING:
        return ()
    found = [*_refusals(run.rows, row), *_repeated(run.rows, row)]
    if run.run is not None:
        found += [*_by_order(run.run, row), *_by_wording(run, row)]
    return tuple(sorted(found, key=lambda one: -one.size))


def moves_sentence(run: ModelRun) -> str:
    """Say what would change a run's first headline most; empty where nothing can be said."""
    row = headlines(run.panel.task)[0].id
    found = moves(run)
    clear = [one for one in found if one.clear]
    label = find(row).label
    if clear:
        return f"What would change its {label} most: {clear[0].says}."
    order = next((one for one in found if one.cause == "order"), None)
    if order is not None and order.size == 0:
        return f"The same {label} in both orders of the patients."
    return f"No clear difference in {label} by {order.says}." if order else ""


def _weighs(rows: Rows) -> str:
    if "no_signal" in rows.flags:
        return "its choices show no dependence on the patients' attributes beyond chance"
    shares = {
        id.removeprefix("imp_"): row
        for id in rows
        if id.startswith("imp_") and (row := rows[id]).defined
    }
    known = {name: row for name, row in shares.items() if not math.isnan(row.human)}
    if not known:
        return ""
    least = min(known, key=lambda name: abs(known[name].value))
    last_of_people = min(known, key=lambda name: abs(known[name].human))
    kinds: dict[str, list[str]] = {}
    for name, row in known.items():
        words = name.replace("_", " ")
        # A rule without chance has no interval: its shares are what they are.
        low, high = (row.value if math.isnan(end) else end for end in (row.low, row.high))
        if low <= row.human <= high:
            kinds.setdefault("unsure" if (high - low) / 2 > WIDE else "like", []).append(words)
            continue
        told = f"{words} ({row.value:+.2f}, people {row.human:+.2f})"
        if row.value * row.human < 0 and not low <= 0 <= high:
            kinds.setdefault("against", []).append(told)
        elif name == least and name != last_of_people:
            kinds.setdefault("last", []).append(told)
        else:
            more = abs(row.value) > abs(row.human)
            kinds.setdefault("more" if more else "less", []).append(told)
    phrases: dict[str, Callable[[str], str]] = {
        "like": lambda names: f"chooses like people on {names}",
        "against": lambda names: f"chooses against people on {names}",
        "more": lambda names: f"puts more on {names}",
        "less": lambda names: f"puts less on {names}",
        "last": lambda names: f"puts {names} last",
        "unsure": lambda names: f"gave too few answers to tell on {names}",
    }
    return ", ".join(say(_and(kinds[kind])) for kind, say in phrases.items() if kind in kinds)


def _flips(rows: Rows) -> str:
    rate = rows.get("flip_rate")
    if rate is None or not rate.defined:
        return ""
    if "readout" in rows.flags:
        told = f"leaves an expected {percent(rate.value)} of {rate.n} answers to the coin"
    else:
        told = f"left {round(rate.value * rate.n)} of {rate.n} answers to the coin"
    if math.isnan(rate.human):
        return f"{told}, which no people were offered so"
    return f"{told} where people leave {round(rate.human * rate.n)}"


def _agrees(rows: Rows) -> str:
    agreement = rows.get("agreement")
    if agreement is None or not agreement.defined:
        return ""
    told = f"reaches {agreement.value:.2f} of the agreement that is possible"
    known = rows.baselines("agreement")
    if {"one person", "guessing"} <= set(known):
        told += f" where people drawn at random reach {known['one person'].value:.2f}"
        told += f" and guessing {known['guessing'].value:.2f}"
    return told


def _side(rows: Rows) -> str:
    bias = rows.get("pos_bias")
    if bias is None or not bias.defined or abs(bias.value) < 0.05 or bias.low <= 0 <= bias.high:
        return ""
    side = "first" if bias.value > 0 else "second"
    return f"takes the patient shown {side} in {percent(0.5 + abs(bias.value))} of its decisions"


def _refusals(rows: Rows, row: str) -> Iterator[Move]:
    bounds = rows.bounds(row)
    if bounds is None or not bounds.n or math.isnan(bounds.low):
        return
    yield Move(
        "refusals",
        f"its {bounds.n} unanswered samples, which leave anything from {number(bounds.low)} to "
        f"{number(bounds.high)} possible",
        bounds.high - bounds.low,
        True,
    )


def _repeated(rows: Rows, row: str) -> Iterator[Move]:
    first, last = rows.first(row), rows.get(row)
    if first is None or last is None or not (first.defined and last.defined):
        return
    asked = rows.first("coverage")
    if asked is None or asked.value == rows["coverage"].value:
        return
    yield Move(
        "repeat question",
        f"asking again, which took it from {number(first.value)} to {number(last.value)}",
        abs(last.value - first.value),
        not (last.low <= first.value <= last.high),
    )


def _by_order(run: Run, row: str) -> Iterator[Move]:
    pair = _change(_only(run, run.order == 0), _only(run, run.order == 1), row)
    if pair is not None:
        said = f"{number(pair.first)} in one, {number(pair.second)} in the other"
        yield _moved("order", f"the order of the patients, {said}", pair)


def _by_wording(model: ModelRun, row: str) -> Iterator[Move]:
    run = model.run
    if run is None or run.wording is None or not run.crossed:
        return
    names = sorted(model.facts.get("wordings") or ())
    parts = [_only(run, run.wording == index) for index in range(int(run.wording.max()) + 1)]
    if len(names) != len(parts):
        return
    pairs = [
        (found, one, two)
        for one in range(len(parts))
        for two in range(one + 1, len(parts))
        if (found := _change(parts[one], parts[two], row)) is not None
    ]
    if pairs:
        widest, one, two = max(pairs, key=lambda pair: abs(pair[0].change.value))
        yield _moved(
            "wording",
            f"the wording, {number(widest.first)} in {names[one]}, {number(widest.second)} in "
            f"{names[two]}",
            widest,
        )


def _moved(cause: str, said: str, pair: PairedDifference) -> Move:
    return Move(cause, said, abs(pair.change.value), pair.p_value < LEVEL)


def _change(one: Run, two: Run, row: str) -> PairedDifference | None:
    from kidney_evals.measures import change

    if not len(one.choice) or not len(two.choice) or (row == "flip_rate" and one.borrows_coin):
        return None
    try:
        found = change(one, two, row)
    except InputError:
        # No dilemma was put in both: nothing to compare in pairs.
        return None
    return None if math.isnan(found.change.value) else found


def _only(run: Run, kept: NDArray[np.bool_]) -> Run:
    from kidney_evals.measures.run import part_of

    return replace(part_of(run, kept), crossed=False)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
