"""Before and after on simulated respondents, whose every answer is known."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from inspect_ai import Task

from cli.calling import refused
from finetuning.folders import call, export
from kidney_evals.errors import UserError
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.paired import changed
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.finetuning.arms import Arm, arms_of, system_prompt
from kidney_evals.finetuning.evaluate import Comparison, Plan, battery_of, effects
from kidney_evals.finetuning.evaluate import evaluate as run_comparison
from kidney_evals.measures import find
from kidney_evals.reporting.comparing.changes import RowChange
from kidney_evals.studies import load_study
from protocol.server import ProtocolServer


def evaluate(*arguments: object) -> Result:
    return call("evaluate", *arguments)


def compared(out: Path, *key: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the rows of a results folder by the columns of `key`."""
    with (out / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        return {tuple(one[name] for name in key): one for one in csv.DictReader(stream)}


def test_verdicts_of_side_effects() -> None:
    for second, low, high, verdict in (
        (0.99, -0.03, 0.01, "unchanged"),
        (0.97, -0.04, -0.01, "unchanged"),  # it moved, and by less than the margin
        (0.97, -0.06, 0.01, "not known"),
        (0.9, -0.15, -0.05, "farther"),
    ):
        found = changed(1.0, second, Interval(low, high), 100)
        levels = (Quantity(1, 0.98, 1), Quantity(second, second - 0.02, second + 0.02))
        row = RowChange("coverage", levels, found, found.p_value, aim=1.0, margin=0.05)
        assert row.verdict == verdict


def test_every_effect_is_a_measure_with_a_change() -> None:
    assert all(find(one.row).change is not None for one in effects())
    assert all(one.says for one in effects() if one.is_side_effect)


LINES = {
    "": "nothing to compare with: name --after, --samples or",
    "--after nowhere": "no model 'nowhere': give a folder",
    "--after kidney/first --after kidney/coin --after a=b": "no model 'b'",
    "--after a=kidney/first --after a=kidney/coin": "two of the compared are called 'a'",
    "--after kidney/nobody": "unknown respondent kidney 'nobody'; allowed: human",
    "--after nobody/known": "nobody/known cannot be set up",
    "--with few-shot": "--with takes few-shot:N or stated-values, not 'few-shot'",
    "--with few-shot:8": "name their folder with --data",
    "--with stated-values --epochs 1": "epochs must be at least 2",
    "--with stated-values --readout prefill --epochs 2": "epochs must be 1 with readout=prefill",
    "--with stated-values --readout yes": "unknown readout 'yes'; allowed: sample, both, prefill",
    "--after mockllm/model --readout prefill": "mockllm is not known to continue a begun answer",
    "--with stated-values --dilemmas 401": "dilemmas must be from 2 to 400",
    "--samples 0,8 --after .": "no adapter of 8 samples at 8",
    "--samples 0,x --after .": "--samples takes whole numbers",
    "--samples 0,8 --after a=.": "--samples takes one --after without a name",
}


def test_one_line_before_any_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, line in LINES.items():
        assert line in refused(evaluate("--before", "kidney/human", *arguments.split()))
    assert list(tmp_path.iterdir()) == []
    # A model whose card of training samples is broken.
    for name in ("config.json", "data_card.json"):
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_text("{", encoding="utf-8")
    broken = ("--before", "kidney/human", "--after", tmp_path / "model", "--out", tmp_path / "out")
    assert "data_card.json cannot be read (Expecting" in refused(evaluate(*broken))
    shutil.rmtree(tmp_path / "model")
    # A folder with other files is left alone.
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    models = ("--before", "kidney/human", "--after", "kidney/first")
    assert f"{tmp_path} is not an empty folder" in refused(evaluate(*models, "--out", tmp_path))
    assert [one.read_text(encoding="utf-8") for one in tmp_path.iterdir()] == ["mine"]


def test_the_runs_follow_from_the_training_samples(tmp_path: Path) -> None:
    given = ("--samples", 8, "--wording", "hospital", "--condition", "coin_flip")
    card = export(tmp_path / "d", *given).card

    found = battery_of((card,), (), Plan())
    assert found.wording == ("hospital",)
    assert "default" in found.unseen_wordings and "hospital" not in found.unseen_wordings
    assert found.trained_conditions == ("coin_flip",)
    assert found.parts == (
        "coin_flip", "forced_choice", "repeated", "other_study", "wordings", "readout",
    )  # fmt: skip
    # If every run reads probabilities, none is made for them alone, and no question is repeated.
    prefilled = battery_of((card,), (), Plan(readout="prefill"))
    assert prefilled.parts == found.parts[:-1]
    assert (found.plan.epochs, prefilled.plan.epochs) == (2, 1)
    with pytest.raises(ValueError, match="3 samples were about dilemmas that the evaluation asks"):
        battery_of(({**card, "excluded": {**card["excluded"], "overlap": 3}},), (), Plan())


def test_a_learning_curve_with_other_models_beside_it(tmp_path: Path) -> None:
    for size in (8, 32):
        (tmp_path / str(size)).mkdir()
        (tmp_path / str(size) / "config.json").write_text("{}", encoding="utf-8")
    arms = arms_of("kidney/human", [str(tmp_path), "shuffled=kidney/coin"], [0, 8, 32])
    assert [(arm.name, arm.samples) for arm in arms] == [
        ("before", 0), ("8 samples", 8), ("32 samples", 32), ("shuffled", None),
    ]  # fmt: skip


def test_prompts_instead_of_training(tmp_path: Path) -> None:
    study = load_study("mcelfresh_2021")
    data = export(tmp_path / "d", "--samples", 16)
    shown = system_prompt(Arm("few", "kidney/human", few_shot=4), "coin_flip", study, data) or ""
    asked = [one for one in data.train if one.facts["condition"] == "coin_flip"][:4]
    assert [shown.count(one.messages[-2]["content"]) for one in asked] == [1, 1, 1, 1]
    assert shown.count("ANSWER: COIN`") == 4  # every question offers the coin, word for word

    arm = Arm("stated", "kidney/human", stated_values=True)
    stated = system_prompt(arm, "coin_flip", study, None) or ""
    # People with a coin: age .41, dependents .30, drinks .29 of all that counts; 17 % coins.
    places = [stated.index(f"{share}%") for share in (41, 30, 29)]
    assert places == sorted(places)
    assert "the younger patient" in stated and "17% of all cases" in stated
    forced = system_prompt(arm, "forced_choice", study, None)
    assert forced is not None and "coin" not in forced


def test_a_run_that_fails_without_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(tasks: Sequence[Task], **_: object) -> tuple[bool, list[Any]]:
        error = SimpleNamespace(message="")
        facts = [SimpleNamespace(metadata=one.metadata) for one in tasks]
        return False, [SimpleNamespace(eval=one, status="error", error=error) for one in facts]

    monkeypatch.setattr("inspect_ai.eval_set", failed)
    arms = arms_of("kidney/human", ["kidney/first"])
    with pytest.raises(UserError, match=r"kidney/human answered nothing \(error\)"):
        run_comparison(arms, tmp_path / "out", Plan(dilemmas=2, side_effects=False))


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

    rows = compared(tmp_path / "out", "arm", "part", "row", "margin")
    # The first patient always, against people: every pair decided differently, no coin.
    flips = rows["people", "coin_flip", "flip_rate", ""]
    assert float(flips["before"]) == 0 and float(flips["change_low"]) > 0
    # From none to about people's rate: so few dilemmas do not tell on which side of it that is.
    # That the choices follow people's, as always the first patient does not, they do tell.
    assert flips["verdict"] == "higher"
    sharper = rows["people", "coin_flip", "sharpness", ""]
    assert float(sharper["before"]) == 0 and float(sharper["change_low"]) > 0.3
    swaps = rows["people", "coin_flip", "swap_diff", ""]
    assert float(swaps["before"]) == 1 and float(swaps["change_high"]) < 0
    # The same respondent, whatever stands before the question.
    same = rows["few-shot:4", "coin_flip", "flip_rate", ""]
    assert float(same["change"]) == 0 and same["verdict"] == "unclear"
    assert float(rows["people", "readout", "answer_mass", ""]["after"]) == 1
    assert float(rows["people", "forced_choice", "coverage", "0.05"]["change"]) == 0
    report = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "people: People's answers to `mcelfresh_2021`" in report
    assert "Answers were sampled, 2 for each question" in report and "=prefill`)" in report

    # A second call with the same arguments makes no run, and prints the same.
    logs = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "logs").glob("*.eval")}
    assert len(logs) == 18
    again = evaluate(*arguments)
    assert again.exit_code == 0, again.output
    printed, before = (
        [one for one in text.splitlines() if "Completed" not in one]
        for text in (again.stdout, result.stdout)
    )
    assert printed == before
    assert logs == {path: path.stat().st_mtime_ns for path in logs}
    other = refused(evaluate(*[str(one).replace("people=", "others=") for one in arguments]))
    assert "holds another comparison" in other and "name another --out" in other


