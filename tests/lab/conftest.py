"""Where the raw survey rows are, if they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def raw_dir() -> Path:
    """Folder with `mcelfresh_2021/`, from the environment or beside the checkout."""
    named = os.environ.get("KIDNEY_EVALS_DATA_DIR")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "human-data"
    if not folder.is_dir():
        pytest.skip(
            "raw survey rows are not at hand: set KIDNEY_EVALS_DATA_DIR, or run "
            "`kidney-evals reference fetch` and set it to the cache"
        )
    return folder
