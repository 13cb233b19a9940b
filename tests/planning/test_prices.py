from __future__ import annotations

import os
from collections.abc import Callable
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
            "prices.json",
            '{"openai/one": {"input": 1.25, "output": 10}, "local": {"input": 0, "output": 0}}',
        ),
    ],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_prices(path) == {"openai/one": Price(1.25, 10.0), "local": Price(0.0, 0.0)}


def test_no_file_means_no_prices() -> None:
    assert read_prices(None) == {}


def test_cost_is_per_million() -> None:
    # 200,000 input at 1.25 a million and 4,000 output at 10 a million: 0.25 + 0.04.
    assert Price(1.25, 10.0).cost(200_000, 4_000) == pytest.approx(0.29)


def test_what_editors_add_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_bytes(b"\xef\xbb\xbfm: {input: 1.0e-1, output: 10}\r\n")
    assert read_prices(path) == {"m": Price(0.1, 10)}
    path = tmp_path / "prices.JSON"
    path.write_text('{\n\t"m": {"input": 1e-1, "output": 10}\n}')  # YAML allows no tabs
    assert read_prices(path) == {"m": Price(0.1, 10)}


BOMB = "a: &a {input: 1, output: 1}\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must map keys to values, not nothing"),
        ("{}", "must have at least 1 entries"),
        ("- a\n", "must map keys to values, not a list"),
        ("3\n", "must map keys to values, not '3'"),
        ("a: {input: [", "is not valid YAML: line 1"),
        ("m: 3\n", "line 1, m must map keys to values, not '3'"),
        ("m:\n", "line 1, m must map keys to values, not nothing"),
        ("m: {input: 1}\n", "line 1, m.output is missing"),
        ("m: {input: 1, output: 2, cached: 3}\n", "m.cached is not known; allowed: input, output"),
        *[
            (f"a: {{input: 1, output: 1}}\nm: {{input: {bad}, output: 2}}\n", f"line 2, {said}")
            for bad, said in [
                ("free", "m.input must be a plain number such as 10 or 0.5, not 'free'"),
                ("-2", "m.input must be at least 0, not '-2'"),
                (".inf", "m.input must be a plain number"),
                (".nan", "m.input must be a plain number"),
                ("nan", "m.input must be a plain number"),
                ("1e400", "m.input is too large"),
                ("true", "m.input must be a plain number"),
                ("yes", "m.input must be a plain number"),
                ("'1'", "m.input must be a plain number"),
                ("0x10", "m.input must be a plain number"),
                ("1_000", "m.input must be a plain number"),
                ('"1,5"', "m.input must be a plain number"),
                ("$1", "m.input must be a plain number"),
                ("[1]", "m.input must be a plain number such as 10 or 0.5, not a list"),
                ("~", "m.input must be a plain number such as 10 or 0.5, not nothing"),
            ]
        ],
        ("m: {input: 1, output: 2}\nm: {input: 2, output: 2}\n", "has the key 'm' twice"),
        ("m: {input: 1, input: 3, output: 2}\n", "m has the key 'input' twice"),
        ("m: {input: -1, output: x}\n", "has 2 problems: line 1, m.input must be at least 0"),
        ('"m\\x1b[2J": {input: 1, output: 2}', "hidden character U+001B"),
        (BOMB, "line 1: anchors and aliases"),
        ("m: " + "[" * 10_000, "levels of nesting"),
        ("m: !!python/object/apply:os.getcwd []", "tags (!) are not allowed"),
        ("m: {input: 1, output: 2}\0", "save it as UTF-8"),
        ("#" + "x" * 600_000, "is too large: the limit is 500,000 bytes"),
    ],
)
def test_faults_are_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prices(path)
    message = str(caught.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message and message.isprintable()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"m": {"input": 1, "output": 2}', "is not valid JSON: line 1"),
        ('{"m": {"input": NaN, "output": 2}}', "m.input must be a plain number"),
        ('{"m": {"input": Infinity, "output": 2}}', "m.input must be a plain number"),
        ('{"m": {"input": true, "output": 2}}', "m.input must be a plain number"),
        ('{"m": {"input": "1", "output": 2}}', "m.input must be a plain number"),
        ('{"m": {"input": null, "output": 2}}', "m.input must be a plain number"),
        ('{"m": {"input": 1e999, "output": 2}}', "m.input is too large"),
        ('{"m": {"input": 1, "input": 1, "output": 2}}', "has the key 'input' twice"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "must map keys to values"),
    ],
)
def test_faults_of_json_are_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prices(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_bytes("é: {input: 1, output: 2}".encode(encoding))
    with pytest.raises(UserError, match=r"is not text in UTF-8.*; save it as UTF-8"):
        read_prices(path)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (Path.mkdir, "is a folder, not a file"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels"),
    ],
)
def test_what_is_no_file_is_named(tmp_path: Path, made: Callable[[Path], None], said: str) -> None:
    made(tmp_path / "prices.yaml")
    with pytest.raises(UserError, match=said):
        read_prices(tmp_path / "prices.yaml")


def test_a_model_without_a_price_is_named_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("openai/one: {input: 1, output: 2}\n")
    done = CliRunner().invoke(
        main, ["plan", "smoke", "--model", "openai/On", "--prices", str(path)]
    )
    assert done.exit_code == 0, done.output
    assert done.stderr == f"{path} has no price for openai/On; it has openai/one\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.yaml cannot be read: No such file"):
        read_prices(tmp_path / "absent.yaml")
