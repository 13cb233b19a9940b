"""Keys in a `.env` file, for every command that needs one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.calling import refused
from finetuning.servers import JobsServer
from finetuning.submitting import call, folder

NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN")


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


def test_a_key_in_a_file_above_the_working_folder(work: Path) -> None:
    data = folder(work / "data")
    record = work / "record.json"
    submitting = ("--base", "gpt-4.1-mini", "--data", data, "--out", record)
    assert "OPENAI_API_KEY is not set, nor in a .env file" in refused(call("submit", *submitting))
    with JobsServer() as server:
        text = f"# keys\nexport OPENAI_API_KEY='not-a-key'\nOPENAI_BASE_URL={server.url}/v1\n"
        (work.parent / ".env").write_text(text, encoding="utf-8")
        for command, arguments in (
            ("submit", submitting),
            ("status", [record]),
            ("wait", ["ftjob-1", "--interval", 0.01]),
        ):
            for name in NAMES:
                os.environ.pop(name, None)
            done = call(command, *arguments)
            assert done.exit_code == 0, done.output
            assert "not-a-key" not in done.output + record.read_text(encoding="utf-8")
        # The environment comes before the file.
        os.environ["OPENAI_API_KEY"] = "another"
        assert "does not accept the key" in refused(call("status", "ftjob-1"))


def test_keys_of_the_hub_and_of_a_comparison(work: Path) -> None:
    assert "nobody is logged in" in refused(call("push", "adapter", "somebody/choices"))
    (work / "file").touch()
    # Models are set up before anything is written, which is impossible below a file.
    arguments = ("--before", "openai/one", "--after", "openai/two", "--out", work / "file" / "out")
    assert "openai/one cannot be set up" in refused(call("evaluate", *arguments))
    (work / ".env").write_text("HF_TOKEN=hf_none\nOPENAI_API_KEY=not-a-key\n", encoding="utf-8")
    assert "holds no adapter" in refused(call("push", "adapter", "somebody/choices"))
    assert "cannot write" in refused(call("evaluate", *arguments))


@pytest.mark.parametrize("content", [b"KEY=\xff\xfe", "KEY=x".encode("utf-16"), b"KEY=a\0b"])
def test_a_file_that_cannot_be_read_is_named(content: bytes, work: Path) -> None:
    (work / ".env").write_bytes(content)
    line = refused(call("status", "ftjob-1"))
    assert f"{work / '.env'} cannot be read: it must be UTF-8 text of NAME=VALUE lines" in line
