"""Arguments and options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kidney_evals.studies import CONDITIONS

F = TypeVar("F", bound=Callable[..., Any])

logs = click.argument("logs", nargs=-1, required=True)

any_path = click.Path(path_type=Path)

scans = click.option(
    "--scans",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of a scan with kidney_evals/rationale, for the section on reasons.",
)

overwrite = click.option("--overwrite", is_flag=True, help="Replace any regular file.")

condition = click.Choice(CONDITIONS)


def form(*formats: str, help: str = "How to print it.") -> Callable[[F], F]:
    """Return a decorator that adds the option `--format`; the first format is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help=help,
    )
