"""A comparison as text and files: terminal table, report, CSV, learning curve, adapters' cards."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kidney_evals.card.numbers import short
from kidney_evals.charts import Line, line_chart
from kidney_evals.finetuning.base import is_adapter
from kidney_evals.finetuning.evaluate import PARTS, Compared, Comparison
from kidney_evals.finetuning.texts import filled
from kidney_evals.finetuning.training_report import trained_values, write_side_effects
from kidney_evals.limits import limits_and_use
from kidney_evals.output_files import MARKDOWN_MARK, write_outputs
from kidney_evals.reporting.page.parts import Cell, Table
from kidney_evals.studies import load_study

_REPORT: Final = "README.md"
_CURVE: Final = "curve-agreement.svg"


def write_results(comparison: Comparison, out: Path) -> list[str]:
    """Write a comparison into the folder `out`; return the lines for the terminal.

    Files of an earlier call are replaced. Side effects, if they were measured, are also written
    into the card of each local adapter.

    Raises:
        UserError: A file cannot be written, or a card has no place for side effects.
    """
    curve = _curve(comparison)
    shared = {"comparison": comparison, "headline": _headline, "measures": _by_part}
    report = filled(
        "comparison.md",
        **shared,
        parts=PARTS,
        trained_values=trained_values,
        table=_table,
        curve=_CURVE if curve else "",
        limits=limits_and_use(load_study(comparison.battery.study).words.good),
    )
    records = list(map(_record, comparison.compared))
    table = Table(tuple(records[0] if records else ()), [[*one.values()] for one in records])
    contents = {_REPORT: MARKDOWN_MARK + report, "comparison.csv": table.csv()}
    contents |= {_CURVE: curve} if curve else {}
    write_outputs(
        {str(out / name): content.encode() for name, content in contents.items()}, overwrite=None
    )
    lines = filled("comparison_terminal.md", **shared, short=short).rstrip("\n").split("\n")
    lines += ["", f"Report: {out / _REPORT}", "Beside it: comparison.csv, logs/"]
    if comparison.battery.plan.side_effects:
        for arm in comparison.arms[1:]:
            if not arm.is_prompted and arm.folder and is_adapter(arm.folder):
                write_side_effects(arm.folder, side_effects(comparison, arm.name))
                lines.append(f"Side effects written into the card of {arm.name}")
    return lines


def side_effects(comparison: Comparison, arm: str) -> str:
    """Return the text on side effects for an adapter's card, as Markdown.

    Args:
        comparison: The comparison, with side effects.
        arm: Name of the arm with the adapter.
    """
    rows = [one for one in comparison.compared if one.arm == arm and one.effect.is_side_effect]
    first, plan = comparison.arms[0].model, comparison.battery.plan
    how = f"task epochs {plan.epochs}"
    if plan.readout == "prefill":
        how = "probabilities after a begun answer line (not sampled answers)"
    return (
        f"Against `{first}`, with `kidney-evals sft evaluate`, {how}, "
        f'{plan.dilemmas or "all default"} dilemmas. "Unchanged": the 95 % interval of the '
        f"change stays within the margin.\n\n{_table(rows, True)}"
    )


def _headline(comparison: Comparison, arm: str) -> str:
    rows = {
        one.effect[:2]: one.row
        for one in comparison.compared
        if one.arm == arm and not one.effect.is_side_effect and one.row.verdict != "not measured"
    }
    text = filled(
        "comparison_headline.md",
        verdicts=[row.verdict for row in rows.values()],
        flips=rows.get(("coin_flip", "flip_rate")),
        shuffled=comparison.cards.get(arm, {}).get("shuffled"),
    )
    return " ".join(text.splitlines())


def _curve(comparison: Comparison) -> str:
    """Return a chart of agreement by number of training samples; "" for fewer than three sizes."""
    sizes = {arm.name: arm.samples for arm in comparison.arms if arm.samples is not None}
    rows = sorted(
        (sizes[arm], row)
        for effect, arm, row in comparison.compared
        if (effect.part, effect.row) == ("coin_flip", "agreement") and arm in sizes
    )
    if len(rows) < 2:
        return ""
    x = [0, *(size for size, _ in rows)]
    levels = [rows[-1][1].levels[0], *(row.levels[1] for _, row in rows)]
    value, low, high = zip(*(level[:3] for level in levels), strict=True)
    lines = [Line("model", x, value, low, high)]
    if math.isfinite(people := rows[-1][1].aim):
        lines.append(Line("people", x, [people] * len(x), people=True))
    title = "Agreement over ceiling by training samples"
    return line_chart(title, "training samples", "agreement over ceiling", lines, doubling=True)


def _by_part(comparison: Comparison, arm: str) -> dict[str, list[Compared]]:
    """Return the measures of an arm, grouped by the title of their part."""
    parts: dict[str, list[Compared]] = {}
    for one in comparison.compared:
        if one.arm == arm:
            title = PARTS[one.effect.part].heading
            if one.effect.is_side_effect:
                title = f"Side effect: {title[0].lower()}{title[1:]}"
            parts.setdefault(title, []).append(one)
    return parts


def _table(rows: Sequence[Compared], margins: bool) -> str:
    """Return a Markdown table of measures with notes below the table."""
    names = {"rows": rows, "margins": margins, "short": short, "parts": PARTS}
    return filled("comparison_table.md", **names).strip()


def _record(one: Compared) -> dict[str, Cell]:
    """Return a line of `comparison.csv`."""
    found = one.row.found
    record: dict[str, Cell] = {"arm": one.arm, "part": one.effect.part, "row": one.effect.row}
    for side, value in zip(("before", "after"), one.row.levels, strict=True):
        record |= {side: value.value, f"{side}_low": value.low, f"{side}_high": value.high}
    return record | {
        "change": found.change.value,
        "change_low": found.change.low,
        "change_high": found.change.high,
        "dilemmas": found.change.n,
        "p": found.p_value,
        "people": one.row.aim,
        "margin": one.effect.margin,
        "verdict": one.row.verdict,
    }
