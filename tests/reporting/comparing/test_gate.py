"""The rules of a gate: how they are parsed, when they apply, what cannot be decided."""

import math

import pytest

from kidney_evals.errors import UserError
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.paired import NOTHING, changed
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.reporting.comparing.changes import PanelChange, RowChange
from kidney_evals.reporting.comparing.gate import decide, read_rule
from reporting.pairs import model_run


def moved(
    row: str, old: float, new: float, half: float, aim: float, adjusted: float = 0.001
) -> RowChange:
    """A change with an interval of `half` to either side."""
    found = changed(old, new, Interval(new - old - half, new - old + half), 100)
    levels = tuple(Quantity(one, one - half, one + half, n=100) for one in (old, new))
    return RowChange(row, (levels[0], levels[1]), found, adjusted, aim)


def unmeasured(row: str, old: float = math.nan, new: float = math.nan) -> RowChange:
    levels = tuple(undefined() if math.isnan(one) else Quantity(one) for one in (old, new))
    return RowChange(row, (levels[0], levels[1]), NOTHING, math.nan, math.nan, why="no value")


def panel(*rows: RowChange) -> PanelChange:
    return PanelChange((model_run(None), model_run(None)), rows, ("d000",), ((), ()), ())


FARTHER = moved("agreement", 0.9, 0.8, 0.04, 0.91)  # -.1 [-.14, -.06]
NEARER = moved("flip_rate", 0.0, 0.1, 0.04, 0.17)  # +.1 [.06, .14]
STILL = moved("swap_diff", 0.2, 0.21, 0.05, 0.2, 1.0)
ALONE = moved("agreement", 0.9, 0.85, 0.04, 0.91, 0.2)  # -.05 [-.09, -.01], not adjusted
LOST = unmeasured("sharpness", old=0.1)
NEVER = unmeasured("sharpness")


@pytest.mark.parametrize(
    ("rule", "rows", "outcome"),
    [
        ("changed", [NEARER, STILL], "struck"),
        ("changed", [STILL, ALONE], "passed"),
        ("changed", [STILL, LOST], "undecided"),
        ("changed", [STILL, NEVER], "passed"),
        ("changed", [NEVER], "undecided"),
        ("farther", [NEARER, STILL], "passed"),
        ("farther", [NEARER, FARTHER], "struck"),
        ("farther", [ALONE], "passed"),
        ("agreement", [ALONE], "struck"),
        ("agreement", [NEARER], "undecided"),
        ("swap_diff", [STILL], "passed"),
        ("sharpness", [NEVER], "undecided"),
        ("agreement:farther", [ALONE], "struck"),
        ("flip_rate:farther", [NEARER], "passed"),
        ("flip_rate>0.05", [NEARER], "struck"),
        ("flip_rate > .07", [NEARER], "passed"),
        ("flip_rate<-0.05", [NEARER], "passed"),
        ("agreement<-0.05", [FARTHER], "struck"),
        ("agreement<-0.07", [FARTHER], "passed"),
        ("imp_blood<0", [FARTHER], "undecided"),
    ],
)
def test_rules_about_changes(rule: str, rows: list[RowChange], outcome: str) -> None:
    (decided,) = decide([read_rule(rule)], [panel(*rows)], [])
    assert decided.outcome == outcome
    assert bool(decided.lines) == (outcome != "passed")


@pytest.mark.parametrize(
    ("rule", "rows", "outcome"),
    [
        ("new.coverage<0.95", {"coverage": Quantity(0.94, 0.9, 0.97, 1.0, 100)}, "struck"),
        ("new.coverage<0.95", {"coverage": Quantity(0.95, 0.9, 0.97, 1.0, 100)}, "passed"),
        ("new.refusal>0.01", {"refusal": Quantity(0.02, n=100)}, "struck"),
        ("new.agreement<0.8", {"agreement": undefined()}, "undecided"),
        ("new.agreement<0.8", {}, "undecided"),
    ],
)
def test_rules_about_values(rule: str, rows: dict[str, Quantity], outcome: str) -> None:
    (decided,) = decide([read_rule(rule)], [], [model_run(None, rows=rows)])
    assert decided.outcome == outcome


def test_a_panel_that_new_lacks_leaves_changes_undecided() -> None:
    rules = [read_rule(one) for one in ("changed", "swap_diff", "flip_rate")]
    decided = decide(rules, [panel(STILL, NEARER)], [], missing=["forced_choice, a_study"])
    assert [one.outcome for one in decided] == ["struck", "undecided", "struck"]
    assert decided[1].lines == ("forced_choice, a_study is in OLD alone",)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("", "no such rule"),
        ("worse", "unknown measure 'worse'; allowed: agreement, "),
        ("coverage<0.95", "new.coverage<0.95 is about the value in NEW"),
        ("flip_rate>-0.1", "would strike where nothing changed"),
        ("flip_rate>much", "'much' is no number"),
        ("flip_rate>nan", "'nan' is no number"),
        ("flip_rate:nearer", "no such rule"),
        ("new.flip_rate:farther", "no such rule"),
        ("new.nothing<1", "unknown measure 'nothing'"),
        ("centrality", "centrality is not compared; allowed: agreement, imp_ATTRIBUTE"),
    ],
)
def test_rules_are_checked(rule: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        read_rule(rule)
    assert line in str(caught.value) and "\n" not in str(caught.value)
