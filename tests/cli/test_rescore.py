"""`kidney-evals rescore`: the same digits again, or one line and nothing written."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from inspect_ai import score
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelConfig

from cli.calling import inspect, refused
from cli.conftest import Runs
from kidney_evals.reporting.rows import stored_rows
from kidney_evals.scorers import answers, controls, human_alignment, indecision

Call = Callable[..., Result]
OTHER = "0" * 64
"""The hash of nothing that is installed."""


@pytest.fixture
def log(runs: Runs, tmp_path: Path) -> Path:
    """A copy of the coin-flip run, alone in a folder."""
    return Path(shutil.copy(runs.coin, tmp_path / "run.eval"))


def digits(path: Path | str) -> dict[str, str]:
    """Every number of a log, to the last digit (NaN is equal to itself here)."""
    return {name: repr(row) for name, row in stored_rows(read_eval_log(str(path))).items()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("output", [None, "again.eval", "again.json", "new/again.eval"])
def test_the_same_digits_again(
    output: str | None, log: Path, kidney_evals: Call, tmp_path: Path
) -> None:
    before = log.read_bytes()
    target = tmp_path / (output or "run-scored.eval")
    result = kidney_evals("rescore", log, *([] if output is None else ["-o", target]))
    assert result.exit_code == 0, result.output
    assert f"{len(digits(log))} rows, 0 differ" in result.stdout
    assert digits(target) == digits(log)
    assert log.read_bytes() == before
    assert names(tmp_path) == sorted({"run.eval", target.relative_to(tmp_path).parts[0]})


def test_the_address_that_inspect_prints(log: Path, kidney_evals: Call, tmp_path: Path) -> None:
    assert kidney_evals("rescore", log.as_uri()).exit_code == 0
    assert names(tmp_path) == ["run-scored.eval", "run.eval"]


def test_an_older_log_without_a_coin_has_one_distance(
    runs: Runs, kidney_evals: Call, tmp_path: Path
) -> None:
    older = read_eval_log(str(runs.forced))
    scorers = [human_alignment(), indecision(), answers(), controls()]
    write_eval_log(score(older, scorers, action="overwrite"), str(tmp_path / "older.eval"))
    assert kidney_evals("rescore", tmp_path / "older.eval").exit_code == 0
    assert digits(tmp_path / "older-scored.eval") == digits(runs.forced)


def test_a_row_that_moved_is_named(log: Path, kidney_evals: Call, tmp_path: Path) -> None:
    edited = read_eval_log(str(log))
    assert edited.results is not None
    first = edited.results.scores[0]
    first.metrics["est_value"].value = 0.123
    write_eval_log(edited, str(log))
    result = kidney_evals("rescore", log)
    assert "1 differ" in result.stdout
    assert f"  {first.name}: 0.123 -> " in result.stdout


MODELS: dict[str, dict[str, Any]] = {
    "openai/gpt-5": {"model_base_url": "https://example.org/v1"},
    "hf/meta-llama/Llama-3.1-8B-Instruct": {"model_args": {"device": "cuda:0"}},
    "nobody/has-this-provider": {},
}
"""Models whose key, client or provider is missing where the log is scored again."""


@pytest.mark.parametrize(
    "model",
    [pytest.param(one, marks=() if "nobody" in one else pytest.mark.slow) for one in MODELS],
)
def test_no_model_is_set_up(model: str, log: Path, tmp_path: Path) -> None:
    altered = read_eval_log(str(log))
    role = ModelConfig(model="google/gemini-2.5-pro")
    changes = {"model": model, "model_roles": {"grader": role}, **MODELS[model]}
    altered.eval = altered.eval.model_copy(update=changes)
    write_eval_log(altered, str(log))
    done = kidney_evals_without_keys("rescore", log.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differ" in done.stdout
    before, after = (
        read_eval_log(str(tmp_path / name), header_only=True)
        for name in ("run.eval", "run-scored.eval")
    )
    assert before.eval.model == model
    assert after.eval.model_dump(exclude={"scorers"}) == before.eval.model_dump(exclude={"scorers"})
    assert after.plan == before.plan and after.stats == before.stats
    assert digits(tmp_path / "run-scored.eval") == digits(log)


def kidney_evals_without_keys(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, without any provider's key or client."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('openai', 'anthropic', 'torch')));"
        "from kidney_evals.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
    )  # fmt: skip


def test_nothing_is_overwritten(log: Path, kidney_evals: Call, tmp_path: Path) -> None:
    other = tmp_path / "other.eval"
    other.write_bytes(b"precious")
    assert "other.eval exists" in refused(kidney_evals("rescore", log, "-o", other))
    assert other.read_bytes() == b"precious"
    assert "run.eval exists" in refused(kidney_evals("rescore", log, "-o", log))


@pytest.mark.parametrize(
    ("place", "name", "value", "what"),
    [
        (slice(None), "reference", f"1+{OTHER}", "another human reference"),
        (slice(5, 6), "reference", f"1+{OTHER}", "another human reference"),
        (slice(None), "study_hash", OTHER, "another study"),
    ],
)
def test_other_people_or_another_study_only_when_told(
    place: slice, name: str, value: str, what: str, log: Path, kidney_evals: Call, tmp_path: Path
) -> None:
    altered = read_eval_log(str(log))
    for sample in (altered.samples or [])[place]:
        sample.metadata[name] = value
    write_eval_log(altered, str(log))
    line = refused(kidney_evals("rescore", log))
    assert what in line and OTHER[:12] in line and "any" in line
    assert names(tmp_path) == ["run.eval"]

    result = kidney_evals("rescore", log, "--any-reference")
    assert result.exit_code == 0, result.output
    # Only the hash was altered, so the installed tables give the run's own digits.
    assert digits(tmp_path / "run-scored.eval") == digits(log)
    says = read_eval_log(str(tmp_path / "run-scored.eval"), header_only=True).eval.metadata or {}
    assert says["rescored_against"] == {
        "study": says["study_hash"],
        "human reference": says["reference_hash"],
    }


def _without_samples(log: Path) -> Path:
    emptied = read_eval_log(str(log))
    emptied.samples = []
    write_eval_log(emptied, str(log))
    return log


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (lambda log, runs: [log.parent], "is a folder"),
        (lambda log, runs: [log.parent, "-o", log.with_name("again.eval")], "is a folder"),
        (lambda log, runs: [log, "-o", log.with_name("again.txt")], "must end in .eval or .json"),
        (lambda log, runs: [log, "-o", log / "again.eval"], "cannot write"),
        (
            lambda log, runs: [runs.other, "-o", log.with_name("again.eval")],
            "no log of a kidney_evals task",
        ),
        (lambda log, runs: [log.with_name("nothing.eval")], "no log at"),
        (lambda log, runs: [_without_samples(log)], "holds no samples"),
    ],
)
def test_what_cannot_be_scored_is_said_in_a_line(
    arguments: Callable[[Path, Runs], list[Any]],
    says: str,
    log: Path,
    runs: Runs,
    kidney_evals: Call,
    tmp_path: Path,
) -> None:
    given = arguments(log, runs)
    assert says in refused(kidney_evals("rescore", *given))
    assert names(tmp_path) == ["run.eval"]


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["indecision", "human_alignment", "answers", "controls"])
def test_inspect_score_gives_the_rows_of_the_run(scorer: str, log: Path, tmp_path: Path) -> None:
    unscored = read_eval_log(str(log))
    for sample in unscored.samples or []:
        sample.scores = {}
    unscored.results = None
    write_eval_log(unscored, str(tmp_path / "unscored.eval"))
    done = inspect(
        *("score", "unscored.eval", "--scorer", f"kidney_evals/{scorer}"),
        *("--action", "append", "--output-file", "again.eval", "--display", "plain"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    own, again = digits(log), digits(tmp_path / "again.eval")
    assert again and again == {name: own[name] for name in again}
