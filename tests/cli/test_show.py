"""`kidney-evals show`: whatever it is given, a terminal of 80 columns can read the answer."""

import json
import shutil
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from cli.calling import kidney_evals, printed, refused
from kidney_evals.card import markdown_text, terminal_text
from kidney_evals.measures import find
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import forced_choice
from reporting.making_logs import Made, edited
from tasks.running import run


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_the_card_of_a_run_in_80_columns(name: str, made: Made) -> None:
    path = getattr(made, name)
    log = read_eval_log(str(path))
    condition, created = (log.eval.metadata or {})["condition"], log.eval.created
    shown = printed("show", path)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == f"kidney_evals/{condition}  kidney/human (simulated respondent)"
    dilemmas = "dilemmas=6" if name == "coin" else "dilemmas=4, controls=False"
    assert f"{created[:10]} {created[11:16]}, {dilemmas}" in " ".join(lines[1:3])
    card = rows_of(log).card
    assert card is not None and terminal_text(card) in shown
    stored = ((log.results and log.results.early_stopping) or pytest.fail()).metadata["card"]
    assert stored == card.to_dict()


def test_formats_for_papers_and_programs(made: Made) -> None:
    card = rows_of(read_eval_log(str(made.coin))).card
    assert card is not None
    assert markdown_text(card) in printed("show", "--format", "md", made.coin)
    shown = json.loads(printed("show", "--format", "json", made.coin, made.forced))
    tasks = [f"kidney_evals/{name}" for name in ("coin_flip", "forced_choice")]
    assert [one["task"] for one in shown] == tasks
    assert shown[0]["card"] == json.loads(json.dumps(card.to_dict()))


def test_all_shows_baselines_bounds_and_first_answers(tmp_path: Path) -> None:
    task = forced_choice(dilemmas=12, controls=False)
    log = run(task, tmp_path, model_args={"unreadable": 0.5})
    lines = printed("show", "--all", log.location).splitlines()
    assert max(map(len, lines)) <= 80
    at = lines.index("agreement over ceiling:")
    told = [line[:30].strip() for line in lines[at + 1 : at + 3]]
    assert told == ["always the majority", "guessing"]
    baseline = rows_of(log).baselines("agreement")["guessing"]
    assert f" {baseline.value:.3f} " in lines[at + 2]
    for words in ("agreement over ceiling, bounds", "coverage, first answers"):
        assert sum(line.startswith(words) for line in lines) == 1
    usual = printed("show", log.location)
    for word in ("bounds  ", "always the majority  ", "log score"):
        assert word not in usual


def test_a_folder_and_several_logs(made: Made, tmp_path: Path) -> None:
    for path in (made.coin, made.forced):
        shutil.copy(path, tmp_path)
    tasks = ("coin_flip", "forced_choice")
    titles = [f"kidney_evals/{one}  kidney/human (simulated respondent)" for one in tasks]
    folder = printed("show", tmp_path)
    # Oldest first: the coin flip ran before the forced choice.
    assert [one for one in folder.splitlines() if one in titles] == titles
    assert folder == printed("show", made.coin, made.forced)


def test_a_log_with_some_rows_says_so(made: Made, tmp_path: Path) -> None:
    for row in ("coverage", "agreement"):

        def reduce(log: EvalLog, row: str = row) -> None:
            assert log.results is not None
            log.results.scores = [score for score in log.results.scores if score.name == row]
            for sample in log.samples or []:
                (sample.scores or {}).pop("human_alignment")

        edited(made.forced, tmp_path / "part.eval", reduce)
        shown = printed("show", tmp_path).replace("\n", " ")
        assert find(row).label in shown and "rescore` scores a log" in shown


def test_logs_without_our_rows_are_passed_over(made: Made, tmp_path: Path) -> None:
    files = {
        "torn.eval": b"PK\x03\x04 cut off",
        # As a log it lacks what every log has, and Inspect says so in many lines.
        "nearly.json": b'{"version": 2, "status": "success"}',
        "notes.txt": b"no log at all",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    # Ours without the facts that our tasks write.
    edited(made.forced, tmp_path / "bare.eval", lambda log: setattr(log.eval, "metadata", None))
    logs = {tmp_path / name: "cannot be read as a log" for name in files}
    logs |= {made.other: "of another evaluation (sums)", tmp_path / "bare.eval": ""}
    alone = printed("show", made.forced)
    for other, why in logs.items():
        both = kidney_evals("show", made.forced, other)
        assert both.exit_code == 0 and both.stderr == "" and alone in both.stdout, both.output
        (line,) = (one for one in both.stdout.split("\n") if one.startswith("passed over: "))
        # With nothing else it is an error.
        error = refused(kidney_evals("show", other))
        assert "none of these logs holds answers" in error
        assert all(why in told and other.name in told for told in (line, error))
