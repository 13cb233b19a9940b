"""A comparison in words: the terminal's table, the report, CSV and JSON, the learning curve."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from kidney_evals.charts import Line, line_chart
from kidney_evals.finetuning.battery import Battery, Part, condition_of, study_of
from kidney_evals.finetuning.comparison import Compared
from kidney_evals.finetuning.evaluate import Comparison
from kidney_evals.limits import limits_and_use
from kidney_evals.measures import compute
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import short
from kidney_evals.scorers.samples import run_of_log

CURVES: Final[Mapping[str, tuple[Part, str, str]]] = {
    "curve-agreement": ("coin_flip", "agreement", "agreement over ceiling"),
    "curve-indecision": ("coin_flip", "flip_rate", "indecision rate"),
    "curve-distance": ("coin_flip", "distance", "choice distance"),
    "curve-swap": ("coin_flip", "swap_diff", "swap disagreement"),
}
"""The pictures of a learning curve: file, part, row, label."""

_HEADS = {
    "coin_flip": "Coin offered",
    "forced_choice": "Forced choice",
    "repeated": "Repeated pairs of another study, forced choice",
    "other_study": "Another study, forced choice",
    "wordings": "Wordings that were not trained on, coin offered",
    "readout": "Probabilities read out, coin offered",
}


def as_lines(comparison: Comparison) -> list[str]:
    """Return the comparison for a terminal of 80 columns."""
    lines = []
    for arm, parts in _by_arm(comparison):
        lines += ["", f"before -> {arm}", *textwrap.wrap(headline(comparison, arm), 80), ""]
        lines.append(f"{'':26}{'before':>7}{'after':>7}{'change':>8}  {'95 %':15}{'people':>6}")
        for head, rows in parts:
            lines.append(head)
            for one in rows:
                change = one.found.change
                ends = f"[{short(change.low)}, {short(change.high)}]"
                figures = (
                    f"  {one.effect.label:24.24}{short(one.found.first):>7}"
                    f"{short(one.found.second):>7}{short(change.value, sign=True):>8}"
                    f"  {ends:15}{short(one.aim):>6}"
                )
                if one.effect.is_side_effect:
                    margin = f"    {one.verdict} (margin {one.effect.margin:g})"
                    lines += [figures.rstrip(), margin]
                else:
                    lines.append(f"{figures} {_shown(one)}".rstrip())
    lines += [f"not measured: {arm}, {part} ({why})"[:80] for arm, part, why in comparison.missing]
    return lines


def headline(comparison: Comparison, arm: str) -> str:
    """Say in plain words what became of an arm, its control and chance beside it."""
    rows = [one for one in comparison.compared if one.arm == arm and not one.effect.is_side_effect]
    measured = [one for one in rows if one.verdict != "not measured"]
    nearer = sum(one.verdict == "nearer" for one in measured)
    farther = sum(one.verdict == "farther" for one in measured)
    flips = next((one for one in measured if one.effect.row == "flip_rate"), None)
    told = (
        f"Of {len(measured)} figures {nearer} moved clearly nearer to what people's answers get "
        f"and {farther} farther."
    )
    if flips is not None:
        told += (
            f" It left {flips.found.second:.0%} of the answers to the coin, before "
            f"{flips.found.first:.0%}, people {flips.aim:.0%} on these dilemmas."
        )
    card = comparison.cards.get(arm)
    if card is not None and card["shuffled"]:
        told += (
            " A control: its training answers were shuffled, so only their rates could be learnt."
        )
    return told


def as_markdown(comparison: Comparison) -> str:
    """Return the report of a comparison, Markdown."""
    text = files("kidney_evals.finetuning").joinpath("comparison.md").read_text(encoding="utf-8")
    battery = comparison.battery
    sizes = [arm for arm in comparison.arms if arm.samples is not None]
    return text.format(
        arms="\n".join(f"- **{arm.name}**: `{arm.model}`" for arm in comparison.arms),
        trained="\n".join(f"- {line}" for line in _trained(comparison)),
        asked="\n".join(f"- {line}" for line in _asked(battery)),
        tables="\n\n".join(_tables(comparison)),
        count=len([one for one in comparison.compared if one.arm == comparison.arms[1].name]),
        curve=_curve_text(comparison) if len(sizes) > 2 else "",
        missing="".join(
            f"\nNot measured: {arm}, {part} ({why}).\n" for arm, part, why in comparison.missing
        ),
        limits=limits_and_use(),
    )


def side_effects(comparison: Comparison, arm: str) -> str:
    """Return what an adapter's card says of its side effects, Markdown."""
    rows = [one for one in comparison.compared if one.arm == arm and one.effect.is_side_effect]
    first, other = comparison.arms[0].model, comparison.battery
    told = (
        f"Against `{first}`, with `kidney-evals sft evaluate`, task epochs {other.epochs}, "
        f'{other.dilemmas or "all default"} dilemmas. "Unchanged": the 95 % interval of the '
        "change stays within the margin."
    )
    return "\n\n".join([told, _table(rows, margins=True), *_sayings(rows)])


def as_csv(comparison: Comparison) -> str:
    """Return every figure of a comparison, one row each."""
    return _csv(list(_records(comparison)))


