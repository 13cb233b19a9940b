"""The base model of an adapter: locate it, load it, and merge an adapter into it."""

import json
import os
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from kidney_evals.errors import UserError, first_line
from kidney_evals.finetuning.environment import load_env, quiet
from kidney_evals.input_files import read_bytes
from kidney_evals.output_files import check_new_folder, new_folder

ADAPTER_CONFIG = "adapter_config.json"
DATA_CARD = "data_card.json"
"""File name, in an adapter's folder, of the card of the training samples."""

_CLASSES: Final = {"tokenizer": "AutoTokenizer", "model": "AutoModelForCausalLM"}


def base_place(base: str) -> str:
    """Return the base model as an adapter names it: an absolute folder, or a Hub id.

    Raises:
        UserError: `base` is an adapter, a folder without a model, or neither a folder nor an id.
    """
    # Not Path.expanduser, which raises an error for an unknown user.
    folder = Path(os.path.expanduser(base))
    if base and folder.is_dir():
        if is_adapter(folder):
            raise UserError(
                f"{base} is an adapter, not a base model: merge it first (kidney-evals sft merge)"
            )
        if not (folder / "config.json").is_file():
            raise UserError(f"{base} holds no model (config.json is missing)")
        return str(folder.resolve())
    if folder.is_absolute() or not is_hub_id(base):
        raise UserError(f"there is no model at {base!r}: give a folder, or a Hub id (owner/name)")
    return base


def is_hub_id(base: str) -> bool:
    """Return whether a text has the form of a Hub id; a folder's name may have the same form."""
    return re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", base, re.ASCII) is not None


def is_adapter(folder: Path) -> bool:
    """Return whether a folder holds an adapter."""
    return (folder / ADAPTER_CONFIG).is_file()


def check_adapter(folder: Path) -> str:
    """Return the base model that an adapter names: a folder or a Hub id.

    Raises:
        UserError: `folder` holds no adapter, its configuration cannot be read or names no base, or
            the base is a folder that does not exist.
    """
    path = folder / ADAPTER_CONFIG
    if not os.path.lexists(path):
        raise UserError(f"{folder} holds no adapter ({ADAPTER_CONFIG} is missing)")
    content = read_bytes(path)
    try:
        base = json.loads(content)["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError):
        base = None
    if not isinstance(base, str) or not base:
        raise UserError(f"{path} names no base model (base_model_name_or_path)")
    if Path(base).is_absolute() and not Path(base).is_dir():
        raise UserError(
            f"the base of {folder} has moved: {base} is not there; put it back, or write its new "
            f"place into {ADAPTER_CONFIG} as base_model_name_or_path"
        )
    return base


def load_tokenizer(base: str) -> Any:
    """Load the tokenizer of a base model.

    Raises:
        UserError: It cannot be loaded, or has no chat template or no end token.
    """
    tokenizer = load("tokenizer", base)
    if not tokenizer.chat_template:
        raise UserError(
            f"{base} has no chat template, so its questions would not be those of the evaluation: "
            "take an instruction-tuned model"
        )
    if tokenizer.eos_token is None:
        raise UserError(f"the tokenizer of {base} has no end token")
    return tokenizer


def load(part: Literal["tokenizer", "model"], base: str, **arguments: Any) -> Any:
    """Load a causal language model or its tokenizer.

    Args:
        part: Which of both to load.
        base: A folder or a Hub id.
        **arguments: Arguments of `from_pretrained` of transformers.

    Raises:
        UserError: It cannot be loaded or does not fit in memory.
    """
    loader = getattr(import_module("transformers"), _CLASSES[part])
    try:
        return loader.from_pretrained(base, trust_remote_code=False, **arguments)
    except MemoryError:
        raise UserError(f"the {part} of {base} does not fit in memory") from None
    except Exception as error:
        # transformers does not convert errors of the file system, the hub and file formats.
        raise UserError(f"the {part} of {base} cannot be loaded ({first_line(error)})") from error


def merge_adapter(adapter: Path, out: Path) -> None:
    """Merge an adapter into the weights of its base, and write the full model to the folder `out`.

    Raises:
        UserError: The folder `adapter` holds no adapter, its base or tokenizer cannot be loaded, or
            `out` is not empty or cannot be written.
    """
    check_new_folder(out)
    load_env()
    quiet()
    base = check_adapter(adapter)
    tokenizer = load_tokenizer(str(adapter))
    model = load("model", base)
    try:
        model = import_module("peft").PeftModel.from_pretrained(model, str(adapter))
    except Exception as error:
        # peft does not convert errors of the file system and of file formats either.
        raise UserError(f"{adapter} cannot be loaded ({first_line(error)})") from error
    merged = model.merge_and_unload()
    with new_folder(out) as folder:
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        for name in (DATA_CARD, "README.md"):
            if (adapter / name).is_file():
                shutil.copy(adapter / name, folder / name)
