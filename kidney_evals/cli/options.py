"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from kidney_evals.studies import CONDITIONS

logs = click.argument("logs", nargs=-1, required=True)

scans = click.option(
    "--scans",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of a scan with kidney_evals/rationale, for the section on reasons.",
)

overwrite = click.option("--overwrite", is_flag=True, help="Replace any regular file.")

overwrite_site = click.option("--overwrite", is_flag=True, help="Replace a site that is there.")

published_answers = click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with the published answers.",
)

condition = click.Choice(CONDITIONS)
