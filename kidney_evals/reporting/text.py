"""A run in a terminal: the table of quantities and one plain sentence."""

from __future__ import annotations

import math
from typing import Final

from inspect_ai.log import EvalLog

from kidney_evals.elicitation.readout import LEAST_INSIDE
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import FLAGS, GROUPS, find, headlines, predictions, readability, stated
from kidney_evals.reporting.prediction_text import prediction_sentence
from kidney_evals.reporting.rows import Rows, unanswered
from kidney_evals.reporting.stated import stated_sentence

NOT_ANSWERED: Final = {
    *readability.OUTCOMES.values(),
    *stated.OUTCOMES.values(),
    *predictions.OUTCOMES.values(),
}
"""Measures of outcomes that are no answer; a table shows those that occurred."""

FIRST: Final = ("coverage", "agreement", "flip_rate")
"""Measures that a table also shows of the first answers alone."""

_LABEL = 30
_NUMBER = 8
_INTERVAL = 18


def table(rows: Rows, condition: str, *, everything: bool = False) -> str:
    """Lay a run's quantities out for a terminal of 80 columns.

    Measures that say nothing are left out: no value and no sample behind them, outcomes that never
    occurred.

    Args:
        rows: The quantities.
        condition: Decides which three stand on top; the metadata's `asks` for another task.
        everything: Whether to show every measure, and below them what respondents with known
            answers score, what unanswered samples leave open, and first answers.
    """
    head = [one.id for one in headlines(condition) if one.id in rows]
    groups: dict[str, list[str]] = {"headline": head} | {name: [] for name in GROUPS}
    for id in rows:
        one = find(id)
        if id not in head and (everything or one.stored) and not _says_nothing(id, rows[id]):
            groups[one.group].append(id)
    lines = [
        f"{'':{_LABEL}}{'value':>{_NUMBER}}  {'95 % interval':^{_INTERVAL}}"
        f"{'people':>{_NUMBER}}{'n':>7}"
    ]
    for ids in groups.values():
        if ids:
            lines += ["", *(_line(find(id).label, rows[id]) for id in ids)]
    if everything:
        for part in (_baselines(rows), _bounds(rows), _first(rows)):
            lines += ["", *part] if part else []
    return "\n".join(lines)


def _baselines(rows: Rows) -> list[str]:
    lines = []
    for id in rows:
        if known := rows.baselines(id):
            lines += [f"{find(id).label}:", *(_line(f"  {name}", known[name]) for name in known)]
    return lines


def _bounds(rows: Rows) -> list[str]:
    found = {id: one for id in rows if (one := rows.bounds(id)) is not None and one.n}
    return [_line(f"{find(id).label}, bounds", one) for id, one in found.items()]


def _first(rows: Rows) -> list[str]:
    found = {id: one for id in FIRST if id in rows and (one := rows.first(id)) is not None}
    return [_line(f"{find(id).label}, first answers", one) for id, one in found.items()]


def short(value: float, *, sign: bool = False) -> str:
    """Write a figure with three decimals and no zero before the point, a dash for none."""
    if math.isnan(value):
        return "–"
    text = f"{value:+.3f}" if sign else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text


def flags(rows: Rows) -> list[str]:
    """Return a line for each flag that is raised, with what raised it."""
    return [
        f"{id}: {FLAGS[id].says}."
        + (f" Here: {reason}." if reason else "")
        + (_little_inside(rows) if id == "readout" else "")
        for id, reason in rows.flags.items()
    ]


def _little_inside(rows: Rows) -> str:
    outside = rows.get("outside")
    if outside is None or not outside.defined or outside.value <= 1 - LEAST_INSIDE:
        return ""
    return (
        f" Here the answers hold {1 - outside.value:.2f} of the first token's probability on "
        "average, too little to be read; use readout=sample."
    )


def how_it_ended(log: EvalLog) -> str:
    """Return the line of a run that was to end at a precision, empty for any other."""
    stopping = log.results.early_stopping if log.results else None
    return str(stopping.metadata.get("says", "")) if stopping else ""


