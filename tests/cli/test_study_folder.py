"""A study outside the package: a folder with the files of a shipped one."""

from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from cli.calling import inspect, kidney_evals, printed, refused
from kidney_evals.errors import UserError
from kidney_evals.reporting import rows_of
from kidney_evals.studies import load_study
from kidney_evals.tasks import smoke_coin_flip, smoke_coin_flip_fixed
from study_folders import SCHOLARSHIP, copied, edit
from tasks.running import run

ROOT = Path(__file__).resolve().parents[2]
FIXED = "mcelfresh_2021_fixed"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of a shipped study under an id of its own."""
    folder = tmp_path / "studies" / "mine"
    return copied(FIXED, folder, ("study.yaml", f"id: {FIXED}\n", "id: mine\n"))


def check(log: EvalLog, folder: Path) -> None:
    assert log.status == "success", log.error
    facts = log.eval.metadata or {}
    assert facts["study"] == "mine" and facts["study_hash"] == load_study(folder).hash
    assert facts["study_hash"] != load_study(FIXED).hash
    assert log.samples
    for sample in log.samples:
        # The path is absolute, however it was given: the log can be scored from anywhere.
        assert sample.metadata["study_source"] == str(folder)
        assert sample.metadata["study"] == "mine"
        assert sample.metadata["human_a"] > 0
    rows = rows_of(log)
    assert rows["coverage"].value == 1 and rows["agreement"].human == pytest.approx(0.9, abs=0.2)


SPOILT = ("dilemmas.csv", "q02,question 2,18", "q02,question 2,1_8")
SAYS = "line 3, first_age must be"


def test_a_relative_path_and_scoring_from_another_folder(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    task_args = {"study": "studies/mine"}
    log = run("kidney_evals/forced_choice", tmp_path / "logs", task_args=task_args, epochs=1)
    check(log, study)
    monkeypatch.chdir("/")
    (path,) = (tmp_path / "logs").glob("*.eval")
    assert " 0 differ" in printed("rescore", path)
    # An edited or spoilt study does not score an older log.
    edit(study, "study.yaml", "id: mine", "# another word\nid: mine")
    assert "another study" in refused(kidney_evals("rescore", path))
    edit(study, *SPOILT)
    for command in ("rescore", "describe"):
        assert SAYS in refused(kidney_evals(command, path))


@pytest.mark.slow
def test_from_a_task_file_of_the_checkout(study: Path, tmp_path: Path) -> None:
    done = inspect(
        *("eval", "tasks/forced_choice.py", "--model", "kidney/human", "--epochs", "1"),
        *("-T", f"study={study}", "--log-dir", tmp_path / "logs", "--display", "plain"),
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (tmp_path / "logs").glob("*.eval")
    check(read_eval_log(str(path)), study)


def test_a_spoilt_folder_is_one_line_before_the_first_call(study: Path, tmp_path: Path) -> None:
    edit(study, *SPOILT)
    plan = ("plan", "forced_choice", "-T", f"study={study}")
    for arguments in (plan, ("sft", "export", "--study", study, "--out", tmp_path / "out")):
        line = refused(kidney_evals(*arguments))
        assert line.startswith(f"Error: {study / SPOILT[0]}") and SAYS in line
    for task in ("coin_flip", "stated_values"):
        with pytest.raises(UserError, match=SAYS):
            run(f"kidney_evals/{task}", tmp_path / "logs", task_args={"study": str(study)})
    assert not list(tmp_path.glob("logs/*.eval")) and not (tmp_path / "out").exists()
    # Tables of people's answers are read as early.
    edit(study, SPOILT[0], SPOILT[2], SPOILT[1])
    edit(study, "reference/draws_coin_flip.csv", "32,10,20", "32,10,many")
    line = refused(kidney_evals(*plan))
    assert "draws_coin_flip.csv" in line and "line 2, q01.coin must be a" in line


def test_a_study_edited_between_two_runs_of_a_process(study: Path, tmp_path: Path) -> None:
    for _ in range(2):
        edit(study, "study.yaml", "title: The", "title: The The")
        task_args = {"study": str(study)}
        log = run("kidney_evals/forced_choice", tmp_path / "logs", task_args=task_args, limit=2)
        assert (log.eval.metadata or {})["study_hash"] == load_study(study).hash


def test_a_suite_for_a_study_of_ones_own(tmp_path: Path) -> None:
    folder = copied(SCHOLARSHIP, tmp_path / "mine")
    shown = printed("suite", "smoke", "--study", folder).split()
    assert shown[:2] == ["kidney_evals/smoke_forced_choice", "kidney_evals/smoke_coin_flip"]
    assert shown[2:] == ["-T", f"study={folder}"]
    task = smoke_coin_flip(study=str(folder))
    # 50 dilemmas in both orders.
    assert len(task.dataset) == 100 and (task.metadata or {})["good"] == "scholarship"
    with pytest.raises(UserError, match="asks a study of its own"):
        smoke_coin_flip_fixed(study=str(folder))
