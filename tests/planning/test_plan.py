import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from cli.calling import refused
from kidney_evals.cli import main
from kidney_evals.cli.plan import task_arguments
from kidney_evals.errors import UserError
from kidney_evals.planning.plan import Price, build_tasks, make_plan, read_prices
from kidney_evals.planning.report import as_text
from kidney_evals.planning.tokens import ANSWER, Estimate, prompts
from study_folders import copied

QUICK: dict[str, Any] = {"dilemmas": 5, "controls": False}


def test_samples_and_calls() -> None:
    fixed = {"study": "mcelfresh_2021_fixed"}
    runs: list[tuple[str, dict[str, Any], dict[str, Any], int, tuple[int, int]]] = [
        # 200 dilemmas in both orders and 10 controls; each may be asked once more.
        ("kidney_evals/coin_flip", {}, {}, 410, (410, 820)),
        ("forced_choice", {"controls": False, "dilemmas": 50}, {}, 100, (100, 200)),
        ("forced_choice", {"controls": False, "orders": "random"}, {}, 200, (200, 400)),
        # 14 questions in both orders, ten epochs of their own.
        ("coin_flip", fixed, {}, 28, (280, 560)),
        ("coin_flip", fixed, {"epochs": 3}, 28, (84, 168)),
        ("coin_flip", QUICK, {"limit": 7, "epochs": 2}, 7, (14, 28)),
        ("coin_flip", QUICK, {"limit": 500}, 10, (10, 20)),
        # At the first look 110 samples, three times; one order is half of them; 80 samples are 40
        # dilemmas, too few to look before the end.
        ("coin_flip", {"precision": 0.05}, {"epochs": 3}, 410, (330, 2460)),
        ("coin_flip", {"precision": 0.05, "orders": "random"}, {}, 210, (60, 420)),
        ("coin_flip", {"precision": 0.05}, {"limit": 80}, 80, (80, 160)),
        # 100 + 28 in each condition.
        ("smoke", {}, {}, 256, (256, 512)),
    ]
    for target, arguments, options, samples, calls in runs:
        total = make_plan(target, arguments=arguments, **options).total
        assert (total.samples, total.calls) == (samples, calls), (target, arguments, options)


def test_dilemmas_and_controls() -> None:
    full = make_plan("full", ["openai/one", "two"], prices={"two": Price(input=1.0, output=2.0)})
    # 410 + 28 · 10 + 56 · 5 + 12 · 10 in forced choice, 410 + 28 · 10 in coin flip.
    assert (full.total.samples, full.total.calls) == (410 + 28 + 56 + 12 + 410 + 28, (1780, 3560))
    assert full.tasks[0].design.dilemmas == 200
    text = as_text(full)
    assert max(map(len, text.splitlines())) <= 80 and "1780–3560" in text
    assert "price, openai/one: unknown" in text and "flip_rate" in text and "nan" not in text
    (task,) = make_plan("coin_flip", arguments=QUICK, limit=7).tasks
    # Both orders stand together: three dilemmas in both and one in a single order.
    assert (task.design.dilemmas, task.design.both_orders) == (4, 3)


def test_a_run_that_may_end_early() -> None:
    cases: list[tuple[str, dict[str, Any], float, int | None, tuple[int, int], tuple[int, ...]]] = [
        # The first look after 50 dilemmas in both orders, with 10 controls; at most all 200, each
        # asked twice. People: ±.038 at 200, so ±.038 √(200/n) < ±.05 from n = 116 on: the look
        # at 125.
        ("coin_flip", {}, 0.05, None, (110, 820), (50, 125, 200)),
        # People's swap_diff is known to ±.063 by 200 dilemmas: never to ±.05, and to ±.09 from
        # 200 (.063/.09)² = 98 on.
        ("forced_choice", {}, 0.05, None, (110, 820), (50, 200, 200)),
        ("forced_choice", {"controls": False}, 0.09, None, (100, 800), (50, 100, 200)),
        ("coin_flip", {}, 0.05, 130, (100, 260), (50, 65, 65)),
    ]
    for target, rest, precision, limit, calls, dilemmas in cases:
        plan = make_plan(target, arguments={**rest, "precision": precision}, limit=limit)
        (task,) = plan.tasks
        assert task.ending is not None
        assert (plan.total.calls, task.ending.dilemmas) == (calls, dilemmas)
        ends = f"ends after {dilemmas[0]} to {dilemmas[2]} dilemmas"
        assert ends in " ".join(as_text(plan).split())
        # The tokens of as many dilemmas, and of the controls.
        controls = 0 if rest or limit else 10 * ANSWER["none"].expected
        whole = make_plan(target, arguments=rest, limit=2 * dilemmas[1]).total.output_tokens
        assert plan.total.output_tokens.expected == pytest.approx(whole.expected + controls)


