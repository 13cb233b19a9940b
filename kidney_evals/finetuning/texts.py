"""Texts, tables and templates that ship with `kidney_evals.finetuning`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from kidney_evals.templates import templates


@cache
def table_of(name: str) -> Any:
    """Return the content of a shipped YAML file."""
    text = files("kidney_evals.finetuning").joinpath(name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


def filled(name: str, **values: Any) -> str:
    """Render a shipped Markdown template with `values`."""
    # The output is Markdown, not HTML: no escaping.
    environment = templates("finetuning", "", {}, keep_trailing_newline=True)
    return environment.get_template(name).render(values)
