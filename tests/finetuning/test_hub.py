"""Pushing an adapter to the Hub: who sees it, what arrives, and what happens when it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.calling import refused
from finetuning.hub_server import TOKEN, Fault, HubServer, Model, Step
from kidney_evals.cli.sft import sft
from kidney_evals.finetuning.environment import check_extra
from kidney_evals.finetuning.training_report import NOT_MEASURED

NAME = "somebody/choices"

FILES = {
    "adapter_config.json": json.dumps({"base_model_name_or_path": "owner/base"}).encode(),
    "adapter_model.safetensors": bytes(range(256)) * 64,
    "README.md": f"---\nlibrary_name: peft\n---\n\n{NOT_MEASURED}: see there.\n".encode(),
    "tokenizer.json": b"{}",
    "training.csv": b"",
}


@pytest.fixture(scope="module")
def running() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(running: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    # The client reads the environment when it is first imported, and the token every time.
    constants = "huggingface_hub.constants."
    monkeypatch.setattr(constants + "ENDPOINT", running.url)
    monkeypatch.setattr(constants + "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants + "HF_TOKEN_PATH", str(tmp_path / "nobody"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield running
    running.forget()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "notes").write_bytes(b"hidden")
    (folder / ".env").write_bytes(b"KEY=hidden")
    (folder / "logs").mkdir()
    (folder / "logs" / "run.eval").write_bytes(b"of an evaluation")
    return folder


def push(*arguments: Any) -> Result:
    return CliRunner().invoke(sft, ["push", *map(str, arguments)])


def content(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("public", [False, True])
def test_an_adapter_arrives_whole_and_private_unless_told_otherwise(
    hub: HubServer, adapter: Path, public: bool
) -> None:
    before = content(adapter)
    result = push(adapter, NAME, *(["--public"] if public else []))
    assert result.exit_code == 0, result.output
    seen = "public" if public else "private"
    told = "its card says that side effects were not measured"
    assert result.output == f"pushed to {hub.url}/{NAME}, {seen}; {told}\n"
    assert hub.models == {
        NAME: Model(not public, FILES, ["Adapter, card and training report"]),
    }
    assert content(adapter) == before


def test_a_card_with_side_effects_is_not_remarked_on(hub: HubServer, adapter: Path) -> None:
    (adapter / "README.md").write_text("---\nlibrary_name: peft\n---\nMeasured.", encoding="utf-8")
    assert push(adapter, NAME).output == f"pushed to {hub.url}/{NAME}, private\n"


def test_a_repository_that_is_public_is_no_place_for_a_private_push(
    hub: HubServer, adapter: Path
) -> None:
    hub.models[NAME] = Model(private=False)
    assert refused(push(adapter, NAME)) == (
        f"Error: {NAME} is public on the Hub: push with --public, or to another name"
    )
    assert not hub.models[NAME].files
    assert push(adapter, NAME, "--public").exit_code == 0
    assert hub.models[NAME].files == FILES


def test_a_repository_that_is_private_stays_so_and_is_called_so(
    hub: HubServer, adapter: Path
) -> None:
    hub.models[NAME] = Model(private=True)
    result = push(adapter, NAME, "--public")
    assert f"{NAME}, private as it was before: on the Hub, its settings make it" in result.output
    assert hub.models[NAME].private


@pytest.mark.parametrize(
    "name",
    [
        *("choices", "a/b/c", "somebody/two--dashes", "somebody/two..dots", "somebody/two words"),
        *("somebody/.hidden", "somebody/ends-", "somebody/choices.git", "somebody/ä", "somebody/"),
        *(f"somebody/{'n' * 90}", ""),
    ],
)
def test_names_that_the_hub_would_refuse(hub: HubServer, adapter: Path, name: str) -> None:
    words = "a name on the Hub is owner/name, of letters, digits and single '-', '_' or '.', "
    assert words + f"not {name!r}" in refused(push(adapter, name))
    assert not hub.requests


@pytest.mark.parametrize("name", ["a/b", "some-body/v1.2_x", "S0/__init__", f"{'n' * 47}/choices"])
def test_names_that_it_takes(hub: HubServer, adapter: Path, name: str) -> None:
    assert push(adapter, name).exit_code == 0
    assert list(hub.models) == [name]


def test_without_a_token_nothing_is_sent(
    hub: HubServer, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    assert refused(push(adapter, NAME)) == (
        "Error: nobody is logged in to the Hub: `hf auth login`, or set HF_TOKEN"
    )
    assert not hub.requests


@pytest.mark.parametrize(
    ("step", "fault", "why"),
    [
        (
            "create",
            "unknown_token",
            "the Hub says 401, Invalid username or password.; it does not accept the token: "
            "`hf auth login`, or set HF_TOKEN",
        ),
        (
            "commit",
            "not_allowed",
            "the Hub says 403, You don't have the rights to create a model under this namespace.; "
            "the token may not write there",
        ),
        ("info", "page", "the Hub says 500, Internal Server Error"),
        ("commit", "server_error", "the Hub says 500, Internal Error - We're working hard to fix"),
        (
            "commit",
            "many_lines",
            "the Hub says 400, Your push was rejected. Files are too large. See the docs.",
        ),
        ("commit", "dropped", "peer closed connection"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_line_and_the_adapter_is_left(
    hub: HubServer, adapter: Path, step: Step, fault: Fault, why: str
) -> None:
    before = content(adapter)
    hub.faults[step] = fault
    line = refused(push(adapter, NAME))
    assert line.startswith(f"Error: pushing to {NAME} failed ({why}")
    again = f"kidney-evals sft push {adapter} {NAME}"
    assert line.endswith(f"); the adapter is whole in {adapter}: try again with `{again}`")
    assert content(adapter) == before
    assert not any(model.files for model in hub.models.values())
    hub.faults.clear()
    assert push(*again.split()[3:]).exit_code == 0
    assert hub.models[NAME].files == FILES


def test_a_hub_that_is_not_there(
    hub: HubServer, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the discard port.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    line = refused(push(adapter, NAME, "--public"))
    assert f"pushing to {NAME} failed (" in line and line.endswith(f" {NAME} --public`")


def test_a_card_that_the_hub_cannot_read(hub: HubServer, adapter: Path) -> None:
    (adapter / "README.md").write_text("No metadata.", encoding="utf-8")
    line = refused(push(adapter, NAME))
    assert "(Invalid metadata in README.md. - empty or missing yaml metadata)" in line


@pytest.mark.parametrize("base", ["/srv/base", "../base", "~/base"])
def test_a_base_that_others_do_not_have_is_not_pushed(
    hub: HubServer, adapter: Path, tmp_path: Path, base: str
) -> None:
    if base.startswith("/"):
        base = str(tmp_path)
    config = json.dumps({"base_model_name_or_path": base})
    (adapter / "adapter_config.json").write_text(config, encoding="utf-8")
    line = refused(push(adapter, NAME))
    assert f"the base of {adapter} is a folder of this machine ({base})" in line
    assert not hub.requests


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("adapter_config.json", "holds no adapter (adapter_config.json is missing)"),
        ("adapter_model.safetensors", "no whole adapter (adapter_model.safetensors is missing)"),
        ("README.md", "is no whole adapter (README.md is missing)"),
    ],
)
def test_what_is_no_adapter_is_not_pushed(
    hub: HubServer, adapter: Path, missing: str, words: str
) -> None:
    (adapter / missing).unlink()
    assert words in refused(push(adapter, NAME))
    assert not hub.requests


# Slow: the extra is there only where the slow tests run.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--public"], "--public says how to --push, which is not given"),
        (["--push", "choices"], "a name on the Hub is owner/name"),
        (["--push", NAME, "--samples", "8,16"], "--push takes one adapter"),
        (["--push", NAME], "nobody is logged in to the Hub"),
    ],
)
def test_a_push_after_training_is_checked_before_it(
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    try:
        check_extra()
    except ValueError as error:
        pytest.skip(str(error))
    monkeypatch.delenv("HF_TOKEN")
    given = ["--base", "owner/base", "--data", tmp_path / "none", "--out", tmp_path / "out"]
    result = CliRunner().invoke(sft, ["train", *map(str, given), *arguments])
    assert words in refused(result)
