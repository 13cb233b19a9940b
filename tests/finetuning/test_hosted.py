"""Fine-tuning at a hosted service, over HTTP, against a server that fails on demand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from inspect_ai import eval

from cli.calling import refused
from finetuning.jobs_server import Fault, JobsServer, Sent, Step
from finetuning.submitting import call, folder, read, record_of, submitted
from kidney_evals.cli.sft_submit import status, wait
from kidney_evals.finetuning.hosted_service import Service, ServiceError
from kidney_evals.finetuning.hosted_submission import prepare
from kidney_evals.tasks import coin_flip
from protocol.server import ANSWER

MODEL = "ft:gpt-4.1-mini-2025-04-14:org::1"


@pytest.fixture(scope="module")
def running() -> Iterator[JobsServer]:
    with JobsServer() as started:
        yield started


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every client loads the system's, which takes a tenth of a second and more.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent))


@pytest.fixture
def server(running: JobsServer, monkeypatch: pytest.MonkeyPatch) -> JobsServer:
    """The server as if started anew, and an environment that sends calls to it."""
    running.forget()
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
    return running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder(tmp_path / "data")


def test_from_a_folder_of_samples_to_answers_of_the_tuned_model(
    server: JobsServer, data: Path, tmp_path: Path
) -> None:
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
    assert train == Sent("data-train-12.jsonl", (data / "train.jsonl").read_bytes(), "fine-tune")
    assert heldout.content == (data / "heldout.jsonl").read_bytes()

    model = "ft:gpt-4.1-mini-2025-04-14:org:mine:1"
    waited = call(wait, record, "--interval", 0.01)
    assert waited.exit_code == 0, waited.output
    assert re.findall(r"ftjob-1: (\w+)", waited.output) == ["queued", "running", "succeeded"]
    command = " ".join(waited.output.replace("\\\n", "").split())
    assert command.endswith(
        f"kidney-evals sft evaluate --before openai/gpt-4.1-mini-2025-04-14 --after openai/{model}"
    )
    kept = read(record)
    assert (kept["job"], kept["status"], kept["model"]) == ("ftjob-1", "succeeded", model)
    assert kept["trained_tokens"] == 12_345

    task = coin_flip(dilemmas=2, controls=False)
    log = eval(task, model=f"openai/{model}", log_dir=str(tmp_path / "logs"), score=False)[0]
    assert log.status == "success", log.error
    assert [sample.output.completion for sample in log.samples or ()] == [ANSWER] * 4
    assert {asked.body["model"] for asked in server.calls} == {model}


# What a client sees is the same whether the request was lost on its way or the answer was.
CUTS: tuple[tuple[Fault, int], ...] = (
    ("lost", 1), ("dropped", 0), ("server_error", 0), ("page", 0), ("garbled", 0),
)  # fmt: skip


@pytest.mark.parametrize(("fault", "begun"), CUTS)
@pytest.mark.parametrize("lists_jobs", [True, False])
def test_a_request_without_an_answer_starts_no_second_job(
    lists_jobs: bool, fault: Fault, begun: int, server: JobsServer, data: Path
) -> None:
    server.faults = {"create": [fault]}
    cut = submitted(data)
    assert cut.exit_code == 2
    assert "run the same command again, it goes on from" in cut.stderr
    assert read(record_of(data))["files"] == {"train": "file-1", "heldout": "file-2"}
    assert "names no job yet" in refused(call(wait, record_of(data)))
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
    assert list(server.jobs) == ["ftjob-1"]
    assert server.requests.count("upload") == 2  # the two files, once each

    finished = submitted(data, "--ask-again")
    assert finished.exit_code == 0, finished.output
    assert "ftjob-1 was submitted before" in finished.output
    assert list(server.jobs) == ["ftjob-1"]


@pytest.mark.parametrize(
    ("fault", "refused"),
    [
        ("rate_limited", True), ("no_quota", True), ("odd", True), ("key_expired", True),
        ("server_error", False), ("dropped", False), ("page", False), ("garbled", False),
        ("unreachable", True),
    ],
)  # fmt: skip
def test_what_certainly_started_no_job_is_told_apart(
    fault: Any, refused: bool, server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "unreachable":
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    else:
        server.faults = {"create": [fault]}
    with pytest.raises(ServiceError) as error:
        record = prepare(data, base="gpt-4.1-mini").record
        Service().create_job(record.changed(files={"train": "file-1"}))
    assert error.value.refused is refused


def test_a_job_is_found_behind_many_newer_ones(server: JobsServer, tmp_path: Path) -> None:
    first, second = (folder(tmp_path / name) for name in ("first", "second"))
    server.faults = {"create": ["lost"]}
    submitted(first)
    for number in range(4):
        submitted(second, "--seed", 2 + number)
    server.page = 2  # the one that is looked for is the fifth, on the third page
    again = submitted(first)
    assert again.exit_code == 0, again.output
    assert "ftjob-1 had begun" in again.output
    assert server.requests.count("list") == 3
    assert len(server.jobs) == 5


def test_a_list_that_cannot_be_read_starts_nothing(server: JobsServer, data: Path) -> None:
    server.faults = {"create": ["lost"], "list": ["page"]}
    submitted(data)
    line = submitted(data, "--ask-again").stderr
    assert "something that is not OpenAI's protocol; run the same command again" in line
    assert list(server.jobs) == ["ftjob-1"]


@dataclass
class Command:
    """`kidney-evals sft submit` in a process of its own, its output in a file."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def output(self) -> str:
        return self.path.read_text(encoding="utf-8")