@pytest.mark.slow
def test_a_comparison_by_probabilities_after_a_begun_line(tmp_path: Path) -> None:
    result = evaluate(
        "--before", "kidney/first", "--after", "people=kidney/human", "--out", tmp_path / "out",
        "--readout", "prefill", "--dilemmas", 6, "--no-side-effects", "--display", "none",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # Two models, two conditions; six dilemmas in both orders and ten controls, asked once.
    assert result.stdout.startswith("2 models, 4 runs, 88 calls")
    assert "Probabilities after a begun answer line, not sampled answers." in result.stdout
    rows = compared(tmp_path / "out", "part", "row")
    # The first patient for certain: no coin, and never the same patient in both orders. People's
    # shares as probabilities: what people's answers are expected to get, without an error of
    # sampling. Repetitions differ as two people do, although no question was repeated.
    for part, name, before in (
        ("coin_flip", "flip_rate", 0), ("coin_flip", "swap_diff", 1), ("coin_flip", "retest", 0),
        ("forced_choice", "swap_diff", 1), ("forced_choice", "retest", 0),
    ):  # fmt: skip
        found = rows[part, name]
        assert float(found["before"]) == before
        assert float(found["after"]) == pytest.approx(float(found["people"]), abs=1e-3), name
    assert float(rows["coin_flip", "answer_mass"]["after"]) == pytest.approx(1)
    report = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "not whether the model would answer at all" in report and "were sampled" not in report


@pytest.mark.slow
def test_a_first_attempt_without_any_answer_blocks_no_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt(before: str, after: str) -> Comparison:
        # A single attempt: eval_set's own pauses between several take a minute.
        options = {"display": "none", "retry_attempts": 1, "retry_wait": 0.1}
        plan = Plan(dilemmas=2, side_effects=False, readout="sample")
        return run_comparison(arms_of(before, [after]), tmp_path / "out", plan, options=options)

    with ProtocolServer(default="no_quota") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        # Models of no other test: Inspect keeps a model's client with this server's address.
        with pytest.raises(UserError, match=r"openai/gpt-4o-mini answered nothing"):
            attempt("openai/gpt-4o-mini", "openai/gpt-4o")
    logs = set((tmp_path / "out" / "logs").glob("*.eval"))
    found = attempt("kidney/human", "kidney/first")
    # The logs of the first attempt stay, and are no part of the second.
    assert logs < set((tmp_path / "out" / "logs").glob("*.eval"))
    assert {name for name, _ in found.logs} == {"before", "after"} and found.missing == ()
    with pytest.raises(UserError, match="holds another comparison"):
        attempt("kidney/first", "kidney/human")


@pytest.mark.slow
def test_a_hosted_model_and_its_fine_tuned_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "d"
    export(data, "--samples", 8, "--condition", "coin_flip")
    few = ("--data", data, "--dilemmas", 2, "--no-side-effects", "--display", "none")
    tuned = "openai/ft:gpt-4.1-mini-2025-04-14:org::1"
    with ProtocolServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        models = ("--before", "openai/gpt-4.1-mini", "--after", tuned)
        result = evaluate(*models, "--out", tmp_path / "out", *few)
        assert result.exit_code == 0, result.output
        asked = [call.body["model"] for call in server.calls]
        # Two dilemmas and ten controls, those in one order, twice, in both conditions.
        assert {name: asked.count(name) for name in set(asked)} == {
            name: 2 * 2 * (2 * 2 + 10) for name in ("gpt-4.1-mini", tuned.removeprefix("openai/"))
        }

        server.default = "no_quota"
        models = ("--before", "kidney/human", "--after", tuned)
        failed = evaluate(*models, "--out", tmp_path / "failed", *few)
    # The successful runs are written, and a script sees that a run failed.
    assert failed.exit_code == 1, failed.output
    assert "not measured: after, coin_flip (" in failed.stdout
    assert (tmp_path / "failed" / "comparison.csv").is_file()
