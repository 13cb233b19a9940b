"""What training needs from the machine: keys from a `.env` file, and the extra's packages."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Final

from dotenv import find_dotenv, load_dotenv

from kidney_evals.errors import UserError

PACKAGES: Final = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
"""The packages of the extra `finetune`."""


def load_env() -> None:
    """Set the variables of the nearest `.env` file, from the working folder upwards.

    Variables that are set already keep their values, as with `inspect eval`.

    Raises:
        UserError: The file cannot be read.
    """
    path = find_dotenv(usecwd=True)
    if not path:
        return
    try:
        load_dotenv(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError:
        # Not the error's words: they may repeat a part of the file.
        raise UserError(
            f"{path} cannot be read: it must be UTF-8 text of NAME=VALUE lines"
        ) from None


def check_extra(packages: Sequence[str] = PACKAGES) -> None:
    """Refuse to go on where a package of the extra is missing.

    Raises:
        UserError: With the command that installs it.
    """
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        raise UserError(
            f"this needs {', '.join(missing)}, not installed here: "
            "pip install 'kidney-evals[finetune]' (in a checkout: pip install '.[finetune]')"
        )


def _is_installed(name: str) -> bool:
    found = find_spec(name)
    # A folder without code, such as `datasets` of a checkout, has a spec without a file.
    return found is not None and found.origin is not None


def versions() -> dict[str, str]:
    """Return the version of every package that affects the trained adapter."""
    from kidney_evals import __version__

    return {"kidney_evals": __version__} | {name: version(name) for name in PACKAGES}


def quiet() -> None:
    """Keep the installed libraries from writing between our lines."""
    # Warnings of one library about another, which a user can do nothing about.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if _is_installed("transformers"):
        logging = import_module("transformers").utils.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    if _is_installed("datasets"):
        import_module("datasets").disable_progress_bars()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