@pytest.fixture
def start(data: Path, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start the same submission in another process."""
    started: list[Command] = []

    def begin(*more: str) -> Command:
        script = Path(sys.executable).with_name("kidney-evals")
        arguments = ("sft", "submit", "--base", "gpt-4.1-mini", "--data", str(data), *more)
        path = tmp_path / f"output-{len(started)}.txt"
        with path.open("wb") as stream:
            process = subprocess.Popen([script, *arguments], stdout=stream, stderr=stream)
        started.append(Command(process, path))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.wait()


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so; the test's own time limit ends what never is."""
    while not condition():
        sleep(0.02)


@pytest.mark.timeout(120)
def test_three_processes_at_once_start_one_job(
    server: JobsServer, data: Path, start: Callable[[], Command]
) -> None:
    server.faults = {"upload": ["stalled"]}
    commands = [start() for _ in range(3)]
    # One of them sends its first file, of which the answer waits until the others wait for it.
    until(lambda: sum("waiting for it" in one.output for one in commands) == 2)
    server.held = False
    for one in commands:
        assert one.process.wait() == 0, one.output
        assert f"sft wait {record_of(data)}" in one.output
    assert len(server.bodies) == 1 and list(server.jobs) == ["ftjob-1"]
    assert list(server.files) == ["file-1", "file-2"]
    assert sum("ftjob-1 was submitted before" in one.output for one in commands) == 2


def test_a_record_under_two_names_starts_one_job(
    server: JobsServer, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to("real/record.json")  # dangles until the record is written
    # The link must not be replaced by the record, nor keep the record from being written.
    assert submitted(data, "--out", link).exit_code == 0
    again = submitted(data, "--out", tmp_path / "real" / "record.json")
    assert "ftjob-1 was submitted before" in again.output
    assert list(server.jobs) == ["ftjob-1"] and link.is_symlink()


@pytest.mark.timeout(120)
def test_a_process_killed_after_its_request_leaves_the_job_to_the_next(
    server: JobsServer, data: Path, start: Callable[[], Command]
) -> None:
    server.faults = {"create": ["stalled"]}
    killed = start()
    until(lambda: server.jobs)
    waiting = start()
    until(lambda: "waiting for it" in waiting.output)
    killed.process.kill()
    assert waiting.process.wait() == 0, waiting.output
    server.held = False
    assert "ftjob-1 had begun" in waiting.output
    assert read(record_of(data))["job"] == "ftjob-1"
    assert len(server.bodies) == 1 and list(server.jobs) == ["ftjob-1"]


def test_a_cut_between_two_files_sends_only_the_second(server: JobsServer, data: Path) -> None:
    tries: list[Fault] = ["rate_limited"] * 3
    server.faults = {"upload": ["none", *tries]}
    server.retry_after = 0.01
    assert "cannot take the upload of data-heldout-4.jsonl now" in submitted(data).stderr
    again = submitted(data)
    assert again.exit_code == 0, again.output
    assert "Training file: file-1, sent before" in again.output
    assert [sent.name for sent in server.files.values()] == [
        "data-train-12.jsonl",
        "data-heldout-4.jsonl",
    ]


def test_a_file_that_is_gone_is_sent_again(server: JobsServer, data: Path) -> None:
    server.faults = {"create": ["rate_limited"]}
    submitted(data)
    del server.files["file-1"]
    server.files["file-7"] = Sent("of another", b"", "fine-tune")
    again = submitted(data)
    assert again.exit_code == 0, again.output
    [*_, body] = server.bodies
    assert server.files[body["training_file"]].name == "data-train-12.jsonl"
    assert body["validation_file"] == "file-2"


def test_the_first_samples_are_trained_on_and_the_others_never_sent(
    server: JobsServer, tmp_path: Path
) -> None:
    data = folder(tmp_path / "data", train=20, heldout=0)
    sent = submitted(data, "--samples", 10)
    assert sent.exit_code == 0, sent.output
    [train] = server.files.values()
    assert train.content.splitlines() == (data / "train.jsonl").read_bytes().splitlines()[:10]
    assert "validation_file" not in server.bodies[0]
    # Another size is another job with a record of its own.
    assert submitted(data, "--samples", 12).exit_code == 0
    assert {record_of(data, 10).exists(), record_of(data, 12).exists()} == {True}
    assert list(server.jobs) == ["ftjob-1", "ftjob-2"]


REFUSALS: tuple[tuple[Step, Fault, str], ...] = (
    ("upload", "key_expired", "does not accept the key in OPENAI_API_KEY (status 401)"),
    ("upload", "file_rejected", "rejected the samples in the upload of data-train-12.jsonl: "
     "Invalid file format. Example 1 is missing the key 'messages'. (invalid_jsonl)"),
    ("upload", "not_allowed", "does not permit the upload of data-train-12.jsonl"),
    ("upload", "page", "something that is not OpenAI's protocol"),
    ("upload", "garbled", "something that is no JSON"),
    ("create", "no_quota", "the account is out of credit: You exceeded your current quota."),
    ("create", "not_tunable", "gpt-4.1-mini cannot be fine-tuned by this account: Model gpt-9"),
    ("create", "rate_limited", "cannot take the job now (status 429): Too many requests."),
    ("create", "odd", "refused the job (status 400): Something else. (unheard_of)"),
)  # fmt: skip


@pytest.mark.parametrize(("step", "fault", "line"), REFUSALS)
def test_what_the_service_refuses_is_one_line(
    step: Step, fault: Fault, line: str, server: JobsServer, data: Path
) -> None:
    server.faults = {step: [fault]}
    result = submitted(data)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)  # no traceback
    [said] = result.stderr.splitlines()
    assert said.startswith("Error: ") and line in said
    assert "not-a" not in result.output + record_of(data).read_text(encoding="utf-8")
    # What was refused for a reason that passes succeeds when it is asked again.
    again = submitted(data)
    assert again.exit_code == 0, again.output
    assert list(server.jobs) == ["ftjob-1"]


def test_waiting_goes_on_through_what_passes(server: JobsServer, data: Path) -> None:
    server.retry_after = 0.01
    server.faults = {
        "poll": ["rate_limited", "server_error", "none", "dropped", "garbled", "page", "none"]
    }
    submitted(data)
    waited = call(wait, "ftjob-1", "--interval", 0.005)
    assert waited.exit_code == 0, waited.output
    assert server.requests.count("poll") == 5 + 3
    assert waited.output.count("asking again") == 2  # two stretches of faults, each said once
    assert re.findall(r"^ftjob-1: (\w+)", waited.output, re.MULTILINE) == [
        "queued",
        "running",
        "succeeded",
    ]
    assert f"Model: {MODEL}" in waited.output


def test_a_key_that_expires_ends_waiting_at_once(server: JobsServer, data: Path) -> None:
    server.faults = {"poll": ["none", "key_expired"]}
    submitted(data)
    waited = call(wait, record_of(data), "--interval", 0.005)
    assert waited.exit_code == 2 and server.requests.count("poll") == 2
    [line] = waited.stderr.splitlines()
    assert "does not accept the key in OPENAI_API_KEY (status 401); the job goes on" in line
    assert line.endswith(f"kidney-evals sft wait {record_of(data)}")


def test_a_service_that_never_answers_is_not_waited_for_without_end(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Fault] = ["server_error"] * 9
    server.faults = {"poll": ["none", *faults]}
    submitted(data)
    # A clock that goes on by ten minutes whenever it is looked at: first, after the answer, and
    # after each fault, of which the seventh is more than an hour after the answer.
    clock = count(step=600)
    monkeypatch.setattr("kidney_evals.finetuning.hosted.monotonic", lambda: next(clock))
    waited = call(wait, "ftjob-1", "--interval", 0.0001)
    assert waited.exit_code == 2
    assert "The server had an error. (server_error); the job goes on" in waited.stderr
    assert server.requests.count("poll") == 1 + 7


@pytest.mark.parametrize(
    ("end", "failure", "line"),
    [
        (
            "failed",
            ("invalid_training_file", "The file has\n3 errors.", "training_file"),
            "Error: job ftjob-1 failed: The file has 3 errors. (invalid_training_file, "
            "training_file)",
        ),
        ("cancelled", ("", "", None), "Error: job ftjob-1 was cancelled"),
    ],
)
def test_a_job_without_a_model_ends_with_the_reason(
    end: str, failure: tuple[str, str, str | None], line: str, server: JobsServer, data: Path
) -> None:
    server.course, server.failure = ("validating_files", "running", end), failure
    submitted(data)
    waited = call(wait, record_of(data), "--interval", 0.005)
    assert waited.exit_code == 1
    assert waited.stderr == line + "\n"
    assert "sft evaluate" not in waited.output
    assert read(record_of(data))["status"] == end
    looked = call(status, "ftjob-1")
    assert looked.exit_code == 0
    assert line.removeprefix("Error: ") in looked.output


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
    assert server.requests == ["list", "file", "file", "create"]
    monkeypatch.setattr("kidney_evals.finetuning.hosted.sleep", interrupt)
    waited = call(wait, record_of(data))
    assert waited.exit_code == 130
    assert f"go on waiting with: kidney-evals sft wait {record_of(data)}" in waited.stderr


def test_the_state_of_a_job(server: JobsServer, data: Path) -> None:
    submitted(data)
    by_id = call(status, "ftjob-1")
    assert by_id.output == (
        "ftjob-1: queued, from gpt-4.1-mini-2025-04-14\n"
        "Expected to end: 2027-01-15 08:00 UTC\n"  # 1,800,000,000 seconds
    )
    assert read(record_of(data))["status"] == "validating_files"  # nobody named the record
    call(status, record_of(data))
    assert read(record_of(data))["status"] == "running"
    assert f"--after openai/{MODEL}" in call(status, record_of(data)).output
    assert read(record_of(data))["model"] == MODEL


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("--epochs", 2), "(epochs auto, not 2)"),
        (("--suffix", "x"), "(suffix None, not x)"),
        (("--base", "gpt-4.1"), "(base gpt-4.1-mini, not gpt-4.1)"),
    ],
)
def test_a_record_is_of_one_submission(
    change: tuple[str, object], line: str, server: JobsServer, data: Path
) -> None:
    record = record_of(data)
    submitted(data, "--out", record)
    result = submitted(data, "--out", record, *change)
    assert result.exit_code == 2
    assert line in result.stderr and "name another file with --out" in result.stderr
    assert list(server.jobs) == ["ftjob-1"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"format": "other"}, "is not of the form"),
        ({"files": []}, "holds no valid 'files'"),
        ({"files": {"train": 1}, "seed": True}, "holds no valid 'seed', 'files'"),
        ({"service": "https://elsewhere.example/v1"}, "is of a job at https://elsewhere.example"),
    ],
)
def test_a_record_that_is_none_is_refused(
    change: dict[str, Any], line: str, server: JobsServer, data: Path
) -> None:
    submitted(data)
    content = read(record_of(data)) | change
    record_of(data).write_text(json.dumps(content), encoding="utf-8")
    for command in (status, wait):
        assert line in refused(call(command, record_of(data)))
    assert "poll" not in server.requests


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is not JSON, or was cut off: before you delete it"),
        ('{"format": "kidney_evals hosted job, 1", "serv', "is not JSON, or was cut off"),
        ("[" * 100_000, "is not JSON, or was cut off"),
        ("\ufeffabc", "is not JSON, or was cut off"),
        ('"mine"', "is not of the form"),
    ],
)
def test_a_file_that_is_no_record_stays_as_it_is(
    text: str, line: str, server: JobsServer, data: Path
) -> None:
    record_of(data).write_text(text, encoding="utf-8")
    assert line in refused(call(status, record_of(data)))
    tried = submitted(data)
    assert tried.exit_code == 2
    assert line in tried.stderr and len(tried.stderr.splitlines()) == 1
    assert record_of(data).read_text(encoding="utf-8") == text
    assert server.requests == []