def test_a_folder_is_not_taken_for_the_shipped_study(tmp_path: Path) -> None:
    folder = copied("mcelfresh_2021_fixed", tmp_path / "mcelfresh_2021_fixed")
    (task,) = make_plan("coin_flip", arguments={"study": str(folder)}).tasks
    shown = {row.row: row for row in task.rows}["flip_rate"]
    assert math.isnan(shown.half)
    assert shown.zero.high == pytest.approx(0.0135, abs=1e-4)  # z² / (280 + z²)


@pytest.mark.parametrize("target", ["forced_choice", "coin_flip"])
def test_a_run_sends_what_was_planned(target: str, tmp_path: Path) -> None:
    arguments = {**QUICK, "explain": "before", "system_prompt": "Be brief."}
    output = ModelOutput.from_content("mockllm/model", "I would rather talk about boats.")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    model = get_model("mockllm/model", custom_outputs=[output] * 40)
    ((_, task),) = build_tasks(target, arguments)
    (log,) = eval(task, model=model, limit=3, score=False, log_dir=str(tmp_path))
    planned = make_plan(target, arguments=arguments, limit=3)
    assert log.samples is not None
    sent = [event for sample in log.samples for event in sample.events if event.event == "model"]
    # Nothing of this can be read, so every sample is asked twice.
    assert planned.total.calls == (len(log.samples), len(sent)) == (3, 6)
    texts = prompts(list(task.dataset), "before")
    by_id = dict(zip((str(one.id) for one in task.dataset), texts, strict=True))
    for sample in log.samples:
        messages, repeat = by_id[str(sample.id)]
        users = [one.text for one in sample.messages if one.role != "assistant"]
        assert users == [*messages, repeat]


def test_tokens_and_prices() -> None:
    ((_, task),) = build_tasks("forced_choice", QUICK)
    texts = prompts(list(task.dataset), "none")
    characters = sum(len(text) for messages, _ in texts for text in messages)
    prices = {"a": Price(input=2.0, output=10.0)}
    plan = make_plan("forced_choice", ["a", "b"], arguments=QUICK, epochs=3, prices=prices)
    # Ten samples three times: 4 characters a token and 4 tokens around each message.
    assert plan.total.input_tokens.expected == pytest.approx(3 * (characters / 4 + 10 * 4))
    assert plan.total.input_tokens.low == pytest.approx(3 * characters / 5)
    assert plan.total.input_tokens.high > 2 * plan.total.input_tokens.expected
    assert plan.total.output_tokens.expected == 30 * ANSWER["none"].expected
    reasons = make_plan("forced_choice", arguments=QUICK | {"explain": "after"}, epochs=3)
    pairs = zip(plan.total.output_tokens, reasons.total.output_tokens, strict=True)
    assert all(short < long for short, long in pairs)
    # 2 USD a million in and 10 USD a million out.
    both = zip(plan.total.input_tokens, plan.total.output_tokens, strict=True)
    expected = Estimate(*((2 * used + 10 * made) / 1e6 for used, made in both))
    assert plan.costs == {"a": pytest.approx(expected), "b": None}


def test_the_text_says_which_changes_were_simulated() -> None:
    pairs, repeats = (as_text(make_plan("coin_flip", epochs=times)) for times in (1, 2))
    # Distance is not simulated; the rest is, for every dilemma once in both orders.
    assert [line.split()[0] for line in pairs.splitlines() if "~." in line] == ["distance"]
    assert "change found from never flips: flip_rate ." in pairs
    shown = [line.split()[0] for line in repeats.splitlines() if "~." in line]
    assert shown[:2] == ["flip_rate", "distance"]
    assert "change found from" not in repeats
    short = make_plan("coin_flip", arguments={"dilemmas": 1}, limit=2)
    assert "Fewer than 30 dilemmas" in as_text(short)


