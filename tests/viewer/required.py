"""Whether a browser is there, and what to do where none is."""

import importlib.util
import os
import shutil

import pytest


def require_browser() -> None:
    """Skip without Chromium or Playwright; fail where skipping would prove nothing."""
    missing = [] if shutil.which("chromium") else ["the system's Chromium (package chromium)"]
    if importlib.util.find_spec("playwright") is None:
        missing.append("Playwright (pip install playwright)")
    if missing:
        reason = f"nothing was opened in a browser: no {' and no '.join(missing)}"
        if os.environ.get("KIDNEY_EVALS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
