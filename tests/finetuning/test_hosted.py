"""Fine-tuning at a hosted service, over HTTP, against a server that fails on demand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import sleep

import pytest

from cli.calling import refused
from finetuning.folders import call, example, read, record_of, small_folder, submitted
from finetuning.servers import JobsServer, Sent
from kidney_evals.finetuning.hosted import tokens_of
from kidney_evals.finetuning.hosted_service import Service, ServiceError

MODEL = "ft:gpt-4.1-mini-2025-04-14:org::1"
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def running() -> Iterator[JobsServer]:
    with JobsServer() as started:
        yield started


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever is sent without a server fails with the line that there was no answer.
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE)
    # Every client loads the system's certificates, which takes a tenth of a second and more.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent))


@pytest.fixture
def server(running: JobsServer, monkeypatch: pytest.MonkeyPatch) -> JobsServer:
    """The server as if started anew, and an environment that sends calls to it."""
    running.forget()
    monkeypatch.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
    return running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return small_folder(tmp_path / "data")


# --- before anything is sent -----------------------------------------------------------------


def test_the_announcement(tmp_path: Path) -> None:
    data = small_folder(tmp_path / "d", shuffled=True, source={"kind": "rows"})
    dry = submitted(data, "--epochs", 3, "--price", 5, "--dry-run")
    assert not record_of(data).exists()
    # A question of 43 letters and an answer of 9: 52 / 4 + 2 frames of 4 = 21 tokens, at most
    # 52 / 3 + 2 × 10 = 37.33; of 12 samples 252 and 448; in three epochs 756 and 1,344.
    assert dry.output.splitlines() == [
        "CONTROL    the answers were shuffled: it should teach nothing",
        "Base       gpt-4.1-mini, seed 1",
        "Samples    12 of 12 (mcelfresh_2021, from rows)",
        "Held out   4, for the service's own curve; not trained on",
        "Tokens     about 252 an epoch, at most 448",
        "People     answers of single survey participants are among what is sent",
        "Trained    3 epochs: about 756 tokens, at most 1,344",
        "Price      at most 0.01 USD",
        "Nothing was sent.",
    ]
    assert "Price      not known here" in submitted(data, "--dry-run").output
    # Three letters of three bytes each, beside an answer of 9 letters and two frames.
    low, expected, high = tokens_of(example(1, text="选病人"))
    assert (expected, high) == (3 + 9 / 4 + 2 * 4, 9 + 9 / 3 + 2 * 10) and low < expected


def test_the_key_and_the_address_are_checked_first(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = refused(call("status", "ftjob-1"))
    assert line.startswith(f"Error: {NOWHERE} did not answer the request for job")
    with pytest.raises(ServiceError) as error:
        Service().create_job("gpt-4.1-mini", {"train": "file-1"}, 1, "auto", None)
    assert error.value.refused  # the request never left
    for name, value, line in (
        ("OPENAI_BASE_URL", "localhost:80/v1", "unsupported protocol"),
        ("OPENAI_API_KEY", "kéy", "letters that no key has"),
        ("OPENAI_API_KEY", "", "OPENAI_API_KEY is not set"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert line in refused(call("status", "ftjob-1"))
            if name == "OPENAI_API_KEY":
                assert line in refused(submitted(data))
            assert submitted(data, "--dry-run").exit_code == 0
    assert not record_of(data).exists()


def test_refused_before_anything_is_sent(tmp_path: Path) -> None:
    data = small_folder(tmp_path / "data")
    overlapping = small_folder(tmp_path / "overlapping", excluded={"overlap": 2})
    for folder, arguments, line in (
        (data, ("--samples", 9), "takes 10 training samples or more, and"),
        (data, ("--samples", 13), "--samples 13 is not possible"),
        (data, ("--suffix", "x" * 65), "1 to 64 letters, not 65"),
        (data, ("--base", "hf/gpt2"), "an OpenAI model"),
        (data, ("--epochs", 51), "auto or 1 to 50, not 51"),
        (overlapping, (), "says that 2 samples overlap the evaluation's dilemmas"),
    ):
        assert line in refused(submitted(folder, *arguments))
    assert not list(tmp_path.glob("*.json"))


# --- a job -----------------------------------------------------------------------------------


def test_from_a_folder_of_samples_to_the_tuned_model(server: JobsServer, data: Path) -> None:
    sent = submitted(data, "--suffix", "mine", "--seed", 7, "--epochs", 3)
    assert sent.exit_code == 0, sent.output
    record = record_of(data, seed=7)
    assert f"kidney-evals sft wait {record}" in sent.output
    [body] = server.bodies
    assert body == {
        "model": "gpt-4.1-mini",
        "training_file": "file-1",
        "validation_file": "file-2",
        "seed": 7,
        "suffix": "mine",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    }
    train, heldout = server.files.values()
    assert train == Sent("data-train-12.jsonl", (data / "train.jsonl").read_bytes())
    assert heldout.content == (data / "heldout.jsonl").read_bytes()

    model = "ft:gpt-4.1-mini-2025-04-14:org:mine:1"
    waited = call("wait", record, "--interval", 0.01)
    assert waited.exit_code == 0, waited.output
    assert re.findall(r"ftjob-1: (\w+)", waited.output) == ["queued", "running", "succeeded"]
    command = " ".join(waited.output.replace("\\\n", "").split())
    assert command.endswith(
        f"kidney-evals sft evaluate --before openai/gpt-4.1-mini-2025-04-14 --after openai/{model}"
    )
    stored = read(record)
    assert (stored["job"], stored["status"], stored["model"]) == ("ftjob-1", "succeeded", model)
    assert stored["trained_tokens"] == 12_345


# What a client sees is the same whether the request was lost on its way or the answer was.
@pytest.mark.parametrize(
    ("fault", "begun"), [("lost", 1), ("server_error", 0), ("page", 0), ("garbled", 0)]
)
@pytest.mark.parametrize("lists_jobs", [True, False])
def test_a_request_without_an_answer_starts_no_second_job(
    lists_jobs: bool, fault: str, begun: int, server: JobsServer, data: Path
) -> None:
    server.faults = {"create": [fault]}
    cut = submitted(data)
    assert cut.exit_code == 2
    assert "run the same command again, it goes on from" in cut.stderr
    assert read(record_of(data))["files"] == {"train": "file-1", "heldout": "file-2"}
    assert "names no job yet" in refused(call("wait", record_of(data)))
    assert len(server.jobs) == begun

    server.lists_jobs = lists_jobs
    again = submitted(data)
    if lists_jobs and begun:
        assert again.exit_code == 0, again.output
        assert "ftjob-1 had begun" in again.output
    else:
        assert again.exit_code == 2
        [line] = again.stderr.splitlines()
        assert "no answer came" in line and "--ask-again" in line
        assert len(server.jobs) == begun  # nothing was asked for
        # The list catches up, or the user has looked: there is one job in either case.
        server.lists_jobs = True
        once_more = submitted(data, *([] if begun else ["--ask-again"]))
        assert once_more.exit_code == 0, once_more.output
    assert server.requests.count("upload") == 2  # the two files, once each
    finished = submitted(data, "--ask-again")
    assert "ftjob-1 was submitted before" in finished.output
    assert list(server.jobs) == ["ftjob-1"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_process_killed_after_its_request_leaves_the_job_to_the_next(
    server: JobsServer, data: Path
) -> None:
    script = Path(sys.executable).with_name("kidney-evals")
    command: list[str | Path] = [script, "sft", "submit", "--base", "gpt-4.1-mini"]
    command += ["--data", data]
    server.faults = {"create": ["stalled"]}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True)]
    try:
        while not server.jobs:
            sleep(0.02)
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        killed, waiting = started
        assert waiting.stdout is not None
        output = ""
        while "waiting for it" not in output:
            output += waiting.stdout.readline()
        killed.kill()
        output += waiting.communicate()[0]
    finally:
        server.held = False
        for process in started:
            process.kill()
            process.wait()
    assert waiting.returncode == 0 and "ftjob-1 had begun" in output
    assert read(record_of(data))["job"] == "ftjob-1"
    assert len(server.bodies) == 1 and list(server.jobs) == ["ftjob-1"]


def test_a_record_under_two_names_starts_one_job(
    server: JobsServer, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to("real/record.json")  # dangles until the record is written
    # The link must not be replaced by the record, nor keep the record from being written.
    assert submitted(data, "--out", link).exit_code == 0 and link.is_symlink()
    again = submitted(data, "--out", tmp_path / "real" / "record.json")
    assert "ftjob-1 was submitted before" in again.output and list(server.jobs) == ["ftjob-1"]


def test_files_are_sent_once_and_again_where_the_service_has_lost_them(
    server: JobsServer, data: Path
) -> None:
    server.faults = {"upload": ["none", *["rate_limited"] * 3], "create": ["server_error"]}
    assert "cannot take the upload of data-heldout-4.jsonl now" in submitted(data).stderr
    assert "Training file: file-1, sent before" in submitted(data).output
    names = ["data-train-12.jsonl", "data-heldout-4.jsonl"]
    assert [sent.name for sent in server.files.values()] == names
    server.files = {"file-0": Sent("of another", b"")}
    assert "The file does not exist." in submitted(data, "--ask-again").stderr
    assert submitted(data).exit_code == 0
    [*_, body] = server.bodies
    assert server.files[body["training_file"]].name == "data-train-12.jsonl"


def test_the_first_samples_are_trained_on_and_the_others_never_sent(
    server: JobsServer, tmp_path: Path
) -> None:
    data = small_folder(tmp_path / "data", train=20, heldout=0)
    assert submitted(data, "--samples", 10).exit_code == 0
    [train] = server.files.values()
    assert train.content.splitlines() == (data / "train.jsonl").read_bytes().splitlines()[:10]
    assert "validation_file" not in server.bodies[0]
    # Another size is another job with a record of its own.
    assert submitted(data, "--samples", 12).exit_code == 0
    assert record_of(data, 10).exists() and record_of(data, 12).exists()
    assert list(server.jobs) == ["ftjob-1", "ftjob-2"]


@pytest.mark.parametrize(
    ("step", "fault", "line"),
    [
        ("upload", "key_expired", "does not accept the key in OPENAI_API_KEY (status 401)"),
        ("upload", "file_rejected", "refused the upload of data-train-12.jsonl (status 400): "
         "Example 1 is missing 'messages'. (invalid_jsonl)"),
        ("upload", "page", "something that is not OpenAI's protocol"),
        ("create", "no_quota", "the account is out of credit: You exceeded your current quota."),
        ("create", "rate_limited", "cannot take the job now (status 429): Too many requests."),
    ],
)  # fmt: skip
def test_a_refusal_of_the_service_is_one_line(
    step: str, fault: str, line: str, server: JobsServer, data: Path
) -> None:
    server.faults = {step: [fault]}
    result = submitted(data)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)  # no traceback
    [error] = result.stderr.splitlines()
    assert error.startswith("Error: ") and line in error
    assert "not-a" not in result.output + record_of(data).read_text(encoding="utf-8")
    # The same command succeeds later, also with other settings: no job had begun.
    again = submitted(data, "--suffix", "other")
    assert again.exit_code == 0, again.output
    assert server.jobs["ftjob-1"]["suffix"] == "other" and len(server.jobs) == 1


# --- waiting ---------------------------------------------------------------------------------


def test_waiting_goes_on_through_transient_failures(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults = {
        "poll": ["rate_limited", "server_error", "none", "dropped", "garbled", "page", "none"]
    }
    submitted(data)
    pauses: list[float] = []
    monkeypatch.setattr("kidney_evals.finetuning.hosted.sleep", pauses.append)
    waited = call("wait", "ftjob-1", "--interval", 0.001)
    assert waited.exit_code == 0, waited.output
    assert server.requests.count("poll") == 5 + 3
    # An answer of status 429 or 500 states a pause of .01. Others double the interval's pause.
    assert pauses == pytest.approx([0.01, 0.01, 0.001, 0.002, 0.004, 0.008, 0.001])
    assert waited.output.count("asking again") == 2  # two stretches of faults, each said once
    states = re.findall(r"^ftjob-1: (\w+)", waited.output, re.MULTILINE)
    assert states == ["queued", "running", "succeeded"]
    assert f"Model: {MODEL}" in waited.output


def test_waiting_ends_with_the_command_that_goes_on(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock that goes on by ten minutes whenever it is looked at: first, after the answer, and
    # after each fault, of which the seventh is more than an hour after the answer.
    clock = count(step=600)
    monkeypatch.setattr("kidney_evals.finetuning.hosted.monotonic", lambda: next(clock))
    for faults, polls, line in (
        (["key_expired"], 2, "does not accept the key in OPENAI_API_KEY (status 401)"),
        (["server_error"] * 9, 1 + 7, "The server had an error. (server_error)"),
    ):
        server.forget()
        server.faults, record = {"poll": ["none", *faults]}, data.with_suffix(f".{polls}.json")
        submitted(data, "--out", record)
        waited = call("wait", record, "--interval", 0.0001)
        assert waited.exit_code == 2 and server.requests.count("poll") == polls
        again = f"go on waiting with: kidney-evals sft wait {record}"
        assert waited.stderr.splitlines()[-1].endswith(f"{line}; the job goes on; {again}")


def test_a_job_without_a_model_ends_with_the_reason(server: JobsServer, data: Path) -> None:
    rejected = ("invalid_training_file", "The file has\n3 errors.", "training_file")
    why = "The file has 3 errors. (invalid_training_file, training_file)"
    for end, failure, line in (
        ("failed", rejected, f"job ftjob-1 failed: {why}"),
        ("cancelled", ("", "", None), "job ftjob-2 was cancelled"),
    ):
        server.course, server.failure = ("validating_files", "running", end), failure
        record = data.with_suffix(f".{end}.json")
        submitted(data, "--out", record)
        waited = call("wait", record, "--interval", 0.005)
        assert waited.exit_code == 1 and waited.stderr == f"Error: {line}\n"
        assert read(record)["status"] == end and line in call("status", record).output


def test_an_interrupted_submission_goes_on_where_it_stopped(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("kidney_evals.finetuning.hosted.Service.create_job", interrupt)
        stopped = submitted(data)
    assert stopped.exit_code == 130
    assert "Run the same command again" in stopped.stderr
    # Nobody knows whether the request was sent.
    assert "--ask-again" in submitted(data).stderr
    server.requests.clear()
    assert submitted(data, "--ask-again").exit_code == 0
    assert server.requests == ["list", "create"]
    monkeypatch.setattr("kidney_evals.finetuning.hosted.sleep", interrupt)
    waited = call("wait", record_of(data))
    assert waited.exit_code == 130
    assert f"go on waiting with: kidney-evals sft wait {record_of(data)}" in waited.stderr


def test_the_state_of_a_job(server: JobsServer, data: Path, tmp_path: Path) -> None:
    submitted(data)
    assert call("status", "ftjob-1").output == "ftjob-1: queued, from gpt-4.1-mini-2025-04-14\n"
    assert read(record_of(data))["status"] == "validating_files"  # nobody named the record
    call("status", record_of(data))
    assert read(record_of(data))["status"] == "running"
    assert f"--after openai/{MODEL}" in call("status", record_of(data)).output
    assert read(record_of(data))["model"] == MODEL
    for name, line in (
        ("ftjob-9", "Could not find fine tune: ftjob-9"),
        (tmp_path / "none.json", "there is no record"),
    ):
        assert line in refused(call("wait", name))


# --- records ---------------------------------------------------------------------------------


def test_a_record_is_of_one_submission_and_not_edited(server: JobsServer, data: Path) -> None:
    submitted(data)
    line = submitted(data, "--suffix", "x").stderr
    assert "(suffix None, not x)" in line and "name another file with --out" in line
    assert "(epochs auto, not 2)" in submitted(data, "--epochs", 2).stderr
    assert list(server.jobs) == ["ftjob-1"]
    content = read(record_of(data))
    for change, line in (
        ({"format": "other"}, "is no record, or was changed (format)"),
        ({"files": {"train": 1}, "seed": True}, "is no record, or was changed (seed, files)"),
        ({"service": "https://elsewhere.example/v1"}, "is of a job at https://elsewhere.example"),
    ):
        record_of(data).write_text(json.dumps(content | change), encoding="utf-8")
        for command in ("status", "wait"):
            assert line in refused(call(command, record_of(data)))
    assert "poll" not in server.requests


def test_other_files_stay_as_they_are(server: JobsServer, data: Path, tmp_path: Path) -> None:
    line = "is no record, or was changed (JSON): before you delete it, look in your account"
    for text in ("", '{"format": "kidney_evals', "[" * 100_000, '"mine"'):
        record_of(data).write_text(text, encoding="utf-8")
        assert line in refused(call("status", record_of(data)))
        assert line in submitted(data).stderr
        assert record_of(data).read_text(encoding="utf-8") == text
    # A record that cannot be written costs nothing.
    (tmp_path / "file").touch()
    line = submitted(data, "--out", tmp_path / "file" / "record.json").stderr
    assert "cannot write" in line and "nothing was sent" in line
    assert server.requests == []


def test_a_record_that_is_lost_while_waiting_hides_no_result(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(data)
    monkeypatch.setattr(
        "kidney_evals.finetuning.hosted.sleep",
        lambda seconds: record_of(data).unlink(missing_ok=True),
    )
    waited = call("wait", record_of(data))
    assert waited.exit_code == 0, waited.output
    assert waited.output.count("The record was not brought up to date: there is no record") == 1
    assert f"Model: {MODEL}" in waited.output
