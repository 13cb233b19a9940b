"""Before and after on simulated respondents, whose every answer is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.calling import refused
from finetuning.exporting import export
from kidney_evals.cli import main
from kidney_evals.errors import UserError
from kidney_evals.estimation._pairs import changed
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.finetuning.arms import arms_of
from kidney_evals.finetuning.battery import battery_of
from kidney_evals.finetuning.comparison import Effect, effects
from kidney_evals.finetuning.evaluate import Comparison
from kidney_evals.finetuning.evaluate import evaluate as run_comparison
from kidney_evals.measures import find
from kidney_evals.reporting.comparing.changes import RowChange
from protocol.server import ProtocolServer

COIN = Effect("coin_flip", "flip_rate", "indecision rate")
BESIDE = Effect("wordings", "coverage", "coverage", margin=0.05)


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sft", "evaluate", *map(str, arguments)])


@pytest.mark.parametrize(
    ("effect", "first", "second", "low", "high", "aim", "verdict"),
    [
        (COIN, 0.0, 0.1, 0.05, 0.15, 0.17, "nearer"),  # .07 off instead of .17
        # .23 off instead of .07: the sum, .5, less .34 is .16, and both ends leave .04 open.
        (COIN, 0.1, 0.4, 0.2, 0.4, 0.17, "farther"),
        # .09 off instead of .07: .02 is within what both ends leave open.
        (COIN, 0.1, 0.26, 0.1, 0.2, 0.17, "higher"),
        (COIN, 0.1, 0.12, -0.02, 0.06, 0.17, "unclear"),
        (COIN, 0.1, 0.4, 0.2, 0.4, float("nan"), "higher"),
        (BESIDE, 1.0, 0.99, -0.03, 0.01, 1.0, "unchanged"),
        # It moved, and by less than what counts.
        (BESIDE, 1.0, 0.97, -0.04, -0.01, 1.0, "unchanged"),
        (BESIDE, 1.0, 0.97, -0.06, 0.01, 1.0, "not known"),
        (BESIDE, 1.0, 0.9, -0.15, -0.05, 1.0, "farther"),
    ],
)
def test_verdicts(
    effect: Effect, first: float, second: float, low: float, high: float, aim: float, verdict: str
) -> None:
    found = changed(first, second, Interval(low, high), 100)
    levels = (
        Quantity(first, first - 0.02, first + 0.02),
        Quantity(second, second - 0.02, second + 0.02),
    )
    row = RowChange(effect.row, levels, found, found.p_value, aim, margin=effect.margin)
    assert row.verdict == verdict


def test_every_figure_is_a_row_or_explained() -> None:
    assert all(find(one.row).change is not None for one in effects())
    assert all(one.says for one in effects() if one.is_side_effect)
    # Side effects that the issue of a fine-tuned model is asked about.
    asked = {(one.part, one.untrained) for one in effects() if one.is_side_effect}
    assert asked >= {("other_study", ""), ("wordings", ""), ("coin_flip", "")}
    assert ("forced_choice", "forced_choice") in asked


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "nothing to compare with: name --after, --samples or"),
        ("--after nowhere", "no model 'nowhere': give a folder"),
        ("--after kidney/first --after kidney/coin --after a=b", "no model 'b'"),
        ("--after a=kidney/first --after a=kidney/coin", "two of the compared are called 'a'"),
        ("--after kidney/nobody", "unknown respondent kidney 'nobody'; allowed: human"),
        ("--after nobody/known", "nobody/known cannot be set up"),
        ("--with few-shot", "--with takes few-shot:N or stated-values, not 'few-shot'"),
        ("--with few-shot:8", "name their folder with --data"),
        ("--with stated-values --epochs 1", "epochs must be at least 2"),
        ("--with stated-values --dilemmas 401", "dilemmas must be from 2 to 400"),
        ("--samples 0,8 --after .", "no adapter of 8 samples at 8"),
        ("--samples 0,x --after .", "--samples takes whole numbers"),
    ],
)
def test_one_line_before_any_call(
    arguments: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert line in refused(evaluate("--before", "kidney/human", *arguments.split()))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_found_before_any_call(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    models = ("--before", "kidney/human", "--after", "kidney/first")
    line = refused(evaluate(*models, "--out", tmp_path))
    assert f"{tmp_path} exists and is not empty" in line
    assert [one.read_text(encoding="utf-8") for one in tmp_path.iterdir()] == ["mine"]


def test_the_runs_follow_from_what_was_trained_on(tmp_path: Path) -> None:
    given = ("--samples", 8, "--wording", "hospital", "--condition", "coin_flip")
    card = export(tmp_path / "d", *given).card
    choices: dict[str, Any] = {"dilemmas": None, "epochs": 2, "side_effects": True, "readout": None}
    battery = battery_of((card,), (), **choices)
    assert battery.wording == ("hospital",)
    assert "default" in battery.unseen_wordings and "hospital" not in battery.unseen_wordings
    assert battery.trained_conditions == ("coin_flip",)
    assert battery.parts == (
        "coin_flip", "forced_choice", "repeated", "other_study", "wordings", "readout",
    )  # fmt: skip
    leaked = {**card, "excluded": {**card["excluded"], "overlap": 3}}
    with pytest.raises(ValueError, match="3 samples were about dilemmas that the evaluation asks"):
        battery_of((leaked,), (), **choices)


@pytest.mark.slow
def test_a_comparison_of_known_respondents(tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    export(samples, "--samples", 16, "--condition", "coin_flip")
    arguments = (
        "--before", "kidney/first", "--after", "people=kidney/human", "--with", "few-shot:4",
        "--data", samples, "--out", tmp_path / "out",
        "--dilemmas", 20, "--display", "none",
    )  # fmt: skip
    result = evaluate(*arguments)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(len(one) for one in lines if str(tmp_path) not in one) <= 80
    assert lines[0].startswith("3 models, 18 runs, ")

    with (tmp_path / "out" / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        rows = {
            (one["arm"], one["part"], one["row"], one["margin"]): one
            for one in csv.DictReader(stream)
        }

    def row(arm: str, part: str, name: str, margin: str = "") -> dict[str, str]:
        return rows[arm, part, name, margin]

    # The first patient always, against people: every pair decided differently, no coin.
    flips = row("people", "coin_flip", "flip_rate")
    assert float(flips["before"]) == 0 and float(flips["change_low"]) > 0
    # Up to .1875 where people leave .186: so few dilemmas do not tell on which side that is, and
    # how far off none is (.16 at most) they tell no better. Where it flips, they do.
    assert flips["verdict"] == "higher"
    assert row("people", "coin_flip", "flip_calib")["verdict"] == "nearer"
    swaps = row("people", "coin_flip", "swap_diff")
    assert float(swaps["before"]) == 1 and float(swaps["change_high"]) < 0
    # The same respondent, whatever stands before the question.
    assert float(row("few-shot:4", "coin_flip", "flip_rate")["change"]) == 0
    assert row("few-shot:4", "coin_flip", "flip_rate")["verdict"] == "unclear"
    assert float(row("people", "readout", "answer_mass")["after"]) == 1
    untrained = row("people", "forced_choice", "coverage", "0.05")
    assert float(untrained["change"]) == 0

    # A second call finds everything done, and says the same.
    logs = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "logs").glob("*.eval")}
    assert len(logs) == 18
    again = evaluate(*arguments)
    assert [one for one in again.stdout.splitlines() if "Completed" not in one] == [
        one for one in lines if "Completed" not in one
    ]
    assert logs == {path: path.stat().st_mtime_ns for path in logs}

    other = refused(evaluate(*[str(one).replace("people=", "others=") for one in arguments]))
    assert "holds another comparison" in other and "name another --out" in other

    report = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "people: People's answers to `mcelfresh_2021`" in report
    told = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert set(told["logs"]) >= {"before, coin_flip", "few-shot:4, readout"}


def test_what_is_told_instead_of_trained(tmp_path: Path) -> None:
    from kidney_evals.finetuning.arms import Arm, system_prompt
    from kidney_evals.studies import load_study

    study = load_study("mcelfresh_2021")
    data = export(tmp_path / "d", "--samples", 16)
    shown = system_prompt(Arm("few", "kidney/human", few_shot=4), "coin_flip", study, data) or ""
    asked = [one for one in data.train if one.facts["condition"] == "coin_flip"][:4]
    assert [shown.count(one.messages[-2]["content"]) for one in asked] == [1, 1, 1, 1]
    assert shown.count("ANSWER: COIN`") == 4  # every question offers the coin, word for word

    told = system_prompt(Arm("told", "kidney/human", stated_values=True), "coin_flip", study, None)
    # People with a coin: age .41, dependents .30, drinks .29 of all that counts; 17 % coins.
    assert told is not None
    assert [told.index(f"{share} %".replace(" %", "%")) for share in (41, 30, 29)] == sorted(
        told.index(f"{share}%") for share in (41, 30, 29)
    )
    assert "the younger patient" in told and "17% of all cases" in told
    forced = system_prompt(Arm("told", "m", stated_values=True), "forced_choice", study, None)
    assert forced is not None and "coin" not in forced


@pytest.mark.slow
def test_a_first_try_without_any_answer_blocks_no_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(before: str, after: str) -> Comparison:
        # A single attempt: eval_set's own pauses between several take a minute.
        options = {"display": "none", "retry_attempts": 1, "retry_wait": 0.1}
        arms = arms_of(before, [after])
        few: Any = {"dilemmas": 2, "side_effects": False, "readout": False, "options": options}
        return run_comparison(arms, tmp_path / "out", **few)

    with ProtocolServer(default="no_quota") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        # Models of no other test: Inspect keeps a model's client with this server's address.
        with pytest.raises(UserError, match=r"openai/gpt-4o-mini answered nothing"):
            compared("openai/gpt-4o-mini", "openai/gpt-4o")
    logs = set((tmp_path / "out" / "logs").glob("*.eval"))
    found = compared("kidney/human", "kidney/first")
    # Nothing was thrown away, and the logs of the first try are no part of the second.
    assert logs < set((tmp_path / "out" / "logs").glob("*.eval"))
    assert [arm.model for arm in found.arms] == ["kidney/human", "kidney/first"]
    assert {name for name, _ in found.logs} == {"before", "after"} and found.missing == ()
    with pytest.raises(UserError, match="holds another comparison"):
        compared("kidney/first", "kidney/human")


@pytest.mark.slow
def test_a_hosted_model_and_its_fine_tuned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "d"
    export(data, "--samples", 8, "--condition", "coin_flip")
    few = ("--dilemmas", 2, "--no-side-effects", "--display", "none")
    with ProtocolServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        tuned = "ft:gpt-4.1-mini-2025-04-14:org::1"
        models = ("--before", "openai/gpt-4.1-mini", "--after", f"openai/{tuned}")
        result = evaluate(*models, "--data", data, "--out", tmp_path / "out", *few)
        assert result.exit_code == 0, result.output
        asked = [call.body["model"] for call in server.calls]
        # Two dilemmas and ten controls, those in one order, twice, in both conditions.
        assert {name: asked.count(name) for name in set(asked)} == {
            name: 2 * 2 * (2 * 2 + 10) for name in ("gpt-4.1-mini", tuned)
        }

        server.default = "no_quota"
        models = ("--before", "kidney/human", "--after", f"openai/{tuned}")
        failed = evaluate(*models, "--data", data, "--out", tmp_path / "failed", *few)
    # What ran is written, and a script sees that something did not.
    assert failed.exit_code == 1, failed.output
    assert "not measured: after, coin_flip (" in failed.stdout
    assert (tmp_path / "failed" / "comparison.csv").is_file()
