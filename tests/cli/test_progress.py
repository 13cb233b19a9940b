"""How far reading is: a bar for logs and one for samples on a terminal, nothing elsewhere."""

import io
import re
import sys
from pathlib import Path

import pytest
from inspect_ai import eval

from kidney_evals.cli.logs import reading
from kidney_evals.reporting.logs import find_logs, read_samples
from kidney_evals.tasks import forced_choice


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("log")
    task = forced_choice(dilemmas=3, controls=False)
    assert eval(task, model="kidney/human", log_dir=str(folder))[0].status == "success"
    return str(next(Path(folder).glob("*.eval")))


def _read(log: str) -> None:
    with reading() as progress:
        read_samples(find_logs([log], progress), progress)


def test_a_terminal_sees_logs_then_samples(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    _read(log)
    last = [re.sub(r"\x1b\[[?\d]*\w", "", line) for line in screen.getvalue().splitlines()]
    ends = [line.split("\r")[-1] for line in last if line.strip()]
    assert [re.sub(r" *\[.*\] *", " ", line).strip() for line in ends if "#" in line] == [
        "reading logs 1/1",
        "reading samples 6/6",
    ]


def test_a_file_sees_nothing(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    _read(log)
    assert capsys.readouterr() == ("", "")
