"""Format a plan as text of at most 80 columns."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial

from kidney_evals.estimation.intervals import Interval
from kidney_evals.measures import FEW
from kidney_evals.planning.plan import Plan, TaskPlan
from kidney_evals.planning.precision import CONSISTENCY, ZERO, Expectation, probe_widths
from kidney_evals.planning.tokens import ASSUMPTIONS

_ZERO_NOTES = {
    "steady": "steady: the same, and never two answers to one dilemma.",
    "never_flips": "never flips: decides as people do who decide.",
}

_wrapped = partial(textwrap.wrap, width=80)


def as_text(plan: Plan) -> str:
    """Return the plan as tables."""
    lines = [*_counts(plan), "", *_prices(plan), ""]
    for task in plan.tasks:
        lines += [*_precision(task), ""]
    for note in _notes(plan):
        lines += _wrapped(note)
    return "\n".join(lines)


def _counts(plan: Plan) -> list[str]:
    total = plan.total
    rows = [("task", "samples", "calls", "tokens in", "tokens out")]
    named = [(task.task, task.amounts) for task in plan.tasks]
    if len(named) > 1:
        named.append(("total", total))
    for name, (samples, calls, used, made) in named:
        tokens = _tokens(used.expected), _tokens(made.expected)
        rows.append((name, str(samples), "–".join(map(str, calls)), *tokens))
    ranges = (
        f"range of tokens {words}: {_tokens(span.low)} to {_tokens(span.high)}"
        for words, span in (("in", total.input_tokens), ("out", total.output_tokens))
    )
    return [*_table(rows), *ranges]


def _tokens(number: float) -> str:
    if number < 999_500:
        return f"{number / 1e3:.1f}k" if number < 9_950 else f"{number / 1e3:.0f}k"
    return f"{number / 1e6:.1f}M"


def _prices(plan: Plan) -> list[str]:
    lines = ["All figures are for one model."] if len(plan.costs) > 1 else []
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
    lines = _wrapped(f"{task.task}: {design.dilemmas} dilemmas of {design.study}, {shown}, {times}")
    if not task.people:
        lines.append("No people were asked. No widths are tabulated for this study.")
    if task.ending:
        precision, row_id, (fewest, expected, most) = task.ending
        as_people = (
            f"; after {expected} if the model answers as people do, which the expected tokens and "
            f"price are for. The widths below are those of all {most}"
        )
        lines += _wrapped(
            f"precision={precision:g}: the run ends after {fewest} to {most} dilemmas, once "
            f"{row_id} is known to less than ±{precision:g}{as_people if task.people else ''}."
        )
    if not task.people:
        return lines
    if task.probe:
        return [*lines, *_wrapped(_probe(task))]
    zero = ZERO[design.condition].replace("_", " ")
    rows = [("95 % intervals", "as people", "consistent", zero, "change found")]
    for row in task.rows:
        as_people = "–" if math.isnan(row.value) else f"{_short(row.value)} ±{_short(row.half)}"
        change = _widths(row.change, "" if row.paired else "~")
        rows.append((row.row, as_people, _widths(row.half_consistent, "±"), _zero(row), change))
    lines += _table(rows)
    lines += [
        f"change found from {zero}: {row.row} {_widths(row.change_from_zero)}"
        for row in task.rows
        if not math.isnan(row.change_from_zero.low)
    ]
    if all(math.isnan(row.value) for row in task.rows):
        lines.append("No widths are tabulated for this design.")
    if design.drawn and design.dilemmas < FEW:
        lines.append(f"Fewer than {FEW} dilemmas: intervals are rough at best.")
    return lines


def _probe(task: TaskPlan) -> str:
    """Return the expected half widths of a probe's effect, from those simulated, as a sentence."""
    widths = probe_widths(task.design.condition, task.levels, task.design.dilemmas)
    if not task.design.drawn or not widths:
        return f"probe {task.probe}: no widths are tabulated for this design."
    says = f"probe {task.probe}: its effect, 0 for equal treatment, has a 95 % interval of about "
    words = {"crowd": "answers as random as people's", "rule": "a rule without chance"}
    return says + " and ".join(
        f"±{_short(half)} for {words[name]}" for name, half in widths.items()
    )


def _widths(span: Interval, sign: str = "") -> str:
    if math.isnan(span.low):
        return "–"
    low, high = _short(span.low), _short(span.high)
    return f"{sign}{low}" if low == high else f"{sign}{low}–{high}"


def _zero(row: Expectation) -> str:
    if math.isnan(row.zero.low):
        return "–"
    if row.zero_value == 0 and row.zero.low == 0:
        return f"0 to {_short(row.zero.high)}"
    return f"{_short(row.zero_value)} ±{_short((row.zero.high - row.zero.low) / 2)}"


def _short(number: float) -> str:
    """Format a number with three decimals and without the zero before the point."""
    text = f"{number:z.3f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _notes(plan: Plan) -> tuple[str, ...]:
    if not any(task.people for task in plan.tasks):
        return ASSUMPTIONS
    low, high = CONSISTENCY
    zeros = sorted({ZERO[task.design.condition] for task in plan.tasks}, reverse=True)
    return (
        *ASSUMPTIONS,
        "as people: draws every answer from people's shares. consistent: the same shares "
        f"overall, answers to one dilemma correlate by {low:g} to {high:g}, as models' do.",
        *(_ZERO_NOTES[zero] for zero in zeros),
        "change found: between two consistent models on the same dilemmas, by a paired test at "
        "5 % with 90 % power (simulated). ~: not simulated, runs taken as "
        "independent, which asks for more.",
        "–: the study or the design does not give that row a value.",
        "Widths shrink with the root of the number of dilemmas down to people's own error; "
        "repeating epochs shrinks them far less.",
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines
