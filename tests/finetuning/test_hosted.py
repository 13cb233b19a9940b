"""Fine-tuning at a hosted service, over HTTP, against a server that fails on demand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from cli.calling import refused
from finetuning.folders import call, example, read, record_of, small_folder, submitted
from finetuning.servers import JobsServer, Sent
from kidney_evals.finetuning.hosted import tokens_of

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


def ended(result: Result) -> str:
    """Return the one line with which a command gave up after it printed what it would send."""
    assert result.exit_code == 2, result.output
    [line] = result.stderr.splitlines()
    return line


# --- before anything is sent -----------------------------------------------------------------


def test_the_announcement(tmp_path: Path) -> None:
    data = small_folder(tmp_path / "d", shuffled=True, source={"kind": "rows"})
    dry = submitted(data, "--epochs", 3, "--dry-run")
    assert not record_of(data).exists()
    # A question of 43 letters and an answer of 9: 52 / 4 + 2 frames of 4 = 21 tokens, at most
    # 52 / 3 + 2 × 10 = 37.33; of 12 samples 252 and 448.
    assert dry.output.splitlines() == [
        "CONTROL    the answers were shuffled: it should teach nothing",
        "Base       gpt-4.1-mini, seed 1",
        "Samples    12 of 12 (mcelfresh_2021, from rows)",
        "Held out   4, for the service's own curve; not trained on",
        "People     answers of single survey participants are among what is sent",
        "Epochs     3, each of about 252 tokens, at most 448",
        "Nothing was sent.",
    ]
    # Three letters of three bytes each, beside an answer of 9 letters and two frames.
    low, expected, high = tokens_of(example(1, text="选病人"))
    assert (expected, high) == (3 + 9 / 4 + 2 * 4, 9 + 9 / 3 + 2 * 10) and low < expected


def test_the_key_and_the_address_are_checked_first(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = refused(call("status", "ftjob-1"))
    assert line.startswith(f"Error: {NOWHERE} did not answer the request for job")
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
        (data, ("--suffix", "x" * 65), "1 to 64 printable letters, not 65 letters"),
        (data, ("--suffix", "a\x1bb"), r"1 to 64 printable letters, not 'a\x1bb'"),
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
    assert f"kidney-evals sft status {record}" in sent.output
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
    assert train == Sent("train-12.jsonl", (data / "train.jsonl").read_bytes())
    assert heldout.content == (data / "heldout.jsonl").read_bytes()
    assert (read(record)["job"], read(record)["suffix"]) == ("ftjob-1", "mine")

    base = "gpt-4.1-mini-2025-04-14"
    for state in ("queued", "running"):
        assert call("status", record).output == f"ftjob-1: {state}, from {base}\n"
    last = call("status", "ftjob-1").output
    assert "Trained tokens: 12,345" in last
    command = " ".join(last.replace("\\\n", "").split())
    after = f"--after openai/ft:{base}:org:mine:1"
    assert command.endswith(f"kidney-evals sft evaluate --before openai/{base} {after}")


def test_the_same_command_starts_no_second_job(server: JobsServer, data: Path) -> None:
    assert submitted(data).exit_code == 0
    content = record_of(data).read_bytes()
    assert f"{record_of(data)} exists; if it is the record of a job" in ended(submitted(data))
    assert record_of(data).read_bytes() == content and list(server.jobs) == ["ftjob-1"]
    # A record that cannot be written costs nothing.
    line = ended(submitted(data, "--out", data / "train.jsonl" / "record.json"))
    assert "cannot write" in line and list(server.jobs) == ["ftjob-1"]


# What a client sees is the same whether the request was lost on its way or the answer was.
@pytest.mark.parametrize(("fault", "begun"), [("lost", 1), ("server_error", 0), ("page", 0)])
def test_a_request_without_an_answer_leaves_the_record(
    fault: str, begun: int, server: JobsServer, data: Path
) -> None:
    server.faults = {"create": [fault]}
    line = ended(submitted(data))
    assert "look in your account whether a job on file-1 has begun" in line
    assert "exists" in ended(submitted(data)) and len(server.jobs) == begun
    assert "names no job" in refused(call("status", record_of(data)))


def test_the_first_samples_are_trained_on_and_the_others_never_sent(
    server: JobsServer, tmp_path: Path
) -> None:
    data = small_folder(tmp_path / "data", train=20, heldout=0)
    assert submitted(data, "--samples", 10).exit_code == 0
    [train] = server.files.values()
    assert train.content.splitlines() == (data / "train.jsonl").read_bytes().splitlines()[:10]
    assert "validation_file" not in server.bodies[0]


@pytest.mark.parametrize(
    ("step", "fault", "line"),
    [
        ("upload", "key_expired", "does not accept the key in OPENAI_API_KEY (status 401)"),
        ("upload", "file_rejected", "refused the upload of train-12.jsonl (status 400): "
         "Example 1 is missing 'messages'. (invalid_jsonl)"),
        ("upload", "page", "something that is not OpenAI's protocol"),
        ("create", "rate_limited", "refused the job (status 429): Too many requests."),
    ],
)  # fmt: skip
def test_a_refusal_of_the_service_is_one_line(
    step: str, fault: str, line: str, server: JobsServer, data: Path
) -> None:
    server.faults = {step: [fault]}
    result = submitted(data)
    assert line in ended(result)
    assert "not-a" not in result.output
    # The same command succeeds later, also with other settings: no job had begun.
    again = submitted(data, "--suffix", "other")
    assert again.exit_code == 0, again.output
    assert server.jobs["ftjob-1"]["suffix"] == "other" and len(server.jobs) == 1


def test_a_job_without_a_model_ends_with_the_reason(server: JobsServer, data: Path) -> None:
    rejected = ("invalid_training_file", "The file\x1b[2J has\n3 errors.", "training_file")
    # Without the control character of the server's text.
    why = ": The file[2J has 3 errors. (invalid_training_file, training_file)"
    for number, (end, failure, reason) in enumerate(
        (("failed", rejected, why), ("cancelled", ("", "", None), "")), start=1
    ):
        server.course, server.failure = ("validating_files", end), failure
        submitted(data, "--out", data.with_suffix(f".{end}.json"))
        result = call("status", f"ftjob-{number}")
        line = f"ftjob-{number}: {end}, from gpt-4.1-mini-2025-04-14{reason}\n"
        assert (result.exit_code, result.output) == (1, line)


def test_a_job_is_named_by_its_id_or_its_record(server: JobsServer, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"base": "x"}), encoding="utf-8")
    for name, line in (
        ("ftjob-9", "Could not find fine tune: ftjob-9"),
        (tmp_path / "none.json", "cannot be read"),
        (other, "is no record of `sft submit`"),
    ):
        assert line in refused(call("status", name))
