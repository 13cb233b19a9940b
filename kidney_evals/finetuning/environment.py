"""Prerequisites of training: API keys from a `.env` file, and the packages of the extra."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from dotenv import find_dotenv, load_dotenv

from kidney_evals.errors import UserError

PACKAGES: Final = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
"""The packages of the extra `finetune`."""


def load_env() -> None:
    """Set the environment variables of the nearest `.env` file, as `inspect eval` does.

    Variables that are already set keep their values.

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
        # The error's text is not shown: it may repeat a part of the file.
        raise UserError(
            f"{path} cannot be read: it must be UTF-8 text of NAME=VALUE lines"
        ) from None


def check_extra(packages: Sequence[str] = PACKAGES) -> None:
    """Raise `UserError` if one of `packages`, by default the extra `finetune`, is missing."""
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        raise UserError(
            f"this needs {', '.join(missing)}, not installed here: "
            "pip install 'kidney-evals[finetune]' (in a checkout: pip install '.[finetune]')"
        )


def _is_installed(name: str) -> bool:
    spec = find_spec(name)
    # The spec of a folder without code, such as this repository's `datasets`, has no origin.
    return spec is not None and spec.origin is not None


def quiet() -> None:
    """Suppress warnings and progress bars of transformers and progress bars of datasets."""
    # Warnings of a library about another library, which a user cannot resolve.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if _is_installed("transformers"):
        logging = import_module("transformers").utils.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    if _is_installed("datasets"):
        import_module("datasets").disable_progress_bars()