def test_a_refused_first_try_blocks_no_second_with_other_settings(
    server: JobsServer, data: Path
) -> None:
    server.faults = {"create": ["odd"]}
    assert submitted(data, "--suffix", "not-allowed").exit_code == 2
    again = submitted(data, "--suffix", "allowed", "--epochs", 2)
    assert again.exit_code == 0, again.output
    assert server.requests.count("upload") == 2  # of the same samples
    assert server.jobs["ftjob-1"]["suffix"] == "allowed"
    kept = read(record_of(data))
    assert (kept["suffix"], kept["epochs"], kept["job"]) == ("allowed", 2, "ftjob-1")


@pytest.mark.parametrize("place", ["file/record.json", "file/deeper/record.json"])
def test_a_record_that_cannot_be_written_costs_nothing(
    place: str, server: JobsServer, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    tried = submitted(data, "--out", tmp_path / place)
    assert tried.exit_code == 2
    [line] = tried.stderr.splitlines()
    assert "cannot write" in line and "nothing was sent; name another place with --out" in line
    assert server.requests == []


def test_a_record_that_is_lost_while_waiting_hides_no_result(
    server: JobsServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(seconds: float) -> None:
        record_of(data).unlink(missing_ok=True)

    submitted(data)
    monkeypatch.setattr("kidney_evals.finetuning.hosted.sleep", lose)
    waited = call(wait, record_of(data))
    assert waited.exit_code == 0, waited.output
    assert waited.output.count("The record was not brought up to date: there is no record") == 1
    assert f"Model: {MODEL}" in waited.output


def test_a_job_that_nobody_knows(server: JobsServer, tmp_path: Path) -> None:
    for command in (status, wait):
        assert "knows no job ftjob-9" in refused(call(command, "ftjob-9"))
    assert "there is no record" in refused(call(wait, tmp_path / "none.json"))
