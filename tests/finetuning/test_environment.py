"""Keys in a `.env` file, for every command that needs one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import refused
from finetuning.jobs_server import JobsServer
from finetuning.submitting import call, folder
from kidney_evals.cli.sft_evaluate import evaluate
from kidney_evals.cli.sft_submit import status, submit, wait
from kidney_evals.cli.sft_train import push

NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN")


@pytest.fixture(scope="module")
def server() -> Iterator[JobsServer]:
    with JobsServer() as started:
        yield started


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder two levels down, without any key in the environment."""
    for name in NAMES:
        # Both, so that what a command sets is taken back after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "nobody"))
    place = tmp_path / "project" / "deeper"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_the_key_is_found_in_a_file_above_the_working_folder(
    server: JobsServer, work: Path
) -> None:
    server.forget()
    data = folder(work / "data")
    submitting = ("--base", "gpt-4.1-mini", "--data", data, "--out", work / "record.json")
    assert "OPENAI_API_KEY is not set, nor in a .env file" in refused(call(submit, *submitting))
    text = f"# keys\nexport OPENAI_API_KEY='not-a-key'\nOPENAI_BASE_URL={server.url}/v1\n"
    (work.parent / ".env").write_text(text, encoding="utf-8")
    for command, arguments in (
        (submit, submitting),
        (status, [work / "record.json"]),
        (wait, ["ftjob-1", "--interval", 0.01]),
    ):
        for name in NAMES:
            os.environ.pop(name, None)
        done = call(command, *arguments)
        assert done.exit_code == 0, done.output
        assert "not-a-key" not in done.output + (work / "record.json").read_text(encoding="utf-8")
    # The environment comes before the file.
    os.environ["OPENAI_API_KEY"] = "another"
    assert "does not accept the key" in refused(call(status, "ftjob-1"))


def test_the_token_of_the_hub_is_found_there(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = work / "adapter"
    assert "nobody is logged in" in refused(call(push, adapter, "somebody/choices"))
    (work / ".env").write_text("HF_TOKEN=hf_none\n", encoding="utf-8")
    assert "holds no adapter" in refused(call(push, adapter, "somebody/choices"))


def test_models_of_a_comparison_find_their_key_there(work: Path) -> None:
    (work / "file").touch()
    # Models are set up before anything is written, which is impossible below a file.
    arguments = ("--before", "openai/one", "--after", "openai/two", "--out", work / "file" / "out")
    assert "openai/one cannot be set up" in refused(call(evaluate, *arguments))
    (work / ".env").write_text("OPENAI_API_KEY=not-a-key\n", encoding="utf-8")
    assert "cannot write" in refused(call(evaluate, *arguments))


@pytest.mark.parametrize("content", [b"KEY=\xff\xfe", "KEY=x".encode("utf-16"), b"KEY=a\0b"])
def test_a_file_that_cannot_be_read_is_named(content: bytes, work: Path) -> None:
    (work / ".env").write_bytes(content)
    for done in (call(status, "ftjob-1"), call(push, "adapter", "somebody/choices")):
        line = refused(done)
        assert f"{work / '.env'} cannot be read: it must be UTF-8 text of NAME=VALUE lines" in line
