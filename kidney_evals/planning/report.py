"""Format a plan as text of at most 80 columns, or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from kidney_evals.planning.plan import Plan, TaskPlan
from kidney_evals.planning.precision import CONSISTENCY, ROUGH, ZERO, Expectation, Range
from kidney_evals.planning.tokens import ASSUMPTIONS, Estimate

WIDTH = 80

_ZERO_WORDS = {"steady": "steady", "never_flips": "never flips"}


def as_json(plan: Plan) -> str:
    """Return the plan as JSON; an unknown number is null, costs without prices are "unknown"."""
    tasks = [
        {
            "task": task.task,
            **_design(task),
            "samples": task.samples,
            "controls": task.controls,
            **_amounts(task),
            **_ending(task),
            "precision": [_row(task, row) for row in task.rows],
        }
        for task in plan.tasks
    ]
    content = {
        "target": plan.target,
        "tasks": tasks,
        "total": {"samples": plan.samples, **_amounts(plan)},
        "price_usd": {
            model: "unknown" if cost is None else _span(cost, 4)
            for model, cost in plan.costs.items()
        },
        "assumptions": list(_notes(plan)),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_text(plan: Plan) -> str:
    """Return the plan as tables."""
    lines = [*_counts(plan), "", *_prices(plan), ""]
    for task in plan.tasks:
        lines += [*_precision(task), ""]
    for note in _notes(plan):
        lines += _wrapped(note)
    return "\n".join(lines)


def _counts(plan: Plan) -> list[str]:
    rows = [("task", "samples", "calls", "tokens in", "tokens out")]
    named: list[tuple[str, TaskPlan | Plan]] = [(task.task, task) for task in plan.tasks]
    if len(named) > 1:
        named.append(("total", plan))
    for name, what in named:
        fewest, most = what.calls
        tokens = (_tokens(what.input_tokens.expected), _tokens(what.output_tokens.expected))
        rows.append((name, str(what.samples), f"{fewest}–{most}", *tokens))
    lines = _table(rows)
    for words, span in (("in", plan.input_tokens), ("out", plan.output_tokens)):
        lines.append(f"range of tokens {words}: {_tokens(span.low)} to {_tokens(span.high)}")
    return lines


def _ending(task: TaskPlan) -> dict[str, Any]:
    end = task.ending
    if end is None:
        return {}
    dilemmas = {"min": end.fewest, "expected": end.expected, "max": end.most}
    return {"ends": {"row": end.row, "half_width": end.precision, "dilemmas": dilemmas}}


def _tokens(number: float) -> str:
    if number < 999_500:
        return f"{number / 1e3:.1f}k" if number < 9_950 else f"{number / 1e3:.0f}k"
    return f"{number / 1e6:.1f}M"


def _prices(plan: Plan) -> list[str]:
    lines = []
    if len(plan.costs) > 1:
        lines.append("All figures are for one model.")
    for model, cost in plan.costs.items():
        price = "unknown (give --prices)"
        if cost is not None:
            price = f"{_usd(cost.expected)} ({_usd(cost.low)} to {_usd(cost.high)}) USD"
        lines.append(f"price, {model}: {price}")
    return lines or ["price: unknown (no --model)"]


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 0.1 or amount == 0 else f"{amount:.1g}"


def _precision(task: TaskPlan) -> list[str]:
    design = task.design
    shown = "both orders" if design.both_orders == design.dilemmas else "one order each"
    if 0 < design.both_orders < design.dilemmas:
        shown = f"{design.both_orders} of them in both orders"
    times = "1 epoch" if design.epochs == 1 else f"{design.epochs} epochs"
    head = f"{task.task}: {design.dilemmas} dilemmas of {design.study}, {shown}, {times}"
    lines = _wrapped(head)
    if end := task.ending:
        lines += _wrapped(
            f"precision={end.precision:g}: the run ends after {end.fewest} to {end.most} dilemmas, "
            f"once {end.row} is known to less than ±{end.precision:g}; after {end.expected} if the "
            "model answers as people do, which the expected tokens and price are for. The widths "
            f"below are those of all {end.most}."
        )
    zero = _ZERO_WORDS[ZERO[design.condition]]
    rows = [("95 % intervals", "as people", "consistent", zero, "change found")]
    rows += [
        (
            row.row,
            _point(row.value, row.half),
            _widths(row.half_consistent, "±"),
            _zero(row),
            _change(row),
        )
        for row in task.rows
    ]
    lines += _table(rows)
    lines += [
        f"change found from {zero}: {row.row} {_widths(row.change_from_zero, '')}"
        for row in task.rows
        if not math.isnan(row.change_from_zero.low)
    ]
    if all(math.isnan(row.value) for row in task.rows):
        lines += _wrapped("No widths are tabulated for this design.")
    if design.drawn and design.dilemmas < ROUGH:
        lines += _wrapped(f"Fewer than {ROUGH} dilemmas: intervals are rough at best.")
    return lines


def _point(value: float, half: float) -> str:
    return "–" if math.isnan(value) else f"{_short(value)} ±{_short(half)}"


def _widths(span: Range, sign: str) -> str:
    if math.isnan(span.low):
        return "–"
    low, high = _short(span.low), _short(span.high)
    return f"{sign}{low}" if low == high else f"{sign}{low}–{high}"


def _change(row: Expectation) -> str:
    return ("" if row.paired or math.isnan(row.change.low) else "~") + _widths(row.change, "")


def _zero(row: Expectation) -> str:
    if math.isnan(row.zero.low):
        return "–"
    if row.zero_value == 0 and row.zero.low == 0:
        return f"0 to {_short(row.zero.high)}"
    return f"{_short(row.zero_value)} ±{_short((row.zero.high - row.zero.low) / 2)}"


def _short(number: float) -> str:
    """Format a number with three decimals and without the zero before the point."""
    text = f"{number:.3f}"
    if text == "-0.000":
        text = "0.000"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _notes(plan: Plan) -> tuple[str, ...]:
    low, high = CONSISTENCY
    words = {
        "steady": "steady: the same, and never two answers to one dilemma.",
        "never_flips": "never flips: decides as people do who decide.",
    }
    zeros = sorted({ZERO[task.design.condition] for task in plan.tasks}, reverse=True)
    notes = (
        *ASSUMPTIONS,
        "as people: draws every answer from people's shares. consistent: the same shares "
        f"overall, answers to one dilemma correlate by {low:g} to {high:g}, as models' do.",
        *(words[zero] for zero in zeros),
        "change found: between two consistent models on the same dilemmas, by a paired test at "
        "5 % with 90 % power (simulated). ~: not simulated, runs taken as "
        "independent, which asks for more.",
        "–: the study or the design does not give that row a value.",
        "Widths shrink with the root of the number of dilemmas down to people's own error; "
        "repeating epochs shrinks them far less.",
    )
    return notes


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, WIDTH)


def _design(task: TaskPlan) -> dict[str, Any]:
    design = task.design
    return {
        "study": design.study,
        "condition": design.condition,
        "dilemmas": design.dilemmas,
        "in_both_orders": design.both_orders,
        "epochs": design.epochs,
    }


def _amounts(what: Plan | TaskPlan) -> dict[str, Any]:
    fewest, most = what.calls
    return {
        "calls": {"min": fewest, "max": most},
        "input_tokens": _span(what.input_tokens, 0),
        "output_tokens": _span(what.output_tokens, 0),
    }


def _span(estimate: Estimate, digits: int) -> dict[str, float]:
    values = (round(number, digits) if digits else round(number) for number in estimate)
    return dict(zip(("min", "expected", "max"), values, strict=True))


def _row(task: TaskPlan, row: Expectation) -> dict[str, Any]:
    zero = ZERO[task.design.condition]
    return {
        "row": row.row,
        "as_people": {"value": _known(row.value), "half_width": _known(row.half)},
        "consistent": {
            "half_width_min": _known(row.half_consistent.low),
            "half_width_max": _known(row.half_consistent.high),
        },
        zero: {
            "value": _known(row.zero_value),
            "low": _known(row.zero.low),
            "high": _known(row.zero.high),
        },
        "detectable_change": {
            "min": _known(row.change.low),
            "max": _known(row.change.high),
            "paired": row.paired,
        },
        "detectable_change_from_zero": {
            "min": _known(row.change_from_zero.low),
            "max": _known(row.change_from_zero.high),
        },
    }


def _known(number: float) -> float | None:
    return None if math.isnan(number) else round(number, 4)
