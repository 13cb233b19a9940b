"""`kidney-evals show`: whatever it is given, a terminal of 80 columns can read the answer."""

import json
import shutil
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import get_model

from cli.calling import kidney_evals, refused
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
    condition = (log.eval.metadata or {})["condition"]
    shown = kidney_evals("show", path)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0] == f"kidney_evals/{condition}  kidney/human"
    spec = log.eval
    dilemmas = "dilemmas=6" if name == "coin" else "dilemmas=4, controls=False"
    about = f"{spec.created[:10]} {spec.created[11:16]}, {dilemmas}"
    assert about in " ".join(lines[1:3])
    card = rows_of(log).card
    assert card is not None and terminal_text(card) in shown.stdout
    stored = ((log.results and log.results.early_stopping) or pytest.fail()).metadata["card"]
    assert stored == card.to_dict()


def test_formats_for_papers_and_programs(made: Made) -> None:
    card = rows_of(read_eval_log(str(made.coin))).card
    assert card is not None
    assert markdown_text(card) in kidney_evals("show", "--format", "md", made.coin).stdout
    shown = json.loads(kidney_evals("show", "--format", "json", made.coin, made.forced).stdout)
    assert [one["task"] for one in shown] == [
        "kidney_evals/coin_flip",
        "kidney_evals/forced_choice",
    ]
    assert shown[0]["card"] == json.loads(json.dumps(card.to_dict()))


def test_all_shows_baselines_bounds_and_first_answers(tmp_path: Path) -> None:
    model = get_model("kidney/human", unreadable=0.5)
    task = forced_choice(dilemmas=12, controls=False)
    log = run(task, tmp_path, model)
    lines = kidney_evals("show", "--all", log.location).stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    at = lines.index("agreement over ceiling:")
    told = [line[:30].strip() for line in lines[at + 1 : at + 3]]
    assert told == ["always the majority", "guessing"]
    baseline = rows_of(log).baselines("agreement")["guessing"]
    assert f" {baseline.value:.3f} " in lines[at + 2]
    for words in ("agreement over ceiling, bounds", "coverage, first answers"):
        assert sum(line.startswith(words) for line in lines) == 1
    usual = kidney_evals("show", log.location).stdout
    for word in ("bounds  ", "always the majority", "log score"):
        assert word not in usual


def test_a_folder_and_several_logs(made: Made, tmp_path: Path) -> None:
    for path in (made.coin, made.forced):
        shutil.copy(path, tmp_path)
    titles = ["kidney_evals/coin_flip  kidney/human", "kidney_evals/forced_choice  kidney/human"]
    folder, both = kidney_evals("show", tmp_path), kidney_evals("show", made.coin, made.forced)
    # Oldest first: the coin flip ran before the forced choice.
    assert [one for one in folder.stdout.splitlines() if one in titles] == titles
    assert folder.stdout == both.stdout


def test_logs_without_our_rows_are_passed_over(made: Made, tmp_path: Path) -> None:
    alone = kidney_evals("show", made.forced)
    # A log of another evaluation, and ours without the facts that our tasks write.
    edited(made.forced, tmp_path / "bare.eval", lambda log: setattr(log.eval, "metadata", None))
    for other, says in (
        (made.other, "of another evaluation (sums)"),
        (tmp_path / "bare.eval", ""),
    ):
        both = kidney_evals("show", other, made.forced)
        assert both.exit_code == 0 and both.stderr == "", both.output
        line, rest = both.stdout.split("\n", 1)
        assert line.startswith("passed over: ") and line.endswith(says) and rest == alone.stdout
        # With nothing else it is an error.
        assert "none of these logs holds answers" in refused(kidney_evals("show", other))


def test_a_log_with_some_rows_says_so(made: Made, tmp_path: Path) -> None:
    for row in ("coverage", "agreement"):

        def reduce(log: EvalLog, row: str = row) -> None:
            assert log.results is not None
            log.results.scores = [score for score in log.results.scores if score.name == row]
            for sample in log.samples or []:
                (sample.scores or {}).pop("human_alignment")

        edited(made.forced, tmp_path / "part.eval", reduce)
        shown = kidney_evals("show", tmp_path)
        assert shown.exit_code == 0, shown.output
        assert find(row).label in shown.stdout
        assert "rescore` scores a log" in shown.stdout.replace("\n", " ")


def test_a_file_that_is_no_log_is_named_in_a_line(made: Made, tmp_path: Path) -> None:
    for name, content in (
        ("torn.eval", b"PK\x03\x04 cut off"),
        # As a log it lacks what every log has, and Inspect says so in many lines.
        ("nearly.json", b'{"version": 2, "status": "success"}'),
        ("notes.txt", b"no log at all"),
    ):
        (tmp_path / name).write_bytes(content)
        line = refused(kidney_evals("show", tmp_path / name))
        assert "cannot be read as a log" in line and name in line
        # Nor does a good log beside it hide it.
        both = kidney_evals("show", made.forced, tmp_path / name).stdout
        (line,) = (one for one in both.split("\n") if one.startswith("passed over: "))
        assert "cannot be read as a log" in line and name in line
