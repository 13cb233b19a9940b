"""Rules for pipelines: a rule strikes if a comparison of two versions meets its condition.

| rule | struck where |
| --- | --- |
| `changed` | any row changed clearly: its interval leaves 0 out, and p adjusted for all is < .05 |
| `farther` | any row is clearly farther from what people's answers get, likewise |
| `ROW` | the interval of this row's change leaves 0 out; not adjusted, since it was named before |
| `ROW:farther` | the same, and the row is farther from what people's answers get |
| `ROW>X`, `ROW<-X` | the whole interval of its change lies above X, below -X; X is not negative |
| `new.ROW<X`, `new.ROW>X` | the row's value in NEW, whatever its interval, is below X, above X |

A rule is tested in every panel that has the row. It is *undecided* if it strikes in no panel and
could not be tested in some panel: the row was not measured there (for `changed` and `farther`: a
row has a value in one version only), or the panel is in OLD only. Rules use the given answers only:
a remark on refusals may follow a rule that struck, but never changes its outcome.

A change of the tabulated detectable size strikes `ROW` in nine of ten pairs of runs, but `changed`
in only a third to two thirds of them (100 simulated dilemmas): name the rows that matter.
"""

from __future__ import annotations

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

STATUS: Final[dict[Outcome, int]] = {"passed": 0, "struck": 1, "undecided": 3}
"""Exit status by outcome; 2 is for runs that cannot be compared. "struck" outranks every other."""

_WORST_FIRST: Final[tuple[Outcome, ...]] = ("struck", "undecided", "passed")

_FORM: Final = re.compile(r"(?P<new>new\.)?(?P<row>[a-z][a-z0-9_]*)(?P<way>:farther|[<>].*)?")


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        text: The rule as the user wrote it.
        row: The measure's id; "" for any measure.
        level: Whether the rule tests the value in NEW, and not its change.
        way: "" for any change, "farther", ">" or "<".
        limit: The number after "<" or ">".
    """

    text: str
    row: str
    level: bool = False
    way: str = ""
    limit: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The outcome of a rule.

    Attributes:
        rule: The rule.
        outcome: Whether the rule struck, passed, or is undecided.
        lines: Reasons, a line for each row that struck the rule or left it undecided.
    """

    rule: Rule
    outcome: Outcome
    lines: tuple[str, ...]


def read_rule(text: str) -> Rule:
    """Parse a rule.

    Raises:
        UserError: The text has none of the forms, names a measure that is not compared, or applies
            to a change a test that only a value allows.
    """
    if text in ("changed", "farther"):
        return Rule(text, "", way="" if text == "changed" else text)
    form = _FORM.fullmatch("".join(text.split()))
    if form is None or (form["new"] and (form["way"] or ":")[0] == ":"):
        raise UserError(
            f"no such rule: {text!r}; allowed: changed, farther, ROW, ROW:farther, ROW>X, ROW<-X, "
            "new.ROW<X, new.ROW>X"
        )
    row, way = form["row"], form["way"] or ""
    level = form["new"] is not None
    _check_row(text, row, level=level)
    if not way or way == ":farther":
        return Rule(text, row, way=way.removeprefix(":"))
    sign, limit = way[0], _number(text, way[1:])
    if not level and (limit < 0 if sign == ">" else limit > 0):
        raise UserError(
            f"rule {text!r} would strike where nothing changed; {row}>X and {row}<-X are about a "
            f"change with X above 0, new.{row}{sign}{way[1:]} is about the value in NEW"
        )
    return Rule(text, row, level, sign, limit)


def decide(
    rules: Sequence[Rule],
    panels: Sequence[PanelChange],
    new: Sequence[ModelRun],
    missing: Sequence[str] = (),
) -> tuple[Decision, ...]:
    """Return the outcome of each rule.

    Args:
        rules: The rules.
        panels: The changes, by panel.
        new: All runs of the new version.
        missing: Names of the panels that only the old version has.
    """
    decided = []
    for rule in rules:
        judged: list[tuple[Outcome, str]] = list(
            _of_levels(rule, new) if rule.level else _of_changes(rule, panels)
        )
        if not rule.level:
            judged += [("undecided", f"{panel} is in OLD alone") for panel in missing]
        if not judged:
            judged = [("undecided", f"none of the runs has {rule.row or 'a row that is compared'}")]
        found = {outcome for outcome, _ in judged}
        outcome = next(one for one in _WORST_FIRST if one in found)
        lines = tuple(line for one, line in judged if one == outcome and line)
        decided.append(Decision(rule, outcome, lines))
    return tuple(decided)


def status(decided: Sequence[Decision]) -> int:
    """Return the exit status: 1 if any rule struck, else 3 if any is undecided, else 0."""
    found = {one.outcome for one in decided}
    return next((STATUS[one] for one in _WORST_FIRST if one in found), 0)


def _check_row(text: str, row: str, *, level: bool) -> None:
    try:
        one = find(row)
    except UserError as error:
        raise UserError(f"rule {text!r}: {error}") from error
    if not level and not is_compared(one):
        allowed = ", ".join(
            id.replace("*", "ATTRIBUTE") for id, one in MEASURES.items() if is_compared(one)
        )
        raise UserError(f"rule {text!r}: {row} is not compared; allowed: {allowed}")


def _number(text: str, given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UserError(f"rule {text!r}: {given!r} is no number")
    return value


def _of_changes(rule: Rule, panels: Sequence[PanelChange]) -> Iterator[tuple[Outcome, str]]:
    for panel in panels:
        place = panel.match.old.panel.words
        for one in panel.rows:
            if rule.row not in ("", one.row):
                continue
            if one.why:
                if rule.row or one.lost:
                    yield "undecided", f"{place}, {one.row}: not measured, {one.why}"
            elif _strikes(rule, one):
                yield "struck", f"{place}, {_told(one)}"
            else:
                yield "passed", ""


def _strikes(rule: Rule, one: RowChange) -> bool:
    change = one.found.change
    if rule.way == ">":
        return change.low > rule.limit
    if rule.way == "<":
        return change.high < rule.limit
    seen = one.moved if rule.row else one.clear
    return seen and (rule.way != "farther" or one.verdict == "farther")


def _told(one: RowChange) -> str:
    change = one.found.change
    told = (
        f"{one.row}: {change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}], "
        f"adjusted p {p_value(one.adjusted)}, {one.verdict}"
    )
    if one.open:
        told += "; the unanswered samples alone may have made it"
    return told


def _of_levels(rule: Rule, new: Sequence[ModelRun]) -> Iterator[tuple[Outcome, str]]:
    for run in new:
        found = run.rows.get(rule.row)
        if found is None:
            continue
        if not found.defined:
            yield "undecided", f"{run.panel.words}, {rule.row}: not measured in NEW"
        elif (found.value < rule.limit) if rule.way == "<" else (found.value > rule.limit):
            yield "struck", f"{run.panel.words}, {rule.row}: {found.value:.3f} in NEW"
        else:
            yield "passed", ""
