from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kidney_evals.cli import main
from kidney_evals.errors import UserError
from kidney_evals.planning.prices import Price, read_prices


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prices.yaml", "openai/one: {input: 1.25, output: 10}\nlocal: {input: 0, output: 0}\n"),
        (
            "prices.JSON",  # YAML allows no tabs
            '{"openai/one": {"input": 1.25, "output": 1e1},\n\t"local": {"input": 0, "output": 0}}',
        ),
    ],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    prices = read_prices(path)
    assert prices == {
        "openai/one": Price(input=1.25, output=10.0), "local": Price(input=0.0, output=0.0)
    }  # fmt: skip
    # 200,000 input at 1.25 a million and 4,000 output at 10 a million: 0.25 + 0.04.
    assert prices["openai/one"].cost(200_000, 4_000) == pytest.approx(0.29)
    assert read_prices(None) == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("prices.yaml", "", "must map keys to values, not nothing"),
        ("prices.yaml", "{}", "must have at least 1 entries"),
        ("prices.yaml", "m: 3\n", "line 1, m must map keys to values, not '3'"),
        ("prices.yaml", "m: {input: 1}\n", "line 1, m.output is missing"),
        ("prices.yaml", "m: {input: 1, output: 2, cached: 3}\n", "m.cached is not known; allowed"),
        (
            "prices.yaml",
            "m: {input: -2, output: x}\n",
            "has 2 problems: line 1, m.input must be at",
        ),
        ("prices.json", '{"m": {"input": NaN, "output": 2}}', "m.input must be a plain number"),
        ("prices.json", '{"m": {"input": 1e999, "output": 2}}', "m.input is too large"),
    ],
)
def test_faults_are_named_in_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    # Files of every kind are tried in tests/studies/test_untrusted.py.
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prices(path)
    message = str(caught.value)
    assert said in message and str(path) in message
    assert "\n" not in message and message.isprintable()


def test_a_model_without_a_price_is_named_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("openai/one: {input: 1, output: 2}\n")
    done = CliRunner().invoke(
        main, ["plan", "smoke", "--model", "openai/On", "--prices", str(path)]
    )
    assert done.exit_code == 0, done.output
    assert done.stderr == f"{path} has no price for openai/On; it has openai/one\n"