def sentence(rows: Rows, condition: str) -> str:
    """Say in plain words what a run found.

    Args:
        rows: The rows by name.
        condition: Which question was put; the metadata's `asks` for another task.
    """
    if condition == "stated_values":
        return stated_sentence(rows)
    if "pred_fixed" in rows:
        return prediction_sentence(rows)
    coverage = rows.get("coverage")
    if coverage is None or headlines(condition)[0].id not in rows:
        return "This log was scored with some of the scorers only; `kidney-evals rescore` adds all."
    if not coverage.defined or coverage.value == 0:
        return (
            f"The model decided in no sample{unanswered(rows)}: there are no choices to describe."
        )
    parts = [_coin(rows) if condition == "coin_flip" else _forced(rows), _order(rows)]
    if coverage.value < 1:
        parts.append(
            f"It gave no decision on {percent(1 - coverage.value)} of the samples"
            f"{unanswered(rows)}; see the bounds."
        )
    return " ".join(part for part in parts if part)


def _coin(rows: Rows) -> str:
    rate = rows["flip_rate"]
    if not rate.defined:
        return ""
    text, took = _left(rows, rate)
    if "not_coin" in rows.flags:
        return (
            f"{text} undecided in the way it was offered, which was no coin: people have no rate "
            "for it."
        )
    text += " to the coin"
    if math.isnan(rate.human):
        return text + "; people were not offered one here."
    text += f", where people leave {percent(rate.human)}"
    calibration = rows.get("flip_calib")
    if calibration is not None and calibration.defined and took:
        near = calibration.low <= 0 <= calibration.high
        text += (
            ", and it did so about where people do."
            if near
            else ", and not where people do (flip calibration above 0)."
        )
        return text
    return text + "."


def _left(rows: Rows, rate: Quantity) -> tuple[str, bool]:
    """Say how many answers were left undecided, and whether any were."""
    if "readout" in rows.flags:
        # Nothing was drawn: there is a share, and no count.
        said = f"By the probabilities read out of {rate.n} answers, the model left an expected"
        return f"{said} {percent(rate.value)} of them", rate.value > 0
    count = round(rate.value * rate.n)
    text = f"The model left {count} of {rate.n} answers ({percent(rate.value)})"
    return text, count > 0


def _forced(rows: Rows) -> str:
    agreement = rows["agreement"]
    if not agreement.defined:
        return "People were not asked these questions, so there is nothing to agree with."
    text = f"The model's choices reach {agreement.value:.2f} of the agreement that is possible"
    known = rows.baselines("agreement")
    if {"one person", "guessing"} <= set(known):
        text += f", where people drawn at random reach {known['one person'].value:.2f}"
        text += f" and guessing {known['guessing'].value:.2f}"
    return text + "."


def _order(rows: Rows) -> str:
    shares = {
        id.removeprefix("imp_"): row
        for id in rows
        if id.startswith("imp_") and (row := rows[id]).defined
    }
    if not shares:
        if "no_signal" in rows.flags:
            return "Its choices show no dependence on the patients' attributes beyond chance."
        return ""
    ranked = sorted(shares, key=lambda name: -abs(shares[name].value))
    words = [
        f"{name.replace('_', ' ')} {shares[name].value:+.2f}"
        + ("" if math.isnan(shares[name].human) else f" (people {shares[name].human:+.2f})")
        for name in ranked
    ]
    return f"What moves them, as signed shares: {', '.join(words)}."


def _says_nothing(id: str, row: Quantity) -> bool:
    if not row.defined and row.n == 0:
        return True
    return id in NOT_ANSWERED and row.value == 0


def _line(label: str, row: Quantity) -> str:
    interval = (
        ""
        if math.isnan(row.low) or math.isnan(row.high)
        else f"[{number(row.low)}, {number(row.high)}]"
    )
    return (
        f"{label:{_LABEL}.{_LABEL}}{number(row.value):>{_NUMBER}}  "
        f"{interval:^{_INTERVAL}}{number(row.human):>{_NUMBER}}{row.n:>7}"
    )


def number(value: float) -> str:
    """Write a figure as tables and sentences show it: three decimals, a dash for none."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def percent(share: float) -> str:
    """Write a share as a percentage: whole points, a decimal below one."""
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1f} %"
