import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def raw_dir() -> Path:
    """Folder with `mcelfresh_2021/`, from the environment or beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "human-data"
    folder = Path(os.environ.get("KIDNEY_EVALS_DATA_DIR") or beside)
    if not folder.is_dir():
        pytest.skip(
            "raw survey rows are not at hand: set KIDNEY_EVALS_DATA_DIR, or run "
            "`kidney-evals reference fetch` and set it to the cache"
        )
    return folder
