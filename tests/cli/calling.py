"""Calls of our command line in this process, and of Inspect's as a subprocess."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kidney_evals.cli import main
from kidney_evals.errors import UserError

INSPECT = Path(sys.executable).with_name("inspect")
"""The script, not `python -m`: that would put the current folder before what is installed."""


def kidney_evals(*arguments: object) -> Result:
    """Call the command line with the given arguments, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def printed(*arguments: object) -> str:
    """Return what a command that succeeds prints on standard output."""
    done = kidney_evals(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(result: Result) -> str:
    """Return the one line with which a command gave up."""
    assert result.exit_code == 2, result.output
    assert result.stdout.strip() == ""
    line, nothing = result.stderr.split("\n")
    assert nothing == "" and line.startswith("Error: "), result.stderr
    return line


def line_of(function: Callable[..., object], *arguments: object, **named: object) -> str:
    """Return the one line of the error that a call raises."""
    with pytest.raises(UserError) as caught:
        function(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def inspect(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `inspect` in a folder, with nothing of Inspect's set in the environment."""
    command = [str(INSPECT), *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def environment() -> dict[str, str]:
    """Return this process's environment without Inspect's variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("INSPECT_")}
