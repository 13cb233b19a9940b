"""`kidney-evals describe`: from a log to its description, or one line that says why not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from inspect_ai import eval
from inspect_ai.log import read_eval_log

from cli.calling import refused
from cli.conftest import Runs
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip

Call = Callable[..., Result]


def test_a_log_is_described_with_the_rows_it_holds(kidney_evals: Call, tmp_path: Path) -> None:
    task = coin_flip(dilemmas=45, orders="as_listed", controls=False)
    log = eval(task, model="kidney/human", log_dir=str(tmp_path), display="none")[0]
    shown = kidney_evals("describe", log.location)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0] == "kidney_evals/coin_flip  kidney/human"
    assert lines[1] == "mcelfresh_2021, 45 samples, 45 answers read"
    rows = rows_of(read_eval_log(log.location))
    for row, words in (("centrality", "Centrality"), ("flip_slope", "flip slope   ")):
        (line,) = [line for line in lines if line.startswith(words)]
        assert f"{rows[row].value:.3f}" in line


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("coin", "cannot be described: 4 dilemmas were answered"),
        ("other", "no log of a kidney_evals task"),
    ],
)
def test_what_cannot_be_described_is_refused_in_a_line(
    which: str, said: str, runs: Runs, kidney_evals: Call
) -> None:
    assert said in refused(kidney_evals("describe", getattr(runs, which)))


def test_a_folder_is_refused(kidney_evals: Call, tmp_path: Path) -> None:
    assert "is a folder; give one log" in refused(kidney_evals("describe", tmp_path))
