"""The model that an adapter is trained on: finding it, and one line for each way it can fail."""

from __future__ import annotations

import json
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from kidney_evals.errors import UserError

ADAPTER_CONFIG = "adapter_config.json"

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


def base_place(base: str) -> str:
    """Return a base model as it is written into an adapter: an absolute folder, or a Hub id.

    A relative folder would be looked for from wherever the adapter is used.

    Args:
        base: A folder or a Hub id.

    Raises:
        UserError: It is neither, or an adapter.
    """
    # Not Path.expanduser, which raises for a user who is not there.
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
    """Whether a base can be a name on the Hub; it may be that of a folder as well."""
    return _HUB_ID.fullmatch(base) is not None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter."""
    return (folder / ADAPTER_CONFIG).is_file()


def check_adapter(folder: Path) -> str:
    """Return the base that an adapter names.

    Raises:
        UserError: The folder holds no adapter, it names no base, or its base is a folder that is
            no longer there.
    """
    path = folder / ADAPTER_CONFIG
    try:
        base = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder} holds no adapter ({ADAPTER_CONFIG} is missing)") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error
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
    """Load a base model's tokenizer.

    Raises:
        UserError: It cannot be loaded, or has no chat template.
    """
    transformers = import_module("transformers")
    tokenizer = loaded(transformers.AutoTokenizer, base, "tokenizer")
    if not tokenizer.chat_template:
        raise UserError(
            f"{base} has no chat template, so its questions would not be those of the evaluation: "
            "take an instruction-tuned model"
        )
    if tokenizer.eos_token is None:
        raise UserError(f"the tokenizer of {base} has no end token")
    return tokenizer


def load_model(base: str, **arguments: Any) -> Any:
    """Load a causal language model.

    Raises:
        UserError: It cannot be loaded.
    """
    transformers = import_module("transformers")
    return loaded(transformers.AutoModelForCausalLM, base, "model", **arguments)


def loaded(kind: Any, base: str, what: str, **arguments: Any) -> Any:
    """Load a part of a model with one of transformers' classes.

    Args:
        kind: The class.
        base: A folder or a Hub id.
        what: What to call the part in an error.
        arguments: Of `from_pretrained`.

    Raises:
        UserError: It cannot be loaded.
    """
    try:
        return kind.from_pretrained(base, trust_remote_code=False, **arguments)
    except MemoryError:
        raise UserError(f"the {what} of {base} does not fit in memory") from None
    except Exception as error:
        # transformers raises what its parts raise: of the file system, the hub, of formats.
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"the {what} of {base} cannot be loaded ({why})") from error