def test_faults_end_the_command_in_one_line() -> None:
    for arguments, says in (
        ("coin_flop", "unknown task or suite 'coin_flop'; allowed: smoke, full, coin_flip"),
        ("SUITES", "unknown task or suite"),
        ("smoke -T dilemmas=5", "suite 'smoke' takes no -T parameters"),
        ("smoke_coin_flip -T dilemmas=5", "unknown parameter 'dilemmas'; allowed: study"),
        ("coin_flip -T dilemas=5", "unknown parameter 'dilemas'; allowed: study, dilemmas"),
        ("coin_flip -T study=nowhere", "unknown study 'nowhere'"),
        ("coin_flip -T explain=a,b", "unknown explain"),
        ("coin_flip -T dilemmas", "-T takes name=value, not 'dilemmas'"),
        ("coin_flip -T dilemmas=[1", "-T dilemmas: the value '[1' is not YAML"),
        ("coin_flip --prices absent.yaml", "absent.yaml cannot be read"),
        ("coin_flip --epochs 0", "epochs must be at least 1, not 0"),
        ("coin_flip --epochs 1001", "epochs must be at most 1000, not 1001"),
        ("coin_flip --limit 0", "limit must be at least 1, not 0"),
    ):
        assert says in refused(CliRunner().invoke(main, ["plan", *arguments.split()]))


def test_the_command_prints_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("openai/one: {input: 1, output: 2}\n")
    # A control character of a name does not reach the terminal.
    given = ["plan", "forced_choice", "-T", "dilemmas=5", "-T", "controls=false"]
    given += ["--model", "x/y\x1b"]
    result = CliRunner().invoke(main, [*given, "--prices", str(path)])
    assert result.exit_code == 0
    assert "10–20" in result.stdout and "price, x/y: unknown" in result.stdout
    assert result.stderr == f"{path} has no price for x/y ; it has openai/one\n"
    result = CliRunner().invoke(main, [*given, "--epochs", "2", "--limit", "4"])
    assert result.exit_code == 0 and "8–16" in result.stdout


def test_arguments_are_read_as_inspect_reads_them() -> None:
    given = ["draw-seed=7", "controls=false", "study=a/b=c", "system_prompt=one, two", "x=3.5"]
    assert task_arguments(given) == {
        "draw_seed": 7,
        "controls": False,
        "study": "a/b=c",
        "system_prompt": ["one", " two"],
        "x": 3.5,
    }


def test_prices_in_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    yaml = "openai/one: {input: 1.25, output: 10}\nlocal: {input: 0, output: 0}\n"
    # YAML allows no tabs.
    json = '{"openai/one": {"input": 1.25, "output": 1e1},\n\t"local": {"input": 0, "output": 0}}'
    for name, text in (("prices.yaml", yaml), ("prices.JSON", json)):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        prices = read_prices(path)
        free = Price(input=0.0, output=0.0)
        assert prices == {"openai/one": Price(input=1.25, output=10.0), "local": free}
    # 200,000 input at 1.25 a million and 4,000 output at 10 a million: 0.25 + 0.04.
    assert prices["openai/one"].cost(200_000, 4_000) == pytest.approx(0.29)
    assert read_prices(None) == {}


def test_faults_of_a_price_file_are_named_in_one_line(tmp_path: Path) -> None:
    # Files of every kind are tried in tests/studies/test_untrusted.py.
    for ending, text, says in (
        ("yaml", "", "must map keys to values, not nothing"),
        ("yaml", "{}", "must have at least 1 entries"),
        ("yaml", "m: 3\n", "line 1, m must map keys to values, not '3'"),
        ("yaml", "m: {input: 1}\n", "line 1, m.output is missing"),
        ("yaml", "m: {input: 1, output: 2, cached: 3}\n", "m.cached is not known; allowed"),
        ("yaml", "m: {input: -2, output: x}\n", "has 2 problems: line 1, m.input must be at"),
        ("json", '{"m": {"input": NaN, "output": 2}}', "m.input must be a plain number"),
        ("json", '{"m": {"input": 1e999, "output": 2}}', "m.input is too large"),
    ):
        path = tmp_path / f"prices.{ending}"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as caught:
            read_prices(path)
        message = str(caught.value)
        assert says in message and str(path) in message and message.isprintable()
