"""Around training, without its packages: the base, the settings, new folders, missing packages."""

import errno
import os
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from cli.calling import line_of, refused
from finetuning.folders import call, export, pretend, small_folder
from finetuning.servers import JobsServer
from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import base_place, check_adapter, load, load_tokenizer
from kidney_evals.finetuning.environment import PACKAGES, check_extra, quiet
from kidney_evals.finetuning.settings import read_sizes, settings
from kidney_evals.finetuning.texts import table_of
from kidney_evals.finetuning.training_report import (
    NOT_MEASURED,
    passes_of,
    read_object,
    write_report,
    write_side_effects,
)
from kidney_evals.output_files import new_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is the working folder too, with a model and an adapter in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("models/base/config.json", "adapter/adapter_config.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


# --- the base --------------------------------------------------------------------------------


def test_a_base_is_a_folder_or_a_name_on_the_hub(home: Path) -> None:
    for folder in ("models/base", "./models/base", "~/models/base", "models/base/"):
        assert base_place(folder) == str((home / "models" / "base").resolve())
    for name in ("gpt2", "owner/name", "Owner-1/name_2.5B-it"):
        assert base_place(name) == name
    for base, words in (
        ("/nowhere/base", "there is no model at '/nowhere/base': give a folder, or a Hub id"),
        ("~nobody-of-that-name/base", "there is no model at '~nobody-of-that-name/base'"),
        ("models/base/config.json", "there is no model at 'models/base/config.json'"),
        # The Hub's client takes no version behind a name.
        ("owner/name@main", "there is no model at 'owner/name@main'"),
        ("", "there is no model at ''"),
        ("empty", "empty holds no model (config.json is missing)"),
        ("adapter", "adapter is an adapter, not a base model: merge it first"),
    ):
        assert line_of(base_place, base).startswith(words)


def test_an_adapter_without_its_base_is_refused_in_a_line(home: Path) -> None:
    config = home / "adapter" / "adapter_config.json"
    assert "empty holds no adapter (adapter_config.json is" in line_of(
        check_adapter, home / "empty"
    )
    for content, words in (
        ("{", "names no base model (base_model_name_or_path)"),
        ("[]", "names no base model"),
        ('{"base_model_name_or_path": null}', "names no base model"),
        ('{"base_model_name_or_path": "/nowhere/base"}', "/nowhere/base is not there; put it back"),
    ):
        config.write_text(content, encoding="utf-8")
        line = line_of(check_adapter, config.parent)
        assert words in line and str(config.parent) in line
    config.unlink()
    config.symlink_to("adapter_config.json")
    assert "cannot be read: Too many levels" in line_of(check_adapter, config.parent)


def test_what_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    library = MagicMock()
    monkeypatch.setitem(sys.modules, "transformers", library)
    loaders = [library.AutoModelForCausalLM.from_pretrained, library.AutoTokenizer.from_pretrained]
    parts: tuple[Any, ...] = ("model", "tokenizer")
    for error, words in (
        (OSError("No file.\nSee https://example.org"), "cannot be loaded (No file.)"),
        (ValueError("\n"), "cannot be loaded (ValueError)"),
        (MemoryError(), "does not fit in memory"),
    ):
        for part, loader in zip(parts, loaders, strict=True):
            loader.side_effect = error
            assert line_of(load, part, "owner/name") == f"the {part} of owner/name {words}"
            # A model's own code never runs.
            loader.assert_called_with("owner/name", trust_remote_code=False)
    # A tokenizer must know conversations and their end.
    for template, end, words in (
        (None, "</s>", "owner/name has no chat template"),
        ("{{ messages }}", None, "the tokenizer of owner/name has no end token"),
    ):
        [_, loader] = loaders
        loader.side_effect = [SimpleNamespace(chat_template=template, eos_token=end)]
        assert line_of(load_tokenizer, "owner/name").startswith(words)


# --- settings --------------------------------------------------------------------------------

WHOLE = ["rank", "alpha", "batch", "steps", "patience", "seed"]


def test_settings_are_the_defaults_but_for_those_given() -> None:
    defaults = {name: entry["default"] for name, entry in table_of("lora").items()}
    assert asdict(settings()) == defaults
    changed = settings(rank=4, dropout=None, learning_rate=0.001)
    assert asdict(changed) == defaults | {"rank": 4, "learning_rate": 0.001}


@pytest.mark.parametrize("name", table_of("lora"))
def test_ranges_hold_their_ends_and_nothing_beyond(name: str) -> None:
    low, high = table_of("lora")[name]["range"]
    for end in (low, high):
        assert getattr(settings(**{name: end}), name) == end
    for beyond in (low - 1, low - 1e-9, high * 1.001, float("nan"), float("inf")):
        with pytest.raises(UserError, match=rf"^{name} must be from .* to .*, not "):
            settings(**{name: beyond})
    if name in WHOLE:
        assert isinstance(getattr(settings(**{name: 2.0}), name), int)
        with pytest.raises(UserError, match=rf"{name} must be a whole number, not 2.5"):
            settings(**{name: 2.5})


def test_passes_are_whole_and_make_no_more_steps_than_asked() -> None:
    for samples, passes in (
        (8, 30),  # 200 passes of a step each would be too many
        (64, 25),  # 200 / 8
        (100, 15),  # 13 steps a pass, the last one short: 200 / 13 = 15.4
        (1000, 1),  # 200 / 125 = 1.6: a second pass would end after 250 steps
        (10_000, 1),  # never less than one
    ):
        assert settings(steps=200, batch=8).passes(samples) == passes


def test_sizes_of_a_learning_curve() -> None:
    assert read_sizes("128, 8,32,8", "--samples") == [8, 32, 128]
    for text in ("", "8,", "8;32", "1e3"):
        line = line_of(read_sizes, text, "--samples")
        assert line.startswith("--samples takes whole numbers with commas between")
    assert line_of(read_sizes, "32,0", "--samples") == "--samples must be at least 1, not 0"


# --- the report ------------------------------------------------------------------------------


def test_the_report_and_the_card_of_an_adapter(tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--samples", 8, "--condition", "coin_flip")
    history = [
        {"epoch": 0, "step": 0, "eval_loss": 1.5},
        {"epoch": 1.0, "step": 1, "loss": 1.0},
        {"epoch": 1.0, "step": 1, "eval_loss": 0.5},
        # A run that is resumed after this pass evaluates it again.
        {"epoch": 1.0, "step": 1, "eval_loss": 0.5},
        {"epoch": 2.0, "step": 2, "loss": 0.25},
        {"epoch": 2.0, "step": 2, "eval_loss": 0.75},
    ]
    begun = {
        **{"base": "owner/base", "samples": 8, "settings": asdict(settings()), "heldout": 32},
        **{"device": "cpu", "dtype": "float32", "seconds": 2.0, "tokens_of_a_pass": 99},
        **{"tokens_per_second": 50, "peak_memory_bytes": 2_100_000_000, "trained_parameters": 7},
        "versions": {},
    }
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    report = write_report(begun, passes_of(history), data, settings(), folder)
    # The adapter is that of the pass with the lowest held-out loss.
    assert (report["kept_pass"], report["passes"]) == (1, 2)
    assert read_object(folder / "training.json") == report
    table = (folder / "training.csv").read_text(encoding="utf-8").splitlines()
    assert table == ["pass,step,loss,heldout_loss", "0,0,,1.5", "1,1,1.0,0.5", "2,2,0.25,0.75"]
    # A training that diverged has no lowest loss; it keeps pass 1.
    lost = passes_of(
        [one | {"eval_loss": np.nan} if "eval_loss" in one else one for one in history]
    )
    assert write_report(begun, lost, data, settings(), folder)["kept_pass"] == 1
    card = (folder / "README.md").read_text(encoding="utf-8")
    trained = "2 s on cpu in float32, 50 tokens a second with held-out passes, peak memory 2.1 GB."
    for words in ("Prohibited use", "owner/base", "mcelfresh_2021", NOT_MEASURED, "age", trained):
        assert words in card
    # What a user added, in any encoding, stays.
    (folder / "README.md").write_bytes(card.encode() + "Á moi".encode("latin-1"))
    write_side_effects(folder, "None.")
    write_side_effects(folder, "Some.")
    changed = (folder / "README.md").read_bytes().decode("latin-1")
    assert NOT_MEASURED not in changed and "None." not in changed and "\nSome.\n" in changed
    assert changed.endswith("Á moi")
    (folder / "README.md").write_text("mine", encoding="utf-8")
    assert "is no card of `sft train`" in line_of(write_side_effects, folder, "Some.")


# --- the folder that is written --------------------------------------------------------------


def test_a_folder_appears_when_it_is_whole_and_after_no_error(tmp_path: Path) -> None:
    for name, exists in (("one", False), ("two", True)):
        out = tmp_path / name / "out"
        if exists:
            out.mkdir(parents=True)
        with new_folder(out) as place:
            (place / "file").write_text("whole", encoding="utf-8")
            assert not out.exists() or not any(out.iterdir())
        assert [one.name for one in out.iterdir()] == ["file"]
        assert [one.name for one in out.parent.iterdir()] == ["out"]
    # Readable by everybody whom the umask allows, as any new folder is.
    (tmp_path / "plain").mkdir()
    assert out.stat().st_mode == (tmp_path / "plain").stat().st_mode
    full = OSError(errno.ENOSPC, "No space left on device")
    for error, seen, words in (
        (full, UserError, r"cannot write .*out \(No space left on device\)$"),
        (UserError("the user's own line"), UserError, "^the user's own line$"),
        (ZeroDivisionError("a bug"), ZeroDivisionError, "a bug"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
    ):
        with pytest.raises(seen, match=words), new_folder(tmp_path / "bad" / "out") as place:
            (place / "half").write_text("half", encoding="utf-8")
            raise error
        assert list((tmp_path / "bad").iterdir()) == []
    # An existing file is left alone.
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="name another"), new_folder(tmp_path / "out"):
        pytest.fail("there was something to write in")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


# --- the packages ----------------------------------------------------------------------------


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
    assert line_of(check_extra) == (
        "this needs torch, transformers, peft, trl, accelerate, datasets, not installed here: "
        "pip install 'kidney-evals[finetune]' (in a checkout: pip install '.[finetune]')"
    )
    # Nothing to keep quiet is no error.
    quiet()
    for name in PACKAGES:
        pretend(monkeypatch, name)
    check_extra()
    # A checkout's folder of data is no package.
    monkeypatch.delitem(sys.modules, "datasets")
    (tmp_path / "datasets").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert line_of(check_extra).startswith("this needs datasets, not installed here")


# --- keys in a `.env` file ----------------------------------------------------------------------

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder two levels down, without any key in the environment."""
    for name in KEYS:
        # Both, so that what a command sets is taken back after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "nobody"))
    place = tmp_path / "project" / "deeper"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_a_key_in_a_file_above_the_working_folder(work: Path) -> None:
    data = small_folder(work / "data")
    record = work / "record.json"
    submitting = ("--base", "gpt-4.1-mini", "--data", data, "--out", record)
    assert "OPENAI_API_KEY is not set, nor in a .env file" in refused(call("submit", *submitting))
    with JobsServer() as server:
        text = f"# keys\nexport OPENAI_API_KEY='not-a-key'\nOPENAI_BASE_URL={server.url}/v1\n"
        (work.parent / ".env").write_text(text, encoding="utf-8")
        for command, arguments in (("submit", submitting), ("status", [record])):
            for name in KEYS:
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
