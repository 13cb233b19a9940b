"""The packages that training needs and nothing else here does."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Final

from kidney_evals.errors import UserError

PACKAGES: Final = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
"""What the extra `finetune` installs."""


def check_extra() -> None:
    """Refuse to train where a package is missing.

    Raises:
        UserError: With what to install.
    """
    missing = [name for name in PACKAGES if not _is_there(name)]
    if missing:
        raise UserError(
            f"this needs {', '.join(missing)}, not installed here: "
            "pip install 'kidney-evals[finetune]' (in a checkout: pip install '.[finetune]')"
        )


def _is_there(name: str) -> bool:
    found = find_spec(name)
    # A folder without code, as `datasets` of a checkout is, passes for a package without a file.
    return found is not None and found.origin is not None


def versions() -> dict[str, str]:
    """Return the version of every package that decides what comes out."""
    from kidney_evals import __version__

    return {"kidney_evals": __version__} | {name: version(name) for name in PACKAGES}


def quiet() -> None:
    """Keep the libraries that are installed from writing between our lines."""
    # What they say of each other's changes a user can do nothing about.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if _is_there("transformers"):
        logging = import_module("transformers").utils.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    if _is_there("datasets"):
        import_module("datasets").disable_progress_bars()
