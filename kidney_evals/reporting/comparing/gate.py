"""Rules for pipelines: a rule strikes if a comparison of two versions meets its condition.

| rule | struck where |
| --- | --- |
| `changed` | any row changed clearly: its interval excludes 0, and its adjusted p is < .05 |
| `farther` | any row is clearly farther from the value of people's answers, likewise |
| `ROW` | the interval of this row's change excludes 0; not adjusted for other rows |
| `ROW:farther` | the same, and the row is farther from the value of people's answers |
| `ROW>X`, `ROW<-X` | the whole interval of its change lies above X, below -X; X is not negative |
| `new.ROW<X`, `new.ROW>X` | the row's value in NEW is below X, above X, for any interval |

A rule is tested in every panel that has the row. It is *undecided* if it strikes in no panel and
could not be tested in some panel: the row was not measured there (for `changed` and `farther`: a
row has a value in one version only), or the panel is in OLD only. Rules use the given answers only:
a remark on refusals may follow a rule that struck, but never changes its outcome.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
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
    """A parsed rule, on the value in NEW if `level`, else on a change; `row` is "" for any row."""

    text: str
    row: str
    level: bool = False
    way: str = ""
    limit: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The outcome of a rule, with a line for each row that struck it or left it undecided."""

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
            id.replace("*", "ATTRIBUTE") for id, one in MEASURES.items() if is_compared(one)
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
    """Return the outcome of each rule."""
    decided = []
    for rule in rules:
        results = list(_of_levels(rule, new) if rule.level else _of_changes(rule, panels))
        if not rule.level:
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


def _of_changes(rule: Rule, panels: Sequence[PanelChange]) -> Iterator[tuple[Outcome, str]]:
    for panel in panels:
        place = panel.runs[0].panel.words
        for row in panel.rows:
            if rule.row not in ("", row.row):
                continue
            if row.why:
                # Without a named row, a row that has a value in one version only is undecided.
                if rule.row or row.levels[0].defined != row.levels[1].defined:
                    yield "undecided", f"{place}, {row.row}: not measured, {row.why}"
            elif _strikes(rule, row):
                change = row.found.change
                line = (
                    f"{place}, {row.row}: {change.value:+.3f} "
                    f"[{change.low:+.3f}, {change.high:+.3f}], "
                    f"adjusted p {p_value(row.adjusted)}, {row.verdict}"
                )
                doubt = "; the unanswered samples alone may have made it"
                yield "struck", line + (doubt if row.open else "")
            else:
                yield "passed", ""


def _strikes(rule: Rule, row: RowChange) -> bool:
    if rule.way == ">":
        return row.found.change.low > rule.limit
    if rule.way == "<":
        return row.found.change.high < rule.limit
    seen = row.moved if rule.row else row.clear
    return seen and (rule.way != "farther" or row.verdict == "farther")


def _of_levels(rule: Rule, new: Sequence[ModelRun]) -> Iterator[tuple[Outcome, str]]:
    for run in new:
        row = run.rows.get(rule.row)
        if row is None:
            continue
        if not row.defined:
            yield "undecided", f"{run.panel.words}, {rule.row}: not measured in NEW"
        elif (row.value < rule.limit) if rule.way == "<" else (row.value > rule.limit):
            yield "struck", f"{run.panel.words}, {rule.row}: {row.value:.3f} in NEW"
        else:
            yield "passed", ""
