"""A run in a terminal: the table of quantities and one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

from inspect_ai.log import EvalLog

from kidney_evals.elicitation.readout import LEAST_INSIDE
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures.names import PARTS
from kidney_evals.measures.prediction_names import PARTS as PREDICTION_PARTS
from kidney_evals.reporting.prediction_text import prediction_sentence
from kidney_evals.reporting.rows import IMPORTANCE, card_of, place_of, unanswered
from kidney_evals.reporting.stated import stated_sentence

GROUPS = (
    "headline",
    "prediction",
    "alignment",
    "indecision",
    "stated",
    "rules",
    "coins",
    "consistency",
    "readability",
    "controls",
    "baselines",
)
"""Parts of the table, in order; flags stand below it by name."""

HEADLINE_ROWS: dict[str, tuple[str, str, str]] = {
    "forced_choice": ("agreement", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
    "predict_people": ("pred_fixed", "pred_drawn", "pred_swap"),
    "stated_values": ("st_dist", "st_spread", "st_rank"),
}
"""The three rows of the viewer's header, by condition, or by what else a task asks."""

_LABEL = 30
_NUMBER = 8
_INTERVAL = 18


def table(rows: Mapping[str, Quantity], condition: str) -> str:
    """Lay a run's rows out for a terminal of 80 columns.

    Rows that say nothing are left out: no value and no sample behind them, kinds of answer that
    never came, bounds where everything was answered, first answers where none was asked again.

    Args:
        rows: The rows by name.
        condition: Decides which three stand on top; the metadata's `asks` for another task.
    """
    head = HEADLINE_ROWS[condition]
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    for name in sorted(rows, key=place_of):
        group = card_of(name).group
        if name in head or group == "flags" or _says_nothing(name, rows):
            continue
        groups.setdefault(group, []).append(name)
    groups["headline"] = [name for name in head if name in rows]
    lines = [
        f"{'':{_LABEL}}{'value':>{_NUMBER}}  {'95 % interval':^{_INTERVAL}}"
        f"{'people':>{_NUMBER}}{'n':>7}"
    ]
    for names in groups.values():
        if names:
            lines.append("")
            lines += [_line(name, rows[name]) for name in names]
    return "\n".join(lines)


def short(value: float, *, sign: bool = False) -> str:
    """Write a figure with three decimals and no zero before the point, a dash for none."""
    if math.isnan(value):
        return "–"
    text = f"{value:+.3f}" if sign else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text


def flags(rows: Mapping[str, Quantity], reasons: Mapping[str, str] | None = None) -> list[str]:
    """Return a line for each flag that is raised.

    Args:
        rows: The rows of a run.
        reasons: What to name at the end of a flag's line, by flag: attributes, or failed rows.
    """
    reasons = reasons or {}
    return [
        f"{name}: {card_of(name).says.removeprefix('1 where ')}"
        + (f" Here: {reasons[name]}." if name in reasons else "")
        + (_little_inside(rows) if name == "readout" else "")
        for name, row in rows.items()
        if card_of(name).group == "flags" and row.defined and row.value > 0
    ]


def _little_inside(rows: Mapping[str, Quantity]) -> str:
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


def sentence(rows: Mapping[str, Quantity], condition: str) -> str:
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
    if coverage is None or HEADLINE_ROWS[condition][0] not in rows:
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


def _coin(rows: Mapping[str, Quantity]) -> str:
    rate = rows["flip_rate"]
    if not rate.defined:
        return ""
    text, took = _left(rows, rate)
    if _raised(rows, "not_coin"):
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


def _left(rows: Mapping[str, Quantity], rate: Quantity) -> tuple[str, bool]:
    """Say how many answers were left undecided, and whether any were."""
    if _raised(rows, "readout"):
        # Nothing was drawn: there is a share, and no count.
        said = f"By the probabilities read out of {rate.n} answers, the model left an expected"
        return f"{said} {percent(rate.value)} of them", rate.value > 0
    count = round(rate.value * rate.n)
    text = f"The model left {count} of {rate.n} answers ({percent(rate.value)})"
    return text, count > 0


def _raised(rows: Mapping[str, Quantity], name: str) -> bool:
    row = rows.get(name)
    return row is not None and row.value == 1


def _forced(rows: Mapping[str, Quantity]) -> str:
    agreement = rows["agreement"]
    if not agreement.defined:
        return "People were not asked these questions, so there is nothing to agree with."
    text = f"The model's choices reach {agreement.value:.2f} of the agreement that is possible"
    person, uniform = rows.get("agr_person"), rows.get("agr_unif")
    if person is not None and uniform is not None and person.defined and uniform.defined:
        text += f", where people drawn at random reach {person.value:.2f}"
        text += f" and guessing {uniform.value:.2f}"
    return text + "."


def _order(rows: Mapping[str, Quantity]) -> str:
    shares = {
        name.removeprefix(f"{IMPORTANCE}_"): row
        for name, row in rows.items()
        if name.startswith(f"{IMPORTANCE}_") and row.defined
    }
    if not shares:
        signal = rows.get("no_signal")
        if signal is not None and signal.value == 1:
            return "Its choices show no dependence on the patients' attributes beyond chance."
        return ""
    ranked = sorted(shares, key=lambda name: -abs(shares[name].value))
    words = [
        f"{name.replace('_', ' ')} {shares[name].value:+.2f}"
        + ("" if math.isnan(shares[name].human) else f" (people {shares[name].human:+.2f})")
        for name in ranked
    ]
    return f"What moves them, as signed shares: {', '.join(words)}."


def _says_nothing(name: str, rows: Mapping[str, Quantity]) -> bool:
    row = rows[name]
    if not row.defined and row.n == 0:
        return True
    if name.removeprefix("st_") in PARTS.values() or name in PREDICTION_PARTS.values():
        return row.value == 0
    if name.startswith("lim_"):
        return row.n == 0
    if name.endswith("_1st"):
        task = "st_" if name.startswith("st_") else ""
        first, last = (rows.get(f"{task}{one}", row) for one in ("cover_1st", "coverage"))
        return first.value == last.value
    return False


def _line(name: str, row: Quantity) -> str:
    interval = (
        ""
        if math.isnan(row.low) or math.isnan(row.high)
        else f"[{number(row.low)}, {number(row.high)}]"
    )
    return (
        f"{card_of(name).label:{_LABEL}.{_LABEL}}{number(row.value):>{_NUMBER}}  "
        f"{interval:^{_INTERVAL}}{number(row.human):>{_NUMBER}}{row.n:>7}"
    )


def number(value: float) -> str:
    """Write a figure as tables and sentences show it: three decimals, a dash for none."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def percent(share: float) -> str:
    """Write a share as a percentage: whole points, a decimal below one."""
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1f} %"
