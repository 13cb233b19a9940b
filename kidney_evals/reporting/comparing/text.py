"""Format a comparison of two versions as text for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.planning.precision import ALARM, POWER
from kidney_evals.reporting.comparing.changes import PanelChange, RowChange
from kidney_evals.reporting.comparing.matching import SIDES
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.sentences import unanswered
from kidney_evals.reporting.table_formats import NOT_RIGHT, in_markdown, markdown_table, visible
from kidney_evals.reporting.text import (
    NOTHING,
    WIDTH,
    interval,
    listed,
    p_value,
    percent,
    short,
    text_table,
)

if TYPE_CHECKING:
    from kidney_evals.reporting.comparing.gate import Decision

_FEW_IDS: Final = 6

_FARTHER: Final = "farther from what people's answers get"


@dataclass(frozen=True)
class Report:
    """A comparison of two versions.

    Attributes:
        old: The old version, as named on the command line.
        new: The new version, as named on the command line.
        panels: The changes, by panel.
        lines: A line for each log and panel that is not compared.
        decided: The outcomes of the rules.
        status: The exit status.
    """

    old: str
    new: str
    panels: tuple[PanelChange, ...]
    lines: tuple[str, ...]
    decided: tuple[Decision, ...]
    status: int


def as_text(report: Report) -> str:
    """Format a comparison for a terminal of 80 columns."""
    lines: list[str] = []
    for panel in report.panels:
        lines += [*_panel_text(panel), ""]
    if report.panels:
        lines += [*_filled(NOT_RIGHT), ""]
    for line in report.lines:
        lines += _filled(f"passed over: {line}", after="  ")
    for one in report.decided:
        lines.append(f"--fail-if {one.rule.text}: {one.outcome}")
        for line in one.lines:
            lines += _filled(line, before="  ", after="  ")
    return "\n".join(lines).rstrip("\n")


def as_markdown(report: Report) -> str:
    """Format a comparison as Markdown; names of logs and models are escaped."""
    parts = [part for panel in report.panels for part in _panel_markdown(panel)]
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


def as_json(report: Report) -> str:
    """Format a comparison as JSON with all numbers; a missing value is null."""
    from kidney_evals import __version__

    content = {
        "kidney_evals": __version__,
        "old": report.old,
        "new": report.new,
        "status": report.status,
        "panels": [_panel_record(panel) for panel in report.panels],
        "passed_over": list(report.lines),
        "rules": [
            {"rule": one.rule.text, "outcome": one.outcome, "why": list(one.lines)}
            for one in report.decided
        ],
    }
    return json.dumps(content, indent=2)


def headline(panel: PanelChange) -> str:
    """Return a panel's summary: its first measure, the human value, and which rows changed."""
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
            f"{words}: {listed([one.words for one in clear if one.verdict == verdict])}"
            for words, verdict in ways.items()
            if _has(clear, verdict)
        ]
        told.append(f"Of {count} {len(clear)} changed clearly; {'; '.join(parts)}.")
    alone = [one for one in measured if one.moved and not one.clear]
    if alone:
        told.append(f"Taken alone, {listed([one.words for one in alone])} moved too.")
    opened = [one for one in measured if one.open]
    if opened:
        told.append(
            f"What went unanswered alone may have made the change of "
            f"{listed([one.words for one in opened])}."
        )
    return " ".join(one for one in told if one)


def _has(rows: Sequence[RowChange], verdict: str) -> bool:
    return any(one.verdict == verdict for one in rows)


