"""`kidney-evals show`: whatever it is given, a terminal of 80 columns can read the answer."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from inspect_ai import eval
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import get_model

from cli.calling import refused
from cli.conftest import Runs
from kidney_evals.measures import find, headlines
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import forced_choice
from reporting.making_logs import killed

Call = Callable[..., Result]

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31mname\r\u202e\u2028x"
"""Sets a title, clears the screen, starts a colour, returns the carriage, turns the writing."""


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_a_run_is_told_in_80_columns(name: str, runs: Runs, kidney_evals: Call) -> None:
    path = getattr(runs, name)
    log = read_eval_log(str(path))
    condition = (log.eval.metadata or {})["condition"]
    shown = kidney_evals("show", path)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0] == f"kidney_evals/{condition}  kidney/human"
    spec = log.eval
    dilemmas = "dilemmas=4" if name == "coin" else "dilemmas=3, controls=False"
    assert lines[2] == f"{spec.created[:10]} {spec.created[11:16]}, {dilemmas}"
    assert lines[3] in (str(path), f"…/{path.name}")
    # A blank, heads, a blank, and then the three rows of the viewer's header.
    for line, one in zip(lines[7:10], headlines(condition), strict=True):
        value = rows_of(log)[one.id]
        printed = f"{value.value:.3f}" if value.defined else "–"
        assert line.startswith(one.label)
        assert line.removeprefix(one.label).split()[0] == printed
    assert "The model" in shown.stdout
    assert "not what is right" in shown.stdout


def test_all_shows_every_measure_with_baselines_bounds_and_first_answers(
    kidney_evals: Call, tmp_path: Path
) -> None:
    model = get_model("kidney/human", unreadable=0.5)
    task = forced_choice(dilemmas=12, controls=False)
    [log] = eval(task, model=model, log_dir=str(tmp_path), display="none")
    lines = kidney_evals("show", "--all", log.location).stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    rows = rows_of(log)
    for id, row in rows.items():
        if row.defined and row.value:
            assert any(
                line.startswith(f"{find(id).label} ") and f" {row.value:.3f} " in line
                for line in lines
            ), id
    at = lines.index("agreement over ceiling:")
    told = [line[:30].strip() for line in lines[at + 1 : at + 4]]
    assert told == ["always the majority", "one person", "guessing"]
    assert f" {rows.baselines('agreement')['one person'].value:.3f} " in lines[at + 2]
    for words in ("agreement over ceiling, bounds", "coverage, first answers"):
        assert sum(line.startswith(words) for line in lines) == 1
    usual = kidney_evals("show", log.location).stdout
    assert "bounds  " not in usual and "one person" not in usual and "log score" not in usual


def test_a_folder_and_several_logs(runs: Runs, kidney_evals: Call, tmp_path: Path) -> None:
    for path in (runs.coin, runs.forced):
        shutil.copy(path, tmp_path)
    titles = ["kidney_evals/coin_flip  kidney/human", "kidney_evals/forced_choice  kidney/human"]
    folder, both = kidney_evals("show", tmp_path), kidney_evals("show", runs.coin, runs.forced)
    # Oldest first: the coin flip ran before the forced choice.
    for shown in (folder, both):
        assert shown.exit_code == 0
        assert [one for one in shown.stdout.splitlines() if one in titles] == titles
    assert folder.stdout == both.stdout


def test_logs_of_other_evaluations_are_passed_over(runs: Runs, kidney_evals: Call) -> None:
    alone = kidney_evals("show", runs.forced)
    beside = kidney_evals("show", runs.other, runs.forced)
    assert beside.exit_code == 0
    line, rest = beside.stdout.split("\n", 1)
    assert line.startswith("passed over: ") and line.endswith("of another evaluation (sums)")
    assert alone.stderr == beside.stderr == ""
    assert rest == alone.stdout


def test_our_rows_under_another_task_are_passed_over(
    runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    log = read_eval_log(str(runs.forced))
    log.eval.metadata = None
    write_eval_log(log, str(tmp_path / "bare.eval"))
    shown = kidney_evals("show", tmp_path, runs.forced)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("passed over: ")


@pytest.mark.parametrize("kept", ["coverage", "agreement"])
def test_a_log_with_some_rows_says_so(
    kept: str, runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    log = read_eval_log(str(runs.forced))
    assert log.results is not None
    log.results.scores = [score for score in log.results.scores if score.name == kept]
    for sample in log.samples or []:
        sample.scores = {
            name: one for name, one in (sample.scores or {}).items() if name != "answers"
        }
    write_eval_log(log, str(tmp_path / "part.eval"))
    shown = kidney_evals("show", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert find(kept).label in shown.stdout
    assert "some of the scorers only" in shown.stdout


def test_nothing_but_other_evaluations_is_an_error(runs: Runs, kidney_evals: Call) -> None:
    shown = kidney_evals("show", runs.other)
    assert shown.exit_code == 2
    assert shown.stderr.count("\n") == 1
    assert "none of these logs holds answers" in shown.stderr


def test_what_came_instead_of_answers_is_named(kidney_evals: Call, tmp_path: Path) -> None:
    # 3 dilemmas in 2 orders.
    task = forced_choice(dilemmas=3, controls=False)
    eval(task, model="kidney/refuser", log_dir=str(tmp_path), display="none")
    shown = kidney_evals("show", tmp_path)
    assert "decided in no sample (6 refusals)" in shown.stdout.replace("\n", " ")
    assert "no answer that could be read" not in shown.stdout


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("torn.eval", b"PK\x03\x04 cut off", "cannot be read as a log"),
        ("text.eval", b"no log at all", "cannot be read as a log"),
        ("other.json", b'{"a": 1}', "cannot be read as a log"),
        # As a log it lacks what every log has, and Inspect says so in many lines.
        ("nearly.json", b'{"version": 2, "status": "success"}', "cannot be read as a log"),
        ("notes.txt", b"no log at all", "cannot be read as a log"),
        ("empty", None, "no log in the folder"),
        ("missing.eval", b"", "no log at"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(
    name: str, content: bytes | None, says: str, runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    elif content:
        path.write_bytes(content)
    line = refused(kidney_evals("show", path))
    assert says in line and name in line
    beside = kidney_evals("show", runs.forced, path)
    if says.startswith("no log"):
        # A name without a log is a mistake in the command.
        assert name in refused(beside)
    else:
        # A good log beside it does not hide the bad one, nor the bad one the good one.
        assert beside.exit_code == 0 and kidney_evals("show", runs.forced).stdout in beside.stdout
        (line,) = (one for one in beside.stdout.split("\n") if one.startswith("passed over: "))
        assert says in line and name in line


def test_a_name_in_a_log_cannot_steer_the_terminal(
    runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    for path in (runs.forced, runs.other):
        log = read_eval_log(str(path))
        log.eval.model = log.eval.task = HOSTILE
        assert log.results is not None
        log.results.scores[-1].name = HOSTILE
        write_eval_log(log, str(tmp_path / path.name))
    shown = kidney_evals("show", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("name") >= 3
    assert all(line.isprintable() for line in shown.stdout.split("\n"))


def test_a_run_that_was_killed_is_shown_as_what_it_is(
    runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    path = killed(runs.coin, tmp_path / "killed.eval")
    whole, cut = kidney_evals("show", runs.coin), kidney_evals("show", path)
    assert cut.exit_code == 0, cut.output
    assert "not ended: killed, or still running, after 18 of 18 samples" in cut.stdout
    # Its numbers are those that a finished log of the same answers holds.
    table = whole.stdout.split("\n\n", 1)[1]
    assert cut.stdout.endswith(table) and len(table) > 1000


def test_patterns_and_addresses(runs: Runs, kidney_evals: Call, tmp_path: Path) -> None:
    shutil.copy(runs.forced, tmp_path / "a b.eval")
    shutil.copy(runs.forced, tmp_path / "b-scored.eval")
    alone = kidney_evals("show", runs.forced)
    # From the table on: the first paragraph names the file.
    table = alone.stdout.split("\n\n", 1)[1]
    for name in (f"file://{tmp_path}", tmp_path / "*.eval"):
        shown = kidney_evals("show", name)
        assert shown.exit_code == 0, shown.output
        # One of them was scored again in the other, which is said and not shown twice.
        line, rest = shown.stdout.split("\n", 1)
        assert line.startswith("passed over: ") and "a b.eval: the same run as" in line
        assert "b-scored.eval" in rest and rest.split("\n\n", 1)[1] == table
