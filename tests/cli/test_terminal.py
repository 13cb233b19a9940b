"""Any terminal can take what the commands print: narrow ones, and those with few letters."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from inspect_ai import eval
from inspect_ai.log import EvalLog

from cli.calling import environment
from cli.conftest import Runs
from kidney_evals.cli import main
from kidney_evals.cli.terminal import SUBSTITUTES
from kidney_evals.tasks import coin_flip
from reporting.making_logs import edited, of_another_run

ENCODINGS = ("cp1252", "cp437", "latin-1", "ascii")

ODD = "modèle–中\u202e\ud83d"
"""A name with an accent, a dash, a letter of no western encoding, and what is no letter at all."""


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Return the words that call each command, groups first."""
    yield names
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.fixture(scope="module")
def logs(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    # `describe` needs ten dilemmas.
    task = coin_flip(dilemmas=10, controls=False)
    made = eval(task, model="kidney/human", log_dir=str(folder), display="none")[0]
    Path(made.location).rename(folder / "coin.eval")

    def renamed(log: EvalLog) -> None:
        of_another_run(log)
        log.eval.model = f"kidney/{ODD[:-1]}"

    edited(runs.forced, folder / "forcé.eval", renamed)
    return folder


def called(logs: Path, name: str) -> list[str]:
    coin, forced = str(logs / "coin.eval"), str(logs / "forcé.eval")
    return {
        "show": ["show", str(logs)],
        "table": ["table", str(logs)],
        "describe": ["describe", coin],
        "compare": ["compare", forced, forced],
        "markdown": ["compare", coin, coin, "--format", "md"],
        "json": ["compare", coin, coin, "--format", "json"],
        "plan": ["plan", "smoke", "--model", f"kidney/{ODD[:-1]}"],
        "respondents": ["respondents"],
        "suite": ["suite", "full"],
        "error": ["show", f"{logs}/{ODD}.eval"],
        "refusal": ["compare", coin, forced],
    }[name]


TEXTS = ("show", "describe", "compare", "plan", "respondents")
ALL = (*TEXTS, "table", "markdown", "json", "suite", "error", "refusal")


def ascii_words(text: str) -> list[str]:
    """Return the numbers and the words in plain letters, in their order."""
    return re.findall(r"(?<![A-Za-z0-9])[0-9.]*[0-9](?![A-Za-z0-9])|\b[a-z]{4,}\b", text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ALL)
def test_no_encoding_is_too_small(name: str, encoding: str, logs: Path) -> None:
    whole = CliRunner().invoke(main, called(logs, name))
    small = CliRunner(charset=encoding).invoke(main, called(logs, name))
    assert small.exit_code == whole.exit_code and not isinstance(small.exception, UnicodeError)
    text = small.output_bytes.decode(encoding)
    # Only what is an escape for everybody, in a name that was typed, is one here.
    assert re.findall(r"\\[ux]|\ufffd", text) == re.findall(r"\\[ux]|\ufffd", whole.output)
    assert "?" not in text or "?" in whole.output
    # Nothing but the spelling of letters differs: every number is there, in its place.
    spelled = (
        set(re.findall("[a-z]{4,}", " ".join(SUBSTITUTES.values()))) | GREEK | {"modele", "force"}
    )
    kept = [one for one in ascii_words(text) if one not in spelled]
    assert kept == [one for one in ascii_words(whole.output) if one not in spelled]


BARE = {"modele", "force"}
GREEK = {"delta", "lambda", "theta", "alpha", "beta", "sigma", "kappa"}


@pytest.mark.parametrize("name", TEXTS)
def test_a_narrow_terminal_loses_no_number(
    name: str, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = CliRunner().invoke(main, called(logs, name))
    monkeypatch.setenv("COLUMNS", "60")
    narrow = CliRunner().invoke(main, called(logs, name))
    assert narrow.exit_code == wide.exit_code == 0, narrow.output
    long = [line for line in narrow.output.splitlines() if len(line) > 60]
    assert all(" " not in line.strip() for line in long), long
    assert narrow.output.split() == wide.output.split()


@pytest.mark.parametrize("name", ["markdown", "json", "suite", "table"])
def test_formats_for_programs_are_never_broken(
    name: str, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = CliRunner().invoke(main, called(logs, name))
    monkeypatch.setenv("COLUMNS", "60")
    assert CliRunner().invoke(main, called(logs, name)).output == wide.output


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
@pytest.mark.parametrize("columns", ["60", "80"])
def test_help_is_whole(columns: str, words: tuple[str, ...]) -> None:
    told = CliRunner(charset="ascii").invoke(main, [*words, "--help"], terminal_width=int(columns))
    assert told.exit_code == 0, told.output
    usage, text = told.output.split("\n\n", 1)
    assert usage.startswith("Usage: ")
    # Neither a mark of the layout nor a sentence that was cut off.
    assert "\\b" not in text and "\b" not in text
    assert not re.search(r"\w\.\.\.(?!\])", text), text
    assert max(map(len, text.splitlines())) <= int(columns)


def test_the_rules_of_compare_stand_one_to_a_line() -> None:
    text = CliRunner().invoke(main, ["compare", "--help"]).output
    lines = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    for name in ("changed", "farther", "ROW", "ROW:farther", "ROW>X", "0", "1", "2", "3"):
        assert name in lines


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}])
def test_the_script_itself(variables: dict[str, str], logs: Path) -> None:
    script = Path(sys.executable).with_name("kidney-evals")
    done = subprocess.run(
        [script, "show", logs / "forcé.eval"],
        env=environment() | variables,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"95 % interval" in done.stdout and b"modele-" in done.stdout


def test_a_file_is_utf_8_whatever_the_terminal(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.md"
    told = CliRunner(charset="ascii").invoke(main, ["table", str(logs), "-o", str(out)])
    assert told.exit_code == 0
    assert "modèle–中" in out.read_text(encoding="utf-8")
