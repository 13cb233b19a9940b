"""Whether a browser is installed; skip or fail without one."""

import importlib.util
import os
import shutil

import pytest


def _missing() -> list[str]:
    missing = [] if shutil.which("chromium") else ["the system's Chromium (package chromium)"]
    if importlib.util.find_spec("playwright") is None:
        missing.append("Playwright (pip install playwright)")
    return missing


def has_browser() -> bool:
    """Return whether a browser is there; fail where a test without one would prove nothing."""
    if _missing() and os.environ.get("KIDNEY_EVALS_REQUIRE_BROWSER") == "1":
        require_browser()
    return not _missing()


def require_browser() -> None:
    """Skip without Chromium or Playwright; fail where skipping would prove nothing."""
    if missing := _missing():
        reason = f"nothing was opened in a browser: no {' and no '.join(missing)}"
        if os.environ.get("KIDNEY_EVALS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
