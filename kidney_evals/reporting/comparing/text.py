"""What changed between two versions, in words: for a terminal and as Markdown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kidney_evals.planning.precision import ALARM, POWER
from kidney_evals.reporting.comparing.changes import PanelChange, RowChange
from kidney_evals.reporting.rows import unanswered
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.table_formats import NOT_RIGHT, in_markdown, visible
from kidney_evals.reporting.text import percent, short

if TYPE_CHECKING:
    from kidney_evals.reporting.comparing.gate import Decision

WIDTH: Final = 80

_FEW_IDS: Final = 6


@dataclass(frozen=True)
class Report:
    """A comparison of two versions.

    Attributes:
        old: What was given as the old version.
        new: What was given as the new one.
        panels: What changed, by panel.
        lines: On logs and panels that were passed over, a line each.
        decided: What became of the rules.
        status: Exit status.
    """

    old: str
    new: str
    panels: tuple[PanelChange, ...]
    lines: tuple[str, ...]
    decided: tuple[Decision, ...]
    status: int


def as_text(report: Report) -> str:
    """Return a comparison for a terminal of 80 columns."""
    lines: list[str] = []
    for panel in report.panels:
        lines += [*_panel_text(panel), ""]
    if report.panels:
        lines += [*textwrap.wrap(NOT_RIGHT, WIDTH), ""]
    for line in report.lines:
        lines += textwrap.wrap(
            visible(f"passed over: {line}"), WIDTH, subsequent_indent="  ", break_on_hyphens=False
        )
    for one in report.decided:
        lines.append(f"--fail-if {one.rule.text}: {one.outcome}")
        for line in one.lines:
            lines += textwrap.wrap(
                visible(line), WIDTH, initial_indent="  ", subsequent_indent="  "
            )
    return "\n".join(lines).rstrip("\n")


def as_markdown(report: Report) -> str:
    """Return a comparison as Markdown, names of logs and models escaped."""
    parts: list[str] = []
    for panel in report.panels:
        parts += _panel_markdown(panel)
    if report.panels:
        parts.append(NOT_RIGHT)
    if report.lines:
        parts.append("\n".join(f"- passed over: {in_markdown(line)}" for line in report.lines))
    if report.decided:
        told = []
        for one in report.decided:
            told.append(f"- `--fail-if {one.rule.text}`: **{one.outcome}**")
            told += [f"  - {in_markdown(line)}" for line in one.lines]
        parts.append("\n".join(told))
    return "\n\n".join(parts)


def panel_name(run: ModelRun) -> str:
    """Return what a run asked, in words."""
    return f"{run.panel.task}, {run.panel.study}"


def headline(panel: PanelChange) -> str:
    """Say what became of a panel: its first figure beside people's, and how much changed."""
    rows = {one.row: one for one in panel.rows}
    told = [_first_figure(panel, rows)]
    measured, clear = panel.measured, [one for one in panel.measured if one.clear]
    count = f"{len(measured)} row{'' if len(measured) == 1 else 's'}"
    if not clear:
        told.append(
            f"None of {count} changed clearly, adjusted for their number; that is no proof that "
            "nothing did."
        )
    else:
        ways = {
            "nearer to what people's answers get": "nearer",
            "farther from it" if _has(clear, "nearer") else _FARTHER: "farther",
            "higher": "higher",
            "lower": "lower",
        }
        parts = [
            f"{words}: {_and([one.words for one in clear if one.verdict == verdict])}"
            for words, verdict in ways.items()
            if _has(clear, verdict)
        ]
        told.append(f"Of {count} {len(clear)} changed clearly; {'; '.join(parts)}.")
    alone = [one for one in measured if one.moved and not one.clear]
    if alone:
        told.append(f"Taken alone, {_and([one.words for one in alone])} moved too.")
    opened = [one for one in measured if one.open]
    if opened:
        told.append(
            f"What went unanswered alone may have made the change of "
            f"{_and([one.words for one in opened])}."
        )
    return " ".join(one for one in told if one)


