"""`kidney-evals rescore`: the same digits again, or one line and nothing written."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelConfig

from cli.calling import inspect, kidney_evals, printed, refused
from kidney_evals.reporting.rows import stored_rows
from reporting.making_logs import Made, edited, unscored

OTHER = "0" * 64
"""A hash that no installed study or table has."""


@pytest.fixture
def log(made: Made, tmp_path: Path) -> Path:
    """A copy of the coin-flip run, alone in a folder."""
    return Path(shutil.copy(made.coin, tmp_path / "run.eval"))


def digits(path: Path | str) -> dict[str, str]:
    """Every number of a log, to the last digit (NaN is equal to itself here)."""
    return {name: repr(row) for name, row in stored_rows(read_eval_log(str(path))).items()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("output", [None, "new/again.json"])
def test_the_same_digits_again(output: str | None, log: Path, tmp_path: Path) -> None:
    before = log.read_bytes()
    target = tmp_path / (output or "run-scored.eval")
    # Inspect prints the address of a log.
    arguments = [log.as_uri()] if output is None else [log, "-o", target]
    assert f"{len(digits(log))} rows, 0 differ" in printed("rescore", *arguments)
    assert digits(target) == digits(log) and log.read_bytes() == before
    assert names(tmp_path) == sorted({"run.eval", target.relative_to(tmp_path).parts[0]})


def test_a_row_that_moved_is_named_the_card_made_again_and_no_model_set_up(
    log: Path, tmp_path: Path
) -> None:
    # The provider, or its key or client, is missing where the log is scored again.
    nobody = {"model": "nobody/has-this", "model_args": {"device": "cuda:0"}}
    changes = {**nobody, "model_roles": {"grader": ModelConfig(model="nobody/has-this-either")}}
    changed = read_eval_log(str(log))
    assert changed.results is not None and changed.results.early_stopping is not None
    card = changed.results.early_stopping.metadata["card"]
    assert isinstance(card, dict) and card["condition"] == "coin_flip"
    changed.results.early_stopping.metadata["card"] = {}
    changed.eval = changed.eval.model_copy(update=changes)
    first = changed.results.scores[0]
    first.metrics["est_value"].value = 0.123
    write_eval_log(changed, str(log))
    shown = printed("rescore", log)
    assert "1 differ" in shown and f"  {first.name}: 0.123 -> " in shown
    before, after = (
        read_eval_log(str(tmp_path / name), header_only=True)
        for name in ("run.eval", "run-scored.eval")
    )
    assert before.eval.model == "nobody/has-this"
    scoring = {"scorers", "metrics"}
    assert after.eval.model_dump(exclude=scoring) == before.eval.model_dump(exclude=scoring)
    assert after.plan == before.plan and after.stats == before.stats
    assert after.results is not None and after.results.early_stopping is not None
    assert after.results.early_stopping.metadata["card"] == card


@pytest.mark.parametrize(
    ("samples", "name", "value", "part"),
    [
        # One sample is refused by the scorer, all by the command.
        (slice(5, 6), "reference", f"1+{OTHER}", "another human reference"),
        (slice(None), "study_hash", OTHER, "another study"),
    ],
)
def test_other_people_or_another_study_only_on_request(
    samples: slice, name: str, value: str, part: str, log: Path, tmp_path: Path
) -> None:
    altered = read_eval_log(str(log))
    for sample in (altered.samples or [])[samples]:
        sample.metadata[name] = value
    write_eval_log(altered, str(log))
    line = refused(kidney_evals("rescore", log))
    assert part in line and OTHER[:12] in line and "any" in line
    assert names(tmp_path) == ["run.eval"]

    printed("rescore", log, "--any-reference")
    # Only the hash was altered, so the installed tables give the run's own digits.
    assert digits(tmp_path / "run-scored.eval") == digits(log)
    facts = read_eval_log(str(tmp_path / "run-scored.eval"), header_only=True).eval.metadata or {}
    installed = {"study": facts["study_hash"], "human reference": facts["reference_hash"]}
    assert facts["rescored_against"] == installed


def test_the_scorer_is_the_task_s_and_a_row_whose_ends_moved_says_so(
    log: Path, tmp_path: Path
) -> None:
    own = digits(log)

    def edit(changed: EvalLog) -> None:
        # As `inspect score --scorer kidney_evals/stated --action append` leaves the log.
        scorers = changed.eval.scorers or []
        scorers.append(scorers[0].model_copy(update={"name": "stated"}))
        assert changed.results is not None
        (row,) = (one for one in changed.results.scores if one.name == "coverage")
        row.metrics["est_low"].value = 0.5

    edited(log, log, edit)
    shown = printed("rescore", log)
    assert digits(tmp_path / "run-scored.eval") == own
    (line,) = shown.splitlines()[1:]
    assert line.startswith("  coverage: low 0.5 -> 0.6")


def _cut_json(source: Path, folder: Path) -> Path:
    whole = edited(source, folder / "cut.json", lambda log: None).read_bytes()
    (folder / "cut.json").write_bytes(whole[: len(whole) // 2])
    return folder / "cut.json"


def _cut_samples(source: Path, folder: Path) -> Path:
    with ZipFile(source) as log, ZipFile(folder / "cut.eval", "w") as archive:
        for name in log.namelist():
            content = log.read(name)
            half = len(content) // (2 if name.startswith("samples/") else 1)
            archive.writestr(name, content[:half])
    return folder / "cut.eval"


def _samples(name: str, value: object) -> Callable[[Path, Path], Path]:
    def edit(log: EvalLog) -> None:
        for sample in (log.samples or [])[3:]:
            # The last run that was read is kept by the ids of its samples.
            sample.id = f"{sample.id}-2"
            sample.metadata[name] = value
            if value is None:
                del sample.metadata[name]

    return lambda source, folder: edited(source, folder / "odd.eval", edit)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_cut_json, "its samples cannot be read"),
        (_cut_samples, "its samples cannot be read"),
        (_samples("order", None), "its samples are not as kidney_evals writes them (KeyError"),
        (_samples("a_age", "old"), "its samples are not as kidney_evals writes them (ValueError"),
        (_samples("a_age", math.nan), "(ValueError: a candidate has a value that is not finite)"),
    ],
)
def test_a_damaged_log_is_one_line(
    make: Callable[[Path, Path], Path], says: str, made: Made, tmp_path: Path
) -> None:
    damaged = make(made.coin, tmp_path)
    before, out = names(tmp_path), tmp_path / "data"
    for command in (["describe"], ["rescore"], ["sft", "export", "--out", out, "--log"]):
        assert says in refused(kidney_evals(*command, damaged)), command
        assert names(tmp_path) == before


def test_some_logs_cannot_be_scored(log: Path, made: Made, tmp_path: Path) -> None:
    empty = edited(log, tmp_path / "empty.eval", lambda one: setattr(one, "samples", []))
    (tmp_path / "there.eval").write_bytes(b"precious")
    (tmp_path / "link.eval").symlink_to(tmp_path / "there.eval")
    before, again = names(tmp_path), tmp_path / "again.eval"
    for arguments, says in (
        ([tmp_path], "is 3 logs; give one log"),
        ([log, "-o", tmp_path / "link.eval"], "which is never replaced: name another file\n"),
        ([log, "-o", tmp_path / "again.txt"], "must end in .eval or .json"),
        ([log, "-o", log / "again.eval"], "cannot write"),
        ([log, "-o", tmp_path / "there.eval"], "there.eval exists"),
        ([made.other, "-o", again], "no log of a kidney_evals task"),
        ([tmp_path / "nothing.eval"], "no log at"),
        ([empty], "holds no samples"),
    ):
        assert says in refused(kidney_evals("rescore", *arguments)) + "\n"
        assert names(tmp_path) == before
    assert (tmp_path / "there.eval").read_bytes() == b"precious"


@pytest.mark.slow
def test_inspect_score_gives_the_rows_of_the_run(log: Path, tmp_path: Path) -> None:
    edited(log, tmp_path / "unscored.eval", unscored)
    done = inspect(
        *("score", "unscored.eval", "--scorer", "kidney_evals/human_alignment"),
        *("--action", "append", "--output-file", "again.eval", "--display", "plain"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    own, again = digits(log), digits(tmp_path / "again.eval")
    assert again and again == {name: own[name] for name in again}
