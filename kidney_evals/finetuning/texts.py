"""Texts, tables and templates that ship with `kidney_evals.finetuning`."""

from functools import partial
from typing import Any

from kidney_evals.elicitation.form import table
from kidney_evals.templates import templates

table_of = partial(table, package="kidney_evals.finetuning")
"""Returns the content of a shipped YAML file, by its name without the ending."""


def filled(name: str, **values: Any) -> str:
    """Return the shipped Markdown template with the file name `name`, rendered with `values`."""
    # The output is Markdown, not HTML: no escaping.
    environment = templates("finetuning", "", {}, keep_trailing_newline=True)
    return environment.get_template(name).render(values)