def as_json(comparison: Comparison) -> str:
    """Return a comparison with what it compares, for programs."""
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
    """Return the learning curve by file name; empty with fewer than three sizes."""
    arms = sorted(
        (arm for arm in comparison.arms if arm.samples is not None),
        key=lambda arm: arm.samples or 0,
    )
    if len(arms) < 3:
        return {}
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(effect.effect.row for effect in comparison.compared):
        for part in ("coin_flip", "forced_choice"):
            rows += _points(comparison, arms, part, name)
    found = {"curve.csv": _csv(rows)}
    for name, (part, row, label) in CURVES.items():
        points = [one for one in rows if (one["part"], one["row"]) == (part, row)]
        if not points:
            continue
        sizes = [one["samples"] for one in points]
        lines = [
            Line(
                "model",
                sizes,
                [one["value"] for one in points],
                [one["low"] for one in points],
                [one["high"] for one in points],
            )
        ]
        people = points[0]["people"]
        if math.isfinite(people):
            lines.append(Line("people", sizes, [people] * len(sizes), people=True))
        found[f"{name}.svg"] = line_chart(
            f"{label.capitalize()} by training samples", "training samples", label, lines,
            doubling=True,
        )  # fmt: skip
    return found


def _points(
    comparison: Comparison, arms: Sequence[Any], part: Any, row: str
) -> Iterator[dict[str, Any]]:
    aims = {(one.effect.part, one.effect.row): one.aim for one in comparison.compared}
    if (part, row) not in aims:
        return
    for arm in arms:
        log = comparison.logs.get((arm.name, part))
        run = run_of_log(log) if log is not None else None
        if run is None:
            continue
        found = compute(run, row)
        yield {
            "samples": arm.samples,
            "part": part,
            "row": row,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "people": aims[part, row],
            "n": found.n,
        }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    return csv_text([rows[0], *(map(_exact, row.values()) for row in rows)])


def _by_arm(
    comparison: Comparison,
) -> Iterator[tuple[str, list[tuple[str, list[Compared]]]]]:
    for arm in comparison.arms[1:]:
        parts: dict[str, list[Compared]] = {}
        for one in comparison.compared:
            if one.arm == arm.name:
                head = _HEADS[one.effect.part]
                if one.effect.is_side_effect:
                    head = f"Side effect: {head[0].lower()}{head[1:]}"
                parts.setdefault(head, []).append(one)
        yield arm.name, list(parts.items())


def _tables(comparison: Comparison) -> Iterator[str]:
    for arm, parts in _by_arm(comparison):
        yield f"### before → {arm}"
        yield headline(comparison, arm)
        for head, rows in parts:
            yield f"**{head}**"
            yield _table(rows, margins=rows[0].effect.is_side_effect)
            yield from _sayings(rows)


def _sayings(rows: Sequence[Compared]) -> list[str]:
    said = [
        f"*{one.effect.label}, {_HEADS[one.effect.part].lower()}*: {one.effect.says}"
        for one in rows
        if one.effect.says
    ]
    return ["  \n".join(said)] if said else []


def _table(rows: Sequence[Compared], *, margins: bool) -> str:
    heads = ["", "before", "after", "change [95 %]", "people", "dilemmas"]
    heads += ["margin"] if margins else []
    lines = [
        "| " + " | ".join([*heads, ""]) + " |",
        "| --- |" + " --: |" * (len(heads) - 1) + " --- |",
    ]
    for one in rows:
        change = one.found.change
        where = f" ({one.effect.part})" if margins else ""
        cells = [
            f"{one.effect.label}{where}",
            short(one.found.first),
            short(one.found.second),
            f"{short(change.value, sign=True)} [{short(change.low)}, {short(change.high)}]",
            short(one.aim),
            str(change.n),
        ]
        if margins:
            cells.append(f"±{one.effect.margin:g}")
        lines.append("| " + " | ".join([*cells, one.verdict]) + " |")
    return "\n".join(lines)


def _trained(comparison: Comparison) -> Iterator[str]:
    from kidney_evals.finetuning.model_card import trained_values

    told: dict[str, list[str]] = {}
    for name, card in comparison.cards.items():
        text = trained_values(card)
        if card["shuffled"]:
            text += " **The answers were shuffled: a control with nothing to learn.**"
        told.setdefault(text, []).append(name)
    for text, names in told.items():
        yield f"{', '.join(names)}: {text}"
    unknown = [
        arm.name
        for arm in comparison.arms[1:]
        if not arm.is_prompted and arm.name not in comparison.cards
    ]
    if unknown:
        yield f"{', '.join(unknown)}: unknown, no card of the training samples was at hand"


def _asked(battery: Battery) -> Iterator[str]:
    for part in battery.parts:
        study = study_of(part, battery)
        extra = f"; wordings {', '.join(battery.unseen_wordings)}" if part == "wordings" else ""
        yield f"{_HEADS[part]}: `{study.id}`, {condition_of(part)}{extra}"


def _curve_text(comparison: Comparison) -> str:
    shown = [name for name in curves(comparison) if name.endswith(".svg")]
    pictures = "\n\n".join(f"![{name.removesuffix('.svg')}]({name})" for name in shown)
    return (
        "\n## Learning curve\n\nEach point is a model of its own, trained on the first so many of "
        "the same samples (0: none), with 95 % intervals over dilemmas; the spread over training "
        f"seeds is not in them. All figures: `curve.csv`.\n\n{pictures}\n"
    )


def _records(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for one in comparison.compared:
        change = one.found.change
        yield {
            "arm": one.arm,
            "part": one.effect.part,
            "row": one.effect.row,
            "before": one.before.value,
            "before_low": one.before.low,
            "before_high": one.before.high,
            "after": one.after.value,
            "after_low": one.after.low,
            "after_high": one.after.high,
            "change": change.value,
            "change_low": change.low,
            "change_high": change.high,
            "dilemmas": change.n,
            "p": one.found.p_value,
            "people": one.aim,
            "margin": one.effect.margin,
            "verdict": one.verdict,
        }


def _shown(one: Compared) -> str:
    """Return a verdict as the table shows it: nothing where nothing is clear."""
    return "" if one.verdict in ("unclear", "not measured") else one.verdict


def _exact(value: Any) -> Any:
    return "" if _is_nan(value) else round(value, 6) if isinstance(value, float) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
