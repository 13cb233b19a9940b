"""Rules for pipelines: a rule strikes if a comparison of two versions meets its condition.

The help of `kidney-evals compare` lists the rules. A row is a measure, a panel is a task with its
study, and OLD and NEW are the versions. A rule is tested in every panel that has the row. It is
*undecided* if it strikes in no panel and could not be tested in some panel: the row was not
measured there (for `changed` and `farther`: a row has a value in one version only), or the panel is
in OLD only. It is undecided, too, if no run has the row. Rules on the level of NEW (`new.ROW<X`)
look at the panels of NEW alone. Rules use the given answers only: a remark on unanswered samples
may follow a rule that struck, but never changes its outcome.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kidney_evals.errors import UserError
from kidney_evals.measures import MEASURES, find
from kidney_evals.reporting.comparing.changes import PanelChange, RowChange, is_compared
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.text import p_value

Outcome = Literal["passed", "struck", "undecided"]

STATUS: Final[dict[Outcome, int]] = {"struck": 1, "undecided": 3, "passed": 0}
"""Exit status by outcome, in order of precedence. Status 2 is reserved for bad input."""

_FORM: Final = re.compile(r"(?P<new>new\.)?(?P<row>[a-z][a-z0-9_]*)(?P<way>:farther|[<>].*)?")


@dataclass(frozen=True)
class Rule:
    """A parsed rule.

    Attributes:
        row: Id of the measure; "" for any measure.
        level: Whether the rule is on the value in NEW, not on the change.
        way: "<" or ">" for a comparison with `limit`; "farther", or "" for any change.
    """

    text: str
    row: str
    level: bool = False
    way: str = ""
    limit: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The outcome of a rule, with a line for each row in which it struck or is undecided."""

    rule: Rule
    outcome: Outcome
    lines: tuple[str, ...]


def read_rule(text: str) -> Rule:
    """Parse a rule of `--fail-if`; raise `UserError` if it is invalid."""
    if text in ("changed", "farther"):
        return Rule(text, "", way="" if text == "changed" else text)
    form = _FORM.fullmatch("".join(text.split()))
    if form is None or (form["new"] and (form["way"] or ":")[0] == ":"):
        raise UserError(
            f"no such rule: {text!r}; allowed: changed, farther, ROW, ROW:farther, ROW>X, ROW<-X, "
            "new.ROW<X, new.ROW>X"
        )
    row, way, level = form["row"], form["way"] or "", form["new"] is not None
    try:
        measure = find(row)
    except UserError as error:
        raise UserError(f"rule {text!r}: {error}") from error
    if not level and not is_compared(measure):
        allowed = ", ".join(
            id.replace("*", "LEVEL" if one.by_level else "ATTRIBUTE")
            for id, one in MEASURES.items()
            if is_compared(one)
        )
        raise UserError(f"rule {text!r}: {row} is not compared; allowed: {allowed}")
    if not way or way == ":farther":
        return Rule(text, row, way=way.removeprefix(":"))
    try:
        limit = float(way[1:])
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UserError(f"rule {text!r}: {way[1:]!r} is no number")
    if not level and (limit < 0 if way[0] == ">" else limit > 0):
        raise UserError(
            f"rule {text!r} would strike where nothing changed; {row}>X and {row}<-X are about a "
            f"change with X above 0, new.{row}{way} is about the value in NEW"
        )
    return Rule(text, row, level, way[0], limit)


def decide(
    rules: Sequence[Rule],
    panels: Sequence[PanelChange],
    new: Sequence[ModelRun],
    missing: Sequence[str] = (),
) -> tuple[Decision, ...]:
    """Return the outcome of each rule, in the same order.

    Args:
        rules: The rules.
        panels: The changes between the matched runs.
        new: All runs of NEW, for rules on the value in NEW.
        missing: Names of panels that are in OLD only.
    """
    decided = []
    for rule in rules:
        if rule.level:
            results = [_of_level(rule, run) for run in new if rule.row in run.rows]
        else:
            changes = [(panel, row) for panel in panels for row in panel.rows]
            results = [
                result
                for panel, row in changes
                if rule.row in ("", row.row) and (result := _of_change(rule, panel, row))
            ]
            results += [("undecided", f"{panel} is in OLD alone") for panel in missing]
        if not results:
            what = rule.row or "a row that is compared"
            results = [("undecided", f"none of the runs has {what}")]
        outcome = next(one for one in STATUS if any(one == result for result, _ in results))
        lines = tuple(line for one, line in results if one == outcome and line)
        decided.append(Decision(rule, outcome, lines))
    return tuple(decided)


def status(decided: Sequence[Decision]) -> int:
    """Return the exit status: 1 if any rule struck, else 3 if any is undecided, else 0."""
    outcomes = {one.outcome for one in decided}
    return next((STATUS[one] for one in STATUS if one in outcomes), 0)


def _of_change(rule: Rule, panel: PanelChange, row: RowChange) -> tuple[Outcome, str] | None:
    """Return the outcome of a rule for a row, with a line unless it passed; None if irrelevant."""
    place, change = f"{panel.runs[0].panel.words}, {row.row}", row.found.change
    if row.why:
        # Without a named row, a row that has a value in one version only is undecided.
        lost = rule.row or row.levels[0].defined != row.levels[1].defined
        return ("undecided", f"{place}: not measured, {row.why}") if lost else None
    if rule.way in ("<", ">"):
        strikes = change.high < rule.limit if rule.way == "<" else change.low > rule.limit
    else:
        strikes = row.moved if rule.row else row.clear
        strikes = strikes and (rule.way != "farther" or row.verdict == "farther")
    if not strikes:
        return "passed", ""
    doubt = "; the unanswered samples alone may have made it" if row.open else ""
    return "struck", (
        f"{place}: {change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}], "
        f"adjusted p {p_value(row.adjusted)}, {row.verdict}{doubt}"
    )


def _of_level(rule: Rule, run: ModelRun) -> tuple[Outcome, str]:
    place, row = f"{run.panel.words}, {rule.row}", run.rows[rule.row]
    if not row.defined:
        return "undecided", f"{place}: not measured in NEW"
    if (row.value < rule.limit) if rule.way == "<" else (row.value > rule.limit):
        return "struck", f"{place}: {row.value:.3f} in NEW"
    return "passed", ""
