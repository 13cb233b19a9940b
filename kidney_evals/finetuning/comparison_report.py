"""A comparison as text and files: terminal table, report, CSV, JSON, learning curve, cards."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kidney_evals.charts import Line, line_chart
from kidney_evals.finetuning.base import is_adapter
from kidney_evals.finetuning.battery import Part, condition_of, study_of
from kidney_evals.finetuning.comparison import Compared
from kidney_evals.finetuning.evaluate import Comparison
from kidney_evals.finetuning.texts import filled
from kidney_evals.finetuning.training_report import trained_values, write_side_effects
from kidney_evals.limits import limits_and_use
from kidney_evals.measures import compute
from kidney_evals.output_files import MARKDOWN_MARK, write_outputs
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import short
from kidney_evals.scorers.samples import run_of_log

REPORT: Final = "README.md"

CURVES: Final = {
    "curve-agreement": "agreement",
    "curve-indecision": "flip_rate",
    "curve-distance": "distance",
    "curve-swap": "swap_diff",
}
"""Charts of a learning curve, each with the `coin_flip` row that it shows."""

_HEADS: Final[Mapping[Part, str]] = {
    "coin_flip": "Coin offered",
    "forced_choice": "Forced choice",
    "repeated": "Repeated pairs of another study, forced choice",
    "other_study": "Another study, forced choice",
    "wordings": "Wordings that were not trained on, coin offered",
    "readout": "Probabilities read out, coin offered",
}


def write_results(comparison: Comparison, out: Path) -> list[str]:
    """Write a comparison into a folder, and its side effects into the cards of local adapters.

    Files of an earlier call are replaced.

    Returns:
        Lines for a terminal: the table and the names of the files.

    Raises:
        UserError: A file cannot be written.
    """
    contents = {
        REPORT: f"{MARKDOWN_MARK}{as_markdown(comparison)}",
        "comparison.csv": _csv(list(_records(comparison))),
        "comparison.json": as_json(comparison),
        **curves(comparison),
    }
    write_outputs(
        {str(out / name): content.encode() for name, content in contents.items()}, overwrite=None
    )
    lines = as_lines(comparison)
    lines += ["", f"Report: {out / REPORT}", "Beside it: comparison.csv, comparison.json, logs/"]
    if comparison.battery.side_effects:
        for arm in comparison.arms[1:]:
            folder = Path(arm.model)
            if not arm.is_prompted and folder.is_dir() and is_adapter(folder):
                write_side_effects(folder, side_effects(comparison, arm.name))
                lines.append(f"Side effects written into the card of {arm.name}")
    return lines


def as_lines(comparison: Comparison) -> list[str]:
    """Return the comparison for a terminal of 80 columns."""
    lines = []
    for arm in comparison.arms[1:]:
        head = headline(comparison, arm.name)
        lines += ["", f"before -> {arm.name}", *textwrap.wrap(head, 80), ""]
        lines.append(f"{'':26}{'before':>7}{'after':>7}{'change':>8}  {'95 %':15}{'people':>6}")
        for title, rows in _parts(comparison, arm.name).items():
            lines.append(title)
            for one in rows:
                found, verdict = one.row.found, one.row.verdict
                ends = f"[{short(found.change.low)}, {short(found.change.high)}]"
                figures = (
                    f"  {one.effect.label:24.24}{short(found.first):>7}"
                    f"{short(found.second):>7}{short(found.change.value, sign=True):>8}"
                    f"  {ends:15}{short(one.row.aim):>6}"
                )
                if one.effect.is_side_effect:
                    margin = f"    {verdict} (margin {one.effect.margin:g})"
                    lines += [figures.rstrip(), margin]
                else:
                    clear = "" if verdict in ("unclear", "not measured") else verdict
                    lines.append(f"{figures} {clear}".rstrip())
    lines += [f"not measured: {arm}, {part} ({why})"[:80] for arm, part, why in comparison.missing]
    return lines


def headline(comparison: Comparison, arm: str) -> str:
    """Return the result of an arm in plain words."""
    rows = [one for one in comparison.compared if one.arm == arm and not one.effect.is_side_effect]
    measured = [one for one in rows if one.row.verdict != "not measured"]
    nearer = sum(one.row.verdict == "nearer" for one in measured)
    farther = sum(one.row.verdict == "farther" for one in measured)
    flips = next((one.row for one in measured if one.effect.row == "flip_rate"), None)
    text = (
        f"Of {len(measured)} figures {nearer} moved clearly nearer to what people's answers get "
        f"and {farther} farther."
    )
    if flips is not None:
        text += (
            f" It left {flips.found.second:.0%} of the answers to the coin, before "
            f"{flips.found.first:.0%}, people {flips.aim:.0%} on these dilemmas."
        )
    card = comparison.cards.get(arm)
    if card is not None and card["shuffled"]:
        text += (
            " A control: its training answers were shuffled, so only their rates could be learnt."
        )
    return text


def as_markdown(comparison: Comparison) -> str:
    """Return the report of a comparison as Markdown, from the template `comparison.md`."""
    arms, cards, battery = comparison.arms, comparison.cards, comparison.battery
    trained: dict[str, list[str]] = {}
    for name, card in cards.items():
        text = trained_values(card)
        if card["shuffled"]:
            text += " **The answers were shuffled: a control with nothing to learn.**"
        trained.setdefault(text, []).append(name)
    unknown = [one.name for one in arms[1:] if not one.is_prompted and one.name not in cards]
    return filled(
        "comparison.md",
        arms=arms,
        trained=trained,
        unknown=unknown,
        asked=[
            (_HEADS[part], study_of(part, battery).id, condition_of(part), part)
            for part in battery.parts
        ],
        unseen=battery.unseen_wordings,
        missing=comparison.missing,
        count=len([one for one in comparison.compared if one.arm == arms[1].name]),
        tables=[
            (arm.name, headline(comparison, arm.name), _parts(comparison, arm.name))
            for arm in arms[1:]
        ],
        table=_table,
        curves=[name for name in curves(comparison) if name.endswith(".svg")],
        has_curve=len([arm for arm in arms if arm.samples is not None]) > 2,
        limits=limits_and_use(),
    )


def side_effects(comparison: Comparison, arm: str) -> str:
    """Return the section on side effects of an adapter's card, as Markdown."""
    rows = [one for one in comparison.compared if one.arm == arm and one.effect.is_side_effect]
    first, battery = comparison.arms[0].model, comparison.battery
    return (
        f"Against `{first}`, with `kidney-evals sft evaluate`, task epochs {battery.epochs}, "
        f'{battery.dilemmas or "all default"} dilemmas. "Unchanged": the 95 % interval of the '
        f"change stays within the margin.\n\n{_table(rows, True)}"
    )


def as_json(comparison: Comparison) -> str:
    """Return a comparison with all its inputs as machine-readable data."""
    from kidney_evals import __version__

    content = {
        "kidney_evals": __version__,
        "arms": [vars(arm) for arm in comparison.arms],
        "battery": vars(comparison.battery),
        "trained_on": dict(comparison.cards),
        "figures": [
            {key: None if _is_nan(value) else value for key, value in row.items()}
            for row in _records(comparison)
        ],
        "missing": [
            {"arm": arm, "part": part, "why": why} for arm, part, why in comparison.missing
        ],
        "logs": {f"{arm}, {part}": log.location for (arm, part), log in comparison.logs.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def curves(comparison: Comparison) -> dict[str, str]:
    """Return the files of the learning curve by name; empty for fewer than three sizes."""
    arms = sorted((arm.samples, arm.name) for arm in comparison.arms if arm.samples is not None)
    if len(arms) < 3:
        return {}
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(effect.effect.row for effect in comparison.compared):
        for part in ("coin_flip", "forced_choice"):
            rows += _points(comparison, arms, part, name)
    found = {"curve.csv": _csv(rows)}
    labels = {one.effect.row: one.effect.label for one in comparison.compared}
    for name, row in CURVES.items():
        points = [one for one in rows if (one["part"], one["row"]) == ("coin_flip", row)]
        if not points:
            continue
        sizes = [one["samples"] for one in points]
        value, low, high = ([one[key] for one in points] for key in ("value", "low", "high"))
        lines = [Line("model", sizes, value, low, high)]
        people = points[0]["people"]
        if math.isfinite(people):
            lines.append(Line("people", sizes, [people] * len(sizes), people=True))
        label = labels[row]
        title = f"{label.capitalize()} by training samples"
        found[f"{name}.svg"] = line_chart(title, "training samples", label, lines, doubling=True)
    return found


def _points(
    comparison: Comparison, arms: Sequence[tuple[int, str]], part: Any, row: str
) -> Iterator[dict[str, Any]]:
    aims = {(one.effect.part, one.effect.row): one.row.aim for one in comparison.compared}
    if (part, row) not in aims:
        return
    for samples, arm in arms:
        log = comparison.logs.get((arm, part))
        run = run_of_log(log) if log is not None else None
        if run is None:
            continue
        found = compute(run, row)
        yield {
            "samples": samples,
            "part": part,
            "row": row,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "people": aims[part, row],
            "n": found.n,
        }


def _parts(comparison: Comparison, arm: str) -> dict[str, list[Compared]]:
    """Return the measures of an arm, grouped by the title of their part."""
    parts: dict[str, list[Compared]] = {}
    for one in comparison.compared:
        if one.arm == arm:
            head = _HEADS[one.effect.part]
            if one.effect.is_side_effect:
                head = f"Side effect: {head[0].lower()}{head[1:]}"
            parts.setdefault(head, []).append(one)
    return parts


def _table(rows: Sequence[Compared], margins: bool) -> str:
    """Return a Markdown table of measures with notes below the table."""
    return filled(
        "comparison_table.md", rows=rows, margins=margins, short=short, heads=_HEADS
    ).strip()


def _records(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for one in comparison.compared:
        found = one.row.found
        record: dict[str, Any] = {"arm": one.arm, "part": one.effect.part, "row": one.effect.row}
        for side, value in zip(("before", "after"), one.row.levels, strict=True):
            record |= {side: value.value, f"{side}_low": value.low, f"{side}_high": value.high}
        yield record | {
            "change": found.change.value,
            "change_low": found.change.low,
            "change_high": found.change.high,
            "dilemmas": found.change.n,
            "p": found.p_value,
            "people": one.row.aim,
            "margin": one.effect.margin,
            "verdict": one.row.verdict,
        }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    return csv_text([rows[0], *(map(_rounded, row.values()) for row in rows)])


def _rounded(value: Any) -> Any:
    return "" if _is_nan(value) else round(value, 6) if isinstance(value, float) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
