"""The limits of use, as the README, logs and reports state them."""

from importlib.resources import files


def limits_and_use() -> str:
    """Return the *Limits and use* box as Markdown list items."""
    return files("kidney_evals").joinpath("limits_and_use.md").read_text(encoding="utf-8").strip()
