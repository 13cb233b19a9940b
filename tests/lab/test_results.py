"""Records of models' runs: what they hold, what is refused, and those that are committed."""

import hashlib
import json
import runpy
import shutil
from collections.abc import Callable
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task
from inspect_ai.log import read_eval_log, write_eval_log

from cli.calling import kidney_evals, refused
from kidney_evals.finetuning.packaged_models import Origin, packaged_models
from kidney_evals.lab.results import TOLERANCE, problems, read_record
from kidney_evals.lab.results_table import readme_table, results_page
from kidney_evals.measures.run import Run
from kidney_evals.measures.run_record import run_from_dict, run_to_dict
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.tasks import coin_flip, forced_choice, stated_values
from tasks.running import run

ROOT = Path(__file__).resolve().parents[2]
WORDINGS = "default,labels_numbers"
COMMITTED = sorted((ROOT / "docs/results").glob("*.json"))


call = partial(kidney_evals, "results")


@pytest.mark.parametrize(
    ("task", "respondent"),
    [
        (partial(coin_flip, dilemmas=8), "human"),
        (partial(coin_flip, dilemmas=6, readout="logprobs", controls=False), "human"),
        (partial(forced_choice, dilemmas=2, wording=WORDINGS, crossed=True), "uniform"),
        (partial(forced_choice, dilemmas=3, probe="gender", controls=False), "human"),
        pytest.param(partial(forced_choice, "boerstler_2024"), "human", marks=pytest.mark.slow),
        (partial(coin_flip, study="icu_bed", dilemmas=3), "uniform"),
        (partial(coin_flip, dilemmas=3, orders="as_listed"), "refuser"),
    ],
)
def test_a_run_is_read_again_as_it_was(
    task: Callable[[], Task], respondent: str, tmp_path: Path
) -> None:
    rows = rows_of(run(task(), tmp_path, f"kidney/{respondent}"))
    assert isinstance(rows.run, Run)
    again = Rows(run_from_dict(json.loads(json.dumps(run_to_dict(rows.run)))))
    assert list(again) == list(rows) and again.flags == rows.flags
    for id in rows:
        np.testing.assert_equal(tuple(again[id]), tuple(rows[id]), id)
    assert rows.card is not None and again.card is not None
    assert again.card.to_dict() == rows.card.to_dict()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    run(coin_flip(dilemmas=30), folder)
    run(forced_choice(dilemmas=30, controls=False, readout="logprobs"), folder)
    return folder