_FARTHER: Final = "farther from what people's answers get"


def _has(rows: Sequence[RowChange], verdict: str) -> bool:
    return any(one.verdict == verdict for one in rows)


def _first_figure(panel: PanelChange, rows: dict[str, RowChange]) -> str:
    coverage = rows["coverage"]
    if not all(one.value > 0 for one in coverage.levels):
        sides = (("OLD", panel.match.old), ("NEW", panel.match.new))
        none = [
            f"{name} decided in no sample{unanswered(run.rows)}"
            for (name, run), one in zip(sides, coverage.levels, strict=True)
            if not one.value > 0
        ]
        return f"{'; '.join(none)}: there are no choices to compare."
    told = ""
    rate, agreement = rows.get("flip_rate"), rows["agreement"]
    if rate is not None and not rate.why:
        told = (
            f"NEW leaves {percent(rate.found.second)} of the answers to the coin, OLD "
            f"{percent(rate.found.first)}"
        )
        if "not_coin" in panel.match.new.rows.flags and math.isnan(rate.aim):
            told = told.replace("to the coin", "undecided in the way it was offered")
        told += "." if math.isnan(rate.aim) else f", people {percent(rate.aim)}."
    elif not agreement.why:
        told = (
            f"NEW reaches {agreement.found.second:.2f} of the agreement that is possible, OLD "
            f"{agreement.found.first:.2f}"
        )
        told += (
            "." if math.isnan(agreement.aim) else f", people drawn at random {agreement.aim:.2f}."
        )
    if any(one.value < 1 for one in coverage.levels):
        told += (
            f" No decision on {percent(1 - coverage.levels[1].value)} of NEW's samples, "
            f"{percent(1 - coverage.levels[0].value)} of OLD's: see the bounds."
        )
    return told.strip()


def p_value(value: float) -> str:
    """Write a p-value with three decimals, or that it is smaller than they show."""
    if math.isnan(value):
        return "–"
    return "<.001" if value < 0.001 else short(value)


def verdict(one: RowChange) -> str:
    """Return a verdict; a question mark where it does not hold for all rows at once."""
    if one.why:
        return "not measured"
    if one.open:
        return "open"
    return one.verdict if one.clear or not one.moved else f"{one.verdict}?"


