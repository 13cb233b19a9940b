"""`kidney-evals compare`: lines, statuses and formats, and that it finds what was planted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog

from cli.calling import kidney_evals, printed, refused
from reporting.making_logs import HOSTILE, Made, another, edited, fact, spec


def again(source: Path, target: Path, edit: Callable[[EvalLog], object]) -> Path:
    """Write a changed copy of a log, as of another run."""
    return edited(source, target, another(edit))


def unanswered(log: EvalLog) -> None:
    """Make the answers of two samples refusals, and remove the log's rows."""
    for sample in (log.samples or [])[:2]:
        score = (sample.scores or {})["human_alignment"]
        score.metadata = {**(score.metadata or {}), "choice": None, "outcome": "refusal"}
    assert log.results is not None
    log.results.scores = []


def test_a_run_beside_itself_changes_nothing(made: Made) -> None:
    shown = printed("compare", made.coin, made.coin, "--fail-if", "changed")
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80 and lines[0] == "coin_flip, mcelfresh_2021"
    assert {"6 dilemmas in both, none left out.", "--fail-if changed: passed"} <= set(lines)
    says = ("OLD and NEW are one and the same run.", "not what is right", "people: what their own")
    assert all(part in shown for part in (*says, "is not tabled"))
    flips = next(line for line in lines if line.startswith("indecision rate"))
    assert "+.000" in flips and flips.endswith("unclear")


def test_the_formats_hold_the_same_numbers(made: Made, tmp_path: Path) -> None:
    new = again(made.forced, tmp_path / "new.eval", unanswered)
    arguments = ("compare", made.forced, new, "--fail-if", "new.coverage<0.95")
    text, md, given = (
        kidney_evals(*arguments, "--format", form) for form in ("text", "md", "json")
    )
    assert [one.exit_code for one in (text, md, given)] == [1, 1, 1]
    record = json.loads(given.stdout)
    assert record["status"] == 1
    # Two of eight samples.
    why = "forced_choice, mcelfresh_2021, coverage: 0.750 in NEW"
    rule = {"rule": "new.coverage<0.95", "outcome": "struck", "why": [why]}
    assert record["rules"] == [rule]
    (panel,) = record["panels"]
    assert panel["shared"] == ["d000", "d001", "d002", "d003"]
    rows = {one["row"]: one for one in panel["rows"]}
    assert rows["coverage"]["old"] == 1 and rows["coverage"]["new"] == pytest.approx(6 / 8)
    low, high = rows["agreement"]["bounds"]
    assert low <= rows["agreement"]["change"] <= high
    for row in rows.values():
        line = next(one for one in text.stdout.splitlines() if one.startswith(row["label"][:22]))
        cells = next(one for one in md.stdout.splitlines() if one.startswith(f"| {row['label']} "))
        if row["change"] is not None:
            shown = f"{row['change']:+.3f}".replace("0.", ".", 1)
            assert shown in line and shown in cells
    assert "coverage: 0.750 in NEW" in text.stdout and "--fail-if" in md.stdout


def test_statuses(made: Made, tmp_path: Path) -> None:
    for rules, expected, told in (
        (["coverage", "changed"], 0, "--fail-if coverage: passed"),
        (["new.coverage<1.1"], 1, "--fail-if new.coverage<1.1: struck"),
        (["flip_rate"], 3, "none of the runs has flip_rate"),
        (["flip_rate", "new.coverage<1.1"], 1, "--fail-if flip_rate: undecided"),
    ):
        options = [part for rule in rules for part in ("--fail-if", rule)]
        shown = kidney_evals("compare", made.forced, made.forced, *options)
        assert shown.exit_code == expected, shown.output
        assert told in shown.stdout
    # A panel that NEW lacks leaves rules undecided.
    for path in (made.coin, made.forced):
        shutil.copy(path, tmp_path)
    shown = kidney_evals("compare", tmp_path, made.coin, "--fail-if", "changed")
    assert shown.exit_code == 3, shown.output
    assert "forced_choice, mcelfresh_2021 is in OLD alone" in shown.stdout
    assert "is in NEW alone" in printed("compare", made.coin, tmp_path, "--fail-if", "changed")


def test_rules_are_checked_before_logs_are_read(made: Made, tmp_path: Path) -> None:
    assert "no such rule: '<<'" in refused(kidney_evals("compare", "a", "b", "--fail-if", "<<"))
    line = refused(kidney_evals("compare", "a", "b", "--despite", "reference"))
    assert "human reference may not differ" in line
    assert "no log at 'a'" in refused(kidney_evals("compare", "a", "b"))
    # Runs with another key are compared on request.
    new = again(made.coin, tmp_path / "new.eval", fact("wordings", {"hospital": ""}))
    line = refused(kidney_evals("compare", made.coin, new))
    assert "wording: OLD has 'default', NEW 'hospital'; --despite wording lets that pass" in line
    shown = printed("compare", made.coin, new, "--despite", "wording")
    assert "Compared although the wording differs" in shown


def test_runs_that_did_not_end_are_named(made: Made, tmp_path: Path) -> None:
    cut = tmp_path / "cut.eval"
    for end, says in (
        (lambda log: setattr(log, "status", "error"), "failed"),
        (lambda log: setattr(log, "status", "started"), "not ended"),
    ):
        again(made.forced, cut, end)
        line = refused(kidney_evals("compare", made.forced, cut))
        assert "NEW" in line and says in line and "--partial" in line
        assert "NEW did not end" in printed("compare", made.forced, cut, "--partial")
    (tmp_path / "half.eval").write_bytes(made.coin.read_bytes()[:2000])
    line = refused(kidney_evals("compare", made.coin, tmp_path / "half.eval"))
    assert "NEW holds no run that can be compared" in line and "half written" in line
    # Beside a run that did end they are passed over, with a line.
    shutil.copy(made.other, tmp_path / "other.eval")
    shutil.copy(made.forced, tmp_path / "whole.eval")
    # The paths may be broken anywhere, to fit 80 columns.
    told = "".join(printed("compare", made.forced, tmp_path).split())
    for part in ("passedover:NEW", "notended", "onlyhalfwritten", "whole.evalcounts"):
        assert part in told
    assert "other.eval:ofanotherevaluation(sums)" in told


def test_names_are_text(made: Made, tmp_path: Path) -> None:
    new = tmp_path / "x\x1b[2J\x1b]0;t\x07.eval"
    again(made.forced, new, spec("model", HOSTILE))
    text, md, given = (
        printed("compare", made.forced, new, "--format", form) for form in ("text", "md", "json")
    )
    assert all(line.isprintable() for line in f"{text}{md}{given}".split("\n"))
    assert max(map(len, text.splitlines())) <= 80
    assert "<b>" not in md and "&lt;b&gt;\\|\\*\\_x\\_\\*\\|\\`" in md
    assert json.loads(given)["panels"][0]["new"]["model"] == HOSTILE