@pytest.fixture(scope="module")
def written(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("records") / "model.json"
    done = call("record", logs, "--out", path, "--machine", "2 CPU cores")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "2 runs of kidney/human" in said
    assert "Not to be committed: kidney/human is a simulated respondent" in said
    return path


@pytest.fixture
def record(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def test_what_a_record_holds(logs: Path, record: Path) -> None:
    read = read_record(record)
    assert len(read.runs) == 2
    for log in map(read_eval_log, map(str, logs.glob("*.eval"))):
        (made,) = [one for one in read.runs if one.task == log.eval.task]
        rows = rows_of(log)
        assert set(made.measures) == {id for id in rows if rows[id].defined}
        for id, printed in made.measures.items():
            np.testing.assert_allclose(printed, rows[id][:3], rtol=0, atol=0.00005 + 1e-12)
        assert rows.card is not None
        assert made.verdicts == {one.id: one.verdict for one in rows.card.findings}
        assert made.versions["inspect_ai"] == log.eval.packages["inspect_ai"]
        assert made.date == log.eval.created[:10] and len(made.responses) == 3
    assert sorted(one.command for one in read.runs) == [
        "inspect eval kidney_evals/coin_flip -T dilemmas=30 --model kidney/human",
        "inspect eval kidney_evals/forced_choice -T dilemmas=30 -T controls=False "
        "-T readout=logprobs --model kidney/human",
    ]
    # 60 samples and 10 controls, 60 samples with three probabilities each.
    assert record.stat().st_size < 25_000
    assert problems(read) == ["kidney/human is a simulated respondent, no model"]
    record.write_text("[]", encoding="utf-8")
    line = refused(call("record", logs, "--out", record, "--machine", "2 CPU cores"))
    assert "was not written by kidney-evals" in line
    copy = shutil.copy(next(logs.glob("*.eval")), record.with_suffix(".eval"))
    pattern = ("record", f"{record.parent}/*.eval", "--out", copy, "--machine", "2 CPU cores")
    assert "is read here" in refused(call(*pattern, "--overwrite"))


def test_a_record_on_standard_output_is_json_alone(logs: Path) -> None:
    done = call("record", logs, "--out", "-", "--machine", "2 CPU cores")
    assert json.loads(done.stdout)["machine"] == "2 CPU cores"
    assert "Written to -: 2 runs of kidney/human" in done.stderr


def origin_of(name: str) -> dict[str, Any]:
    origin = Origin(
        name=name,
        weights={"model.safetensors": hashlib.sha256(b"weights").hexdigest()},
        chat_template=True,
        versions={"torch": "2"},
        **dict(packaged_models()[name]),
    )
    return origin.model_dump(mode="json")


def change(record: Path, place: str, new: Callable[[Any], Any]) -> None:
    """Replace the value at a place of a record."""
    data = json.loads(record.read_text(encoding="utf-8"))
    *path, last = (int(key) if key.isdigit() else key for key in place.split("."))
    part = reduce(getitem, path, data)
    part[last] = new(part[last])
    record.write_text(json.dumps(data), encoding="utf-8")


OTHER_ORIGIN = "its origin is not that of the fetched model smollm2"


@pytest.mark.parametrize(
    ("place", "new", "says"),
    [
        ("runs.0.measures.coverage.0", lambda old: old - 2.5 * TOLERANCE, "coverage is printed as"),
        ("runs.0.answers.choice.codes", lambda codes: codes[::-1], "sharpness is printed as"),
        ("runs.1.verdicts.swap", lambda _: "like a saint", "like a saint"),
        ("runs.0.command", lambda old: f"{old} -M a=/home/me/weights", "a path of a machine"),
        ("runs.0.responses.0.response", lambda _: "see ../../home", "of a machine: see ../../home"),
        ("runs.0.readout", lambda _: "prefill", "its answers are those of readout="),
        ("runs", lambda runs: [*runs, runs[0]], "two of its runs have the same answers"),
        ("origin", lambda _: origin_of("smollm2") | {"title": "Another model"}, OTHER_ORIGIN),
        ("origin", lambda _: origin_of("smollm2") | {"sha256": "0" * 64}, OTHER_ORIGIN),
        ("runs.0.reference", lambda _: "0" * 64, "recorded with other tables"),
        ("runs.0.answers", lambda answers: answers | {"order": None}, "answers cannot be read"),
    ],
)
def test_a_record_that_does_not_follow_from_its_answers_fails(
    place: str, new: Callable[[Any], Any], says: str, record: Path
) -> None:
    change(record, place, new)
    done = call("check", record)
    assert done.exit_code == 1 and says in done.stderr, done.output


def test_a_file_of_another_form_is_one_line(record: Path) -> None:
    data = json.loads(record.read_text(encoding="utf-8"))
    for wrong, says in (
        (data | {"transcripts": []}, "transcripts"),
        (data | {"runs": []}, "runs"),
        (data | {"origin": ""}, "origin"),
        ([], "no record of results"),
    ):
        record.write_text(json.dumps(wrong), encoding="utf-8")
        assert says in refused(call("check", record))
    assert "/dev/zero is not a regular file" in refused(call("check", "/dev/zero"))


def test_every_record_is_checked_and_named(record: Path) -> None:
    bad, worse = (Path(shutil.copy(record, record.with_name(name))) for name in ("b", "c"))
    change(bad, "runs.0.answers", lambda answers: answers | {"order": None})
    worse.write_text("[]", encoding="utf-8")
    before = record.read_text(encoding="utf-8")
    change(record, "runs.0.measures.coverage.0", lambda old: old - 2.5 * TOLERANCE)
    done = call("check", "--renew", bad, worse, record)
    lines = done.stderr.splitlines()
    assert done.exit_code == 2 and len(lines) == 3, done.output
    assert "simulated respondent" in lines[0] and record.read_text(encoding="utf-8") == before
    assert lines[1].startswith(f"Error: {bad}: its answers cannot be read")
    assert lines[2].startswith(f"Error: {worse} is no record of results")


def test_renewed_numbers_follow_from_the_answers(record: Path) -> None:
    before = record.read_text(encoding="utf-8")
    change(record, "runs.0.measures.coverage.0", lambda old: old - 2.5 * TOLERANCE)
    done = call("check", "--renew", record)
    assert "simulated respondent" in done.stderr and done.stderr.count("\n") == 1
    assert record.read_text(encoding="utf-8") == before


def test_logs_that_make_no_record_are_refused(logs: Path, tmp_path: Path) -> None:
    other, stated, partial = (tmp_path / name for name in ("other", "stated", "partial"))
    run(coin_flip(dilemmas=2, controls=False), other, "kidney/first")
    run(stated_values(), stated)
    log = run(coin_flip(dilemmas=2, controls=False), partial)
    log.status = "cancelled"
    write_eval_log(log, log.location)
    clock = run(coin_flip(dilemmas=2, controls=False), tmp_path / "clock")
    clock.stats.started_at = "2999-01-01T00:00:00+00:00"
    write_eval_log(clock, clock.location)
    for names, says in (
        ([clock.location], "no valid record (minutes: "),
        ([logs, "--machine", " "], "--machine is empty: say in generic words"),
        ([logs, "--origin", "short"], "--origin must have at least 10 characters, not 'short'"),
        ([logs, other], "a record is of one model, and these logs are of kidney/first, kidney/hum"),
        ([stated], "only runs of choices are recorded"),
        ([partial], "only finished runs are recorded"),
    ):
        out = tmp_path / "new.json"
        assert says in refused(call("record", "--out", out, "--machine", "a laptop", *names))
        assert not out.exists()


def test_where_the_weights_of_a_local_model_come_from(tmp_path: Path) -> None:
    weights, out = tmp_path / "weights", tmp_path / "new.json"
    weights.mkdir()
    log = run(coin_flip(dilemmas=2, controls=False), tmp_path / "logs")
    log.eval.model, log.eval.model_args = "hf/small", {"model_path": str(weights), "device": "cpu"}
    write_eval_log(log, log.location)
    recording = ("record", log.location, "--out", out, "--machine", "a laptop")
    assert "say with --origin TEXT" in refused(call(*recording))
    assert "a path of a machine" in refused(call(*recording, "--origin", "of /home/me/weights"))
    (weights / "origin.json").write_text(json.dumps(origin_of("smollm2")), encoding="utf-8")
    (weights / "model.safetensors").write_bytes(b"other weights")
    assert "model.safetensors in" in refused(call(*recording))
    (weights / "model.safetensors").write_bytes(b"weights")
    done = call(*recording)
    assert done.exit_code == 0 and "Not to be committed" not in done.stdout, done.output
    read = read_record(out)
    assert isinstance(read.origin, Origin) and read.title == "SmolLM2-135M-Instruct"
    assert read.runs[0].command.endswith("--model hf/small -M model_path=PATH -M device=cpu")
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert call("check", out).exit_code == 0


def test_the_models_stand_above_the_known_respondents(record: Path) -> None:
    page = runpy.run_path(str(ROOT / "docs/update_readme.py"))
    text = (ROOT / "docs/respondents.md").read_text(encoding="utf-8")
    known = page["pattern"]("known").search(text)[2]
    read = read_record(record)
    short, long = readme_table([read], known), results_page([read], known)
    for table in (short, long):
        rows = [line.split("|")[1].strip() for line in table.splitlines() if "| `" in line]
        assert rows[0] == "`kidney/human, read out, 30 dilemmas`" and rows[1] == "`human`"
        assert "`kidney/human, sampled, 30 dilemmas`" in rows
    assert "`majority`" not in short and "`majority`" in long
    assert long.count("\n### ") == 2 and read.runs[0].command in long


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_every_committed_record_follows_from_its_answers(path: Path) -> None:
    assert problems(read_record(path)) == []


def test_the_pages_show_the_committed_records() -> None:
    page = runpy.run_path(str(ROOT / "docs/update_readme.py"))
    for (path, block), content in page["contents"]().items():
        shown = page["pattern"](block).search(path.read_text(encoding="utf-8"))
        assert shown and shown[2] == content, f"{path.name} is stale: `make results`"
