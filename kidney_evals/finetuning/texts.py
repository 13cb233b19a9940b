"""Texts, tables and templates that ship with `kidney_evals.finetuning`."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined


def table_of(name: str) -> Any:
    """Return the content of a shipped YAML file."""
    return yaml.safe_load(_text(name))


def filled(name: str, **values: Any) -> str:
    """Render a shipped Markdown template with `values`."""
    # The output is Markdown, not HTML: no escaping.
    environment = Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_text(name)).render(values)


def _text(name: str) -> str:
    return files("kidney_evals.finetuning").joinpath(name).read_text(encoding="utf-8")