def _panel_text(panel: PanelChange) -> Iterator[str]:
    yield panel_name(panel.match.old)
    for name, run in zip(("OLD", "NEW"), (panel.match.old, panel.match.new), strict=True):
        yield from textwrap.wrap(
            visible(f"{name} {run.name}, {run.found.location}"),
            WIDTH,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    yield from textwrap.wrap(_dilemmas(panel), WIDTH)
    yield ""
    yield (
        f"{'':22}{'OLD':>6}{'NEW':>6}{'people':>7}{'change':>8} {'95 % interval':^16}{'adj. p':>6}"
    )
    for one in panel.rows:
        yield from _row_text(one, panel)
    yield ""
    for note in [headline(panel), *panel.notes]:
        yield from textwrap.wrap(visible(note), WIDTH)
    yield ""
    for line in _legend(panel):
        yield from textwrap.wrap(line, WIDTH, subsequent_indent="  ")


def _row_text(one: RowChange, panel: PanelChange) -> Iterator[str]:
    change = one.found.change
    if one.why:
        old, new = one.levels
        yield from textwrap.wrap(
            f"{one.label:22.22}{short(old.value):>6}{short(new.value):>6}{short(one.aim):>7}"
            f"   not measured: {one.why}",
            WIDTH,
            subsequent_indent=" " * 44,
        )
        return
    interval = f"[{short(change.low)}, {short(change.high)}]"
    yield (
        f"{one.label:22.22}{short(one.found.first):>6}{short(one.found.second):>6}"
        f"{short(one.aim):>7}{short(change.value, sign=True):>8} {interval:^16}"
        f"{p_value(one.adjusted):>6} {verdict(one)}"
    )
    more = []
    if one.bounds is not None:
        more.append(f"bounds [{short(one.bounds.low)}, {short(one.bounds.high)}]")
    if one.detectable is not None:
        more.append(f"detectable {_detectable(one)}")
    if more:
        yield f"    {'; '.join(more)}"


def _any_tabled(panel: PanelChange) -> bool:
    return any(one.detectable is not None for one in panel.rows)


def _detectable(one: RowChange) -> str:
    if one.detectable is None:
        return "not tabled"
    low, high = (short(end) for end in one.detectable)
    return low if low == high else f"{low} to {high}"


def _dilemmas(panel: PanelChange) -> str:
    told = f"{len(panel.shared)} dilemmas in both"
    if not panel.old_only and not panel.new_only:
        return f"{told}, none left out."
    for name, only in (("OLD", panel.old_only), ("NEW", panel.new_only)):
        told += f"; {len(only)} in {name} alone, left out"
        if 0 < len(only) <= _FEW_IDS:
            told += f" ({', '.join(only)})"
    return f"{told}."


def _legend(panel: PanelChange) -> Iterator[str]:
    count = len(panel.measured)
    yield (
        "people: what their own answers would get. OLD and NEW are over dilemmas that both "
        f"answered. p is adjusted for what is measured here, {count} in all (Holm); the interval "
        "is of each row alone."
    )
    if any(one.moved and not one.clear and not one.open for one in panel.rows):
        yield "? marks a change that its own interval shows and the adjusted p does not."
    if any(one.bounds is not None for one in panel.rows):
        yield (
            "bounds: the change had every unanswered sample of both gone one way or the other "
            "(distance and flip calibration: the two ways tried); no chance is in them. Importance "
            "has none."
        )
    if any(one.open for one in panel.rows):
        yield "open: the interval leaves 0 out, and what went unanswered alone may have made it."
    if _any_tabled(panel):
        yield (
            "detectable: found in nine of ten pairs of runs with so many dilemmas by its own "
            "interval, simulated for versions near people at two consistencies; to be clear among "
            f"{count} rows at once it takes up to {_stretch(count):.2f} times as much. Rows that "
            "name none are not tabled."
        )
    else:
        yield (
            "What change could have been detected is not tabled for these runs: it was simulated "
            "for 100 dilemmas or more of the drawn study, in both orders, once."
        )


def _stretch(rows: int) -> float:
    """Return how much larger a change must be for the first step of Holm's procedure."""
    from scipy.special import ndtri

    return float((-ndtri(0.025 / rows) + POWER) / (ALARM + POWER)) if rows else 1.0


def _panel_markdown(panel: PanelChange) -> Iterator[str]:
    yield f"### {in_markdown(panel_name(panel.match.old))}"
    yield "\n".join(
        f"- {name}: {in_markdown(run.name)}, {in_markdown(run.found.location)}"
        for name, run in (("OLD", panel.match.old), ("NEW", panel.match.new))
    )
    yield in_markdown(_dilemmas(panel))
    yield in_markdown(headline(panel))
    heads = ["", "OLD", "NEW", "people", "change [95 %]", "adjusted p", "detectable", "bounds", ""]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " --: |" * (len(heads) - 2) + " --- |"]
    for one in panel.rows:
        change, bounds = one.found.change, one.bounds
        values = [one.levels[0].value, one.levels[1].value] if one.why else one.found[1:3]
        cells = [
            in_markdown(one.label),
            *(short(value) for value in (*values, one.aim)),
            f"{short(change.value, sign=True)} [{short(change.low)}, {short(change.high)}]",
            p_value(one.adjusted),
            _detectable(one),
            "–" if bounds is None else f"[{short(bounds.low)}, {short(bounds.high)}]",
            verdict(one) + (f" ({in_markdown(one.why)})" if one.why else ""),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    yield "\n".join(lines)
    yield in_markdown(" ".join([*panel.notes, *_legend(panel)]))


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
