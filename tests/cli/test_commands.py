"""The smaller commands."""

import io
import re
import sys
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log

from cli.calling import inspect, kidney_evals, printed, refused
from kidney_evals.cli.logs import reading
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.logs import find_logs, read_samples
from kidney_evals.respondents.definitions import respondents
from kidney_evals.tasks import SUITES, coin_flip
from reporting.making_logs import Made
from tasks.running import run


def test_suites_and_respondents_are_listed() -> None:
    for suite in ("smoke", "full"):
        (line,) = printed("suite", suite).splitlines()
        names = line.split()
        assert names and all(one.startswith(f"kidney_evals/{suite}_") for one in names)
        assert all(one.split("/")[1] in SUITES[suite] for one in names)
    line = refused(kidney_evals("suite", "smok"))
    assert line == "Error: unknown suite 'smok'; allowed: smoke, full"
    listed = printed("respondents")
    for one in respondents():
        assert one.name in listed and all(argument in listed for argument in one.takes)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("show EMPTY", "LOGS is empty: give a value"),
        ("table logs EMPTY", "LOGS is empty: give a value"),
        ("survey export school_place -o x.csv --store EMPTY", "--store is empty"),
        ("survey school_place --store=", "--store is empty"),
        ("sft export --out x --study EMPTY", "--study is empty: give a value, or leave it out"),
        ("sft export --out x --target EMPTY", "--target is empty"),
        ("sft status EMPTY", "JOB-or-RECORD is empty"),
        ("sft submit --base x --data EMPTY", "--data is empty"),
        ("study new x --yes --good EMPTY", "--good is empty"),
        ("study new x --yes --attribute EMPTY", "--attribute is empty"),
        ("study new EMPTY --yes", "FOLDER is empty: give a value"),
    ],
)
def test_an_empty_value_is_no_default(
    command: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused(kidney_evals(*(word.replace("EMPTY", "") for word in command.split())))
    assert not list(tmp_path.iterdir())


def test_the_published_answers_cannot_be_fetched_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A proxy that nobody runs: the request ends on this machine.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    line = refused(kidney_evals("reference", "fetch", "--cache", tmp_path))
    for part in ("cannot download https://", "offline, copy study_1.csv"):
        assert part in line
    line = refused(kidney_evals("reference", "build", "--data", tmp_path, "--out", tmp_path / "a"))
    assert "study_1.csv is missing" in line and "reference fetch" in line
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


# --- describe --------------------------------------------------------------------------------


def test_a_log_is_described_with_its_rows(made: Made, tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=45, orders="as_listed", controls=False), tmp_path)
    lines = printed("describe", log.location).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "kidney_evals/coin_flip  kidney/human"
    assert lines[1] == "mcelfresh_2021, 45 samples, 45 answers read"
    rows = rows_of(read_eval_log(log.location))
    for row, words in (("centrality", "Centrality"), ("flip_slope", "flip slope   ")):
        (line,) = [line for line in lines if line.startswith(words)]
        assert f"{rows[row].value:.3f}" in line
    line = refused(kidney_evals("describe", made.coin))
    assert "cannot be described: 6 dilemmas were answered" in line
    assert "no log of a kidney_evals task" in refused(kidney_evals("describe", made.other))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_alone(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    # Four dilemmas in two orders.
    expected = "(?s).*reading logs .* 1/1.*reading samples .* 8/8"
    for screen, pattern in ((Terminal(), expected), (io.StringIO(), "$")):
        monkeypatch.setattr(sys, "stderr", screen)
        with reading() as progress:
            read_samples(find_logs([str(made.forced)], progress), progress)
        shown = re.sub(r"\x1b\[[?\d;]*\w", "", screen.getvalue())
        assert re.match(pattern, shown)


# --- arguments of Inspect's own command line -------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("-T dilemas=5 --model kidney/human", "unknown parameter 'dilemas'; allowed: study, dilem"),
        # A subprocess costs some 3 CPU seconds: one of them runs by default.
        pytest.param(
            "-M sharpnes=2 --model kidney/human",
            "unknown argument of kidney/human 'sharpnes'",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_argument_of_inspect_eval_is_one_line(
    arguments: str, says: str, tmp_path: Path
) -> None:
    done = inspect("eval", "kidney_evals/coin_flip", *arguments.split(), cwd=tmp_path)
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line.startswith("Error: ") and says in line
    # Nothing was begun.
    assert list(tmp_path.iterdir()) == []