def _first_figure(panel: PanelChange, rows: dict[str, RowChange]) -> str:
    coverage = rows["coverage"]
    if not all(one.value > 0 for one in coverage.levels):
        none = [
            f"{name} decided in no sample{unanswered(run.rows)}"
            for name, run, one in zip(SIDES, panel.match.runs, coverage.levels, strict=True)
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


def verdict(one: RowChange) -> str:
    """Return the verdict on a row; "?" marks a change that is not clear after adjustment."""
    if one.why:
        return "not measured"
    if one.open:
        return "open"
    return one.verdict if one.clear or not one.moved else f"{one.verdict}?"


def _filled(text: str, before: str = "", after: str = "") -> list[str]:
    return textwrap.wrap(
        visible(text), WIDTH, initial_indent=before, subsequent_indent=after,
        break_on_hyphens=False,
    )  # fmt: skip


def _panel_text(panel: PanelChange) -> Iterator[str]:
    yield panel.match.old.panel.words
    for name, run in zip(SIDES, panel.match.runs, strict=True):
        yield from _filled(f"{name} {run.name}, {run.file.location}", after="    ")
    yield from _filled(_dilemmas(panel))
    yield ""
    heads = ("", "OLD", "NEW", "people", "change", "95 % interval", "adj. p", "")
    rows = [
        (*_cells(one), p_value(one.adjusted), "" if one.why else verdict(one)) for one in panel.rows
    ]
    yield from text_table(heads, rows, "lrrrrcrl", gap=1)
    for one in panel.rows:
        if one.why:
            yield from _filled(f"{one.label} is not measured: {one.why}.", after="  ")
    more = [
        (one.label, _ends(one.bounds), _detectable(one))
        for one in panel.rows
        if one.bounds is not None or one.detectable is not None
    ]
    if more:
        yield from ("", *text_table(("", "bounds", "detectable"), more, "lrr"))
    yield ""
    for note in [headline(panel), *panel.notes]:
        yield from _filled(note)
    yield ""
    for line in _legend(panel):
        yield from _filled(line, after="  ")


def _cells(one: RowChange) -> tuple[str, ...]:
    """Return the label, both values, the human value, the change and its interval."""
    first, second = (level.value for level in one.levels) if one.why else one.found[1:3]
    change = one.found.change
    return (
        one.label,
        *(short(value) for value in (first, second, one.aim)),
        short(change.value, sign=True),
        interval(change.low, change.high, short),
    )


def _ends(bounds: tuple[float, float] | None) -> str:
    return NOTHING if bounds is None else interval(*bounds, short)


def _detectable(one: RowChange) -> str:
    if one.detectable is None:
        return "not tabled"
    low, high = (short(end) for end in one.detectable)
    return low if low == high else f"{low} to {high}"


def _dilemmas(panel: PanelChange) -> str:
    text = f"{len(panel.shared)} dilemmas in both"
    if not any(panel.alone):
        return f"{text}, none left out."
    for name, only in zip(SIDES, panel.alone, strict=True):
        text += f"; {len(only)} in {name} alone, left out"
        if 0 < len(only) <= _FEW_IDS:
            text += f" ({', '.join(only)})"
    return f"{text}."


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
    if any(one.detectable is not None for one in panel.rows):
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
    """Return the factor by which `rows` tests enlarge the detectable change (Holm's first step)."""
    from scipy.special import ndtri

    return float((-ndtri(0.025 / rows) + POWER) / (ALARM + POWER)) if rows else 1.0


def _panel_markdown(panel: PanelChange) -> Iterator[str]:
    yield f"### {in_markdown(panel.match.old.panel.words)}"
    yield "\n".join(
        f"- {name}: {in_markdown(run.name)}, {in_markdown(run.file.location)}"
        for name, run in zip(SIDES, panel.match.runs, strict=True)
    )
    yield in_markdown(_dilemmas(panel))
    yield in_markdown(headline(panel))
    heads = ("", "OLD", "NEW", "people", "change [95 %]", "adjusted p", "detectable", "bounds", "")
    rows = []
    for one in panel.rows:
        label, *values, change, _ = _cells(one)
        ends = one.found.change
        rows.append(
            (
                in_markdown(label),
                *values,
                f"{change} [{short(ends.low)}, {short(ends.high)}]",
                p_value(one.adjusted),
                _detectable(one),
                _ends(one.bounds),
                verdict(one) + (f" ({in_markdown(one.why)})" if one.why else ""),
            )
        )
    yield markdown_table(heads, rows, "lrrrrrrrl")
    yield in_markdown(" ".join([*panel.notes, *_legend(panel)]))


def _panel_record(panel: PanelChange) -> dict[str, Any]:
    return {
        "task": panel.match.old.panel.task,
        "study": panel.match.old.panel.study,
        "old": _run_record(panel.match.old),
        "new": _run_record(panel.match.new),
        "despite": {part: list(values) for part, values in panel.match.despite.items()},
        "shared": list(panel.shared),
        "old_only": list(panel.alone[0]),
        "new_only": list(panel.alone[1]),
        "headline": headline(panel),
        "notes": list(panel.notes),
        "rows": [_row_record(one) for one in panel.rows],
    }


def _run_record(run: ModelRun) -> dict[str, Any]:
    return {
        "model": run.name,
        "log": run.file.location,
        "state": run.file.state,
        "eval_id": run.id,
        "key": dict(run.key),
    }


def _row_record(one: RowChange) -> dict[str, Any]:
    change = one.found.change
    record = {
        "row": one.row,
        "label": one.label,
        "old": one.found.first,
        "new": one.found.second,
        "old_level": one.levels[0].value,
        "new_level": one.levels[1].value,
        "people": one.aim,
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "n": change.n,
        "p": one.found.p_value,
        "p_adjusted": one.adjusted,
        "bounds": one.bounds,
        "detectable": one.detectable,
        "verdict": one.verdict,
        "clear": one.clear,
        "open": one.open,
        "why": one.why,
    }
    # JSON has no NaN.
    return {name: None if value != value else value for name, value in record.items()}
