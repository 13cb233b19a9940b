"""Inspect Scout, which nothing else here needs."""

from __future__ import annotations

from importlib.util import find_spec

from kidney_evals.errors import UserError


def has_extra() -> bool:
    """Whether Inspect Scout is installed."""
    return find_spec("inspect_scout") is not None


def check_extra() -> None:
    """Refuse to scan where Inspect Scout is missing.

    Raises:
        UserError: With what to install.
    """
    if not has_extra():
        raise UserError(
            "scanning transcripts needs inspect_scout, not installed here: "
            "pip install 'kidney-evals[scout]' (in a checkout: pip install '.[scout]')"
        )
