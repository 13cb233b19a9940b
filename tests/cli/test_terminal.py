"""Any terminal can take what the commands print: narrow ones, and those with few letters."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kidney_evals.cli import main
from kidney_evals.tasks import coin_flip
from reporting.making_logs import Made, another, edited, spec
from tasks.running import run

ODD = "modèle–中\u202e\ud83d"
"""A name with an accent, a dash, a letter of no western encoding, and what is no letter at all."""

COMMANDS = {
    "show": "show LOGS",
    "describe": "describe COIN",
    "compare": "compare FORCED FORCED",
    "plan": f"plan smoke --model kidney/{ODD[:-1]}",
    "respondents": "respondents",
    "table": "table LOGS",
    "markdown": "compare COIN COIN --format md",
    "json": "compare COIN COIN --format json",
    "suite": "suite full",
    "error": f"show LOGS/{ODD}.eval",
    "refusal": "compare COIN FORCED",
}
TEXTS = [*COMMANDS][:5]


@pytest.fixture(scope="module")
def called(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The arguments of each command, with the places of its logs."""
    folder = tmp_path_factory.mktemp("logs")
    # `describe` needs ten dilemmas.
    log = run(coin_flip(dilemmas=10, controls=False), folder)
    coin, forced = folder / "coin.eval", folder / "forcé.eval"
    Path(log.location).rename(coin)
    edited(made.forced, forced, another(spec("model", f"kidney/{ODD[:-1]}")))
    places = {"LOGS": str(folder), "COIN": str(coin), "FORCED": str(forced)}
    return {
        name: re.sub("LOGS|COIN|FORCED", lambda one: places[one[0]], text).split()
        for name, text in COMMANDS.items()
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_no_encoding_is_too_small_and_no_terminal_too_narrow(
    name: str, called: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = CliRunner().invoke(main, called[name])
    for encoding in ("ascii", "cp1252") if name == "show" else ("ascii",):
        small = CliRunner(charset=encoding).invoke(main, called[name])
        assert small.exit_code == whole.exit_code and not isinstance(small.exception, UnicodeError)
        # Characters that the encoding lacks are ASCII or escapes, and all else is unchanged.
        expected = whole.output.encode(encoding, "kidney_evals.substitute")
        assert b"\\u2013" not in expected and b"\\u2265" not in expected
        assert small.output_bytes.splitlines() == expected.splitlines()
    monkeypatch.setenv("COLUMNS", "60")
    narrow = CliRunner().invoke(main, called[name])
    assert narrow.exit_code == whole.exit_code, narrow.output
    if name in TEXTS:
        long = [line for line in narrow.output.splitlines() if len(line) > 60]
        assert all(" " not in line.strip() for line in long), long
        assert narrow.output.split() == whole.output.split()
    else:
        # Programs read them: no line is broken.
        assert narrow.output == whole.output


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that call each command, groups first."""
    yield names
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_help_is_whole(words: tuple[str, ...]) -> None:
    for columns in (60, 80):
        shown = CliRunner(charset="ascii").invoke(main, [*words, "--help"], terminal_width=columns)
        assert shown.exit_code == 0, shown.output
        usage, text = shown.output.split("\n\n", 1)
        assert usage.startswith("Usage: ")
        # Neither a mark of the layout nor a sentence that was cut off.
        assert "\\b" not in text and "\b" not in text
        assert not re.search(r"\w\.\.\.(?!\])", text), text
        assert max(map(len, text.splitlines())) <= columns
    if words == ("compare",):
        # The rules are listed, each on its line.
        lines = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
        assert {"changed", "farther", "ROW", "ROW:farther", "ROW>X", "0", "3"} <= set(lines)


def test_a_file_is_utf_8_whatever_the_terminal(
    called: dict[str, list[str]], tmp_path: Path
) -> None:
    out = tmp_path / "out.md"
    made = CliRunner(charset="ascii").invoke(main, [*called["table"], "-o", str(out)])
    assert made.exit_code == 0 and "modèle–中" in out.read_text(encoding="utf-8")
