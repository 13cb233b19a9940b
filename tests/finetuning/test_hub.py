"""Pushing an adapter to the Hub: who sees it, what arrives, and what happens when it does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import refused
from finetuning.folders import call
from finetuning.servers import HubServer, Model
from kidney_evals.finetuning.environment import check_extra
from kidney_evals.finetuning.training_report import NOT_MEASURED

NAME = "somebody/choices"

FILES = {
    "adapter_config.json": b'{"base_model_name_or_path": "owner/base"}',
    "adapter_model.safetensors": bytes(range(256)) * 64,
    "README.md": f"---\nlibrary_name: peft\n---\n\n{NOT_MEASURED}: see there.\n".encode(),
    "training.csv": b"",
}
HIDDEN = (".cache/notes", ".env", "logs/run.eval")
"""Files in the folder of an adapter that are not uploaded."""


@pytest.fixture(scope="module")
def running() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(running: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HubServer:
    # The client reads the environment when it is first imported, and the token every time.
    constants = "huggingface_hub.constants."
    monkeypatch.setattr(constants + "ENDPOINT", running.url)
    monkeypatch.setattr(constants + "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants + "HF_TOKEN_PATH", str(tmp_path / "nobody"))
    monkeypatch.setenv("HF_TOKEN", running.key)
    running.forget()
    return running


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    for name, content in {**FILES, **dict.fromkeys(HIDDEN, b"hidden")}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("public", [False, True])
def test_an_adapter_arrives_whole_and_private_by_default(
    hub: HubServer, adapter: Path, public: bool
) -> None:
    result = call("push", adapter, NAME, *["--public"] * public)
    assert result.output == (
        f"pushed to {hub.url}/{NAME}, {'public' if public else 'private'}; its card says that side "
        "effects were not measured\n"
    )
    assert hub.models == {NAME: Model(not public, FILES, ["Adapter, card and training report"])}
    # With measured side effects there is no remark. The repository keeps its visibility.
    (adapter / "README.md").write_text("---\nlibrary_name: peft\n---\nMeasured.", encoding="utf-8")
    again = call("push", adapter, NAME, "--public")
    assert again.output == f"pushed to {hub.url}/{NAME}, {'public' if public else 'private'}\n"


def test_a_public_repository_takes_no_private_push(hub: HubServer, adapter: Path) -> None:
    hub.models[NAME] = Model(private=False)
    line = refused(call("push", adapter, NAME))
    assert f"{NAME} is public on the Hub: push with --public, or to another name" in line
    assert not hub.models[NAME].files


def test_names_on_the_hub(hub: HubServer, adapter: Path) -> None:
    words = "a name on the Hub is owner/name, of letters, digits and single '-', '_' or '.', "
    for name in (
        *("choices", "a/b/c", "somebody/two--dashes", "somebody/two..dots", "somebody/two words"),
        *("somebody/.hidden", "somebody/ends-", "somebody/choices.git", "somebody/ä", "somebody/"),
        f"somebody/{'n' * 90}",
    ):
        assert words + f"not {name!r}" in refused(call("push", adapter, name))
    assert "OWNER/NAME is empty" in refused(call("push", adapter, ""))
    assert not hub.requests
    names = ["a/b", "some-body/v1.2_x", "S0/__init__", f"{'n' * 47}/choices"]
    for name in names:
        assert call("push", adapter, name).exit_code == 0
    assert list(hub.models) == names


@pytest.mark.parametrize(
    ("step", "fault", "why"),
    [
        ("create", "unknown_token", "Invalid username or password.; the Hub does not accept the "
         "token: `hf auth login`, or set HF_TOKEN"),
        ("commit", "not_allowed", "You don't have the rights to create a model.; the token may not "
         "write there: take a token with write access, or another OWNER"),
        ("commit", "many_lines", "Rejected. Files are too large. See."),
        ("commit", "dropped", "peer closed connection"),
    ],
)  # fmt: skip
def test_a_refusal_of_the_hub_is_one_line_and_the_adapter_is_left(
    hub: HubServer, adapter: Path, step: str, fault: str, why: str
) -> None:
    hub.faults[step] = [fault]
    line = refused(call("push", adapter, NAME))
    assert line.startswith(f"Error: pushing to {NAME} failed (") and why in line
    again = f"kidney-evals sft push {adapter} {NAME}"
    assert line.endswith(f"); the adapter is whole in {adapter}: try again with `{again}`")
    assert not any(model.files for model in hub.models.values())
    assert call("push", *again.split()[3:]).exit_code == 0
    assert hub.models[NAME].files == FILES


def test_adapters_that_nobody_else_could_use_are_not_pushed(hub: HubServer, adapter: Path) -> None:
    for missing in ("README.md", "adapter_model.safetensors"):
        (adapter / missing).rename(adapter / "elsewhere")
        assert f"is no whole adapter ({missing} is missing)" in refused(call("push", adapter, NAME))
        (adapter / "elsewhere").rename(adapter / missing)
    for base in (str(adapter), "../base", "~/base"):
        config = json.dumps({"base_model_name_or_path": base})
        (adapter / "adapter_config.json").write_text(config, encoding="utf-8")
        line = refused(call("push", adapter, NAME))
        assert f"the base of {adapter} is a folder of this machine ({base})" in line
    (adapter / "adapter_config.json").unlink()
    assert "holds no adapter" in refused(call("push", adapter, NAME))
    assert not hub.requests


# Slow: the extra is there only where the slow tests run.
@pytest.mark.slow
def test_a_push_after_training_is_checked_before_it(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        check_extra()
    except ValueError as error:
        pytest.skip(str(error))
    monkeypatch.delenv("HF_TOKEN")
    given = ("--base", "owner/base", "--data", tmp_path / "none", "--out", tmp_path / "out")
    for arguments, words in (
        (["--public"], "--public says how to --push, which is not given"),
        (["--push", "choices"], "a name on the Hub is owner/name"),
        (["--push", NAME, "--samples", "8,16"], "--push takes one adapter"),
        (["--push", NAME], "nobody is logged in to the Hub"),
    ):
        assert words in refused(call("train", *given, *arguments))
