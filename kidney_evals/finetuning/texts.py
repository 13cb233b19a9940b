"""Texts, tables and templates that ship with this room."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml


def table_of(name: str) -> Any:
    """Return the content of a shipped YAML file."""
    return yaml.safe_load(_text(name))


def filled(name: str, **values: Any) -> str:
    """Return a shipped Jinja template, Markdown, with its names filled in."""
    return str(_environment().get_template(name).render(values))


def _text(name: str) -> str:
    return files("kidney_evals.finetuning").joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # What is written is Markdown, not HTML.
    return Environment(
        loader=FunctionLoader(_text),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
