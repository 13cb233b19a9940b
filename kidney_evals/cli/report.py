"""`kidney-evals report` and `bundle`: write one page on many logs, alone or with transcripts."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import complain, say
from kidney_evals.errors import UserError
from kidney_evals.output_files import STDOUT, check_output, write_outputs

if TYPE_CHECKING:
    from kidney_evals.reporting.page import Report


@click.command()
@options.logs
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    help="The page: a file, an address, or - for standard output.",
)
@click.option("--assets", help="Folder for each figure as SVG and its numbers as CSV.")
@click.option("--png", "pictures", is_flag=True, help="With --assets: figures as PNG too.")
@options.scans
@options.overwrite
def report(
    logs: tuple[str, ...],
    output: str,
    assets: str | None,
    pictures: bool,
    scans: tuple[Path, ...],
    overwrite: bool,
) -> None:
    """Write one page that compares the runs in LOGS with people, readable offline.

    LOGS are files, folders, patterns or URLs, of any models, conditions, studies and tasks. Logs of
    other evaluations and logs without answers are listed and omitted.
    """
    from kidney_evals.cli.logs import reading
    from kidney_evals.reporting.page import as_html, asset_contents, read_report

    check_output(output, overwrite=overwrite)
    if pictures:
        if assets is None:
            raise UserError("--png writes into a folder: name it with --assets")
        from kidney_evals.charts.png import check_png

        check_png()
    with reading() as progress:
        content = read_report(logs, scans=scans, progress=progress)
    files = {} if assets is None else asset_contents(content, assets, pictures=pictures)
    if normpath(output) in map(normpath, files):
        raise UserError(f"{output} is one of the figures' files: name another file")
    contents = {output: as_html(content).encode(), **files}
    write_outputs(contents, overwrite=overwrite, inputs=content.inputs)
    written = [] if assets is None else [f"{assets}: {len(files)} files"]
    _say_made(content, output, *written)


@click.command()
@options.logs
@click.option("-o", "--output", required=True, help="The site's folder: a path or an address.")
@click.option("--overwrite", is_flag=True, help="Replace a site that is there.")
@options.scans
def bundle(logs: tuple[str, ...], output: str, overwrite: bool, scans: tuple[Path, ...]) -> None:
    """Write a static site: the report on LOGS as front page, and every transcript.

    Any web server can serve the folder, for example `python -m http.server -d SITE`. The viewer
    fetches logs, which browsers forbid for files; the report alone opens without a server.
    """
    from kidney_evals.cli.logs import reading
    from kidney_evals.reporting.page.site import write_site

    with reading() as progress:
        content = write_site(logs, output, scans=scans, overwrite=overwrite, progress=progress)
    _say_made(content, f"{output.rstrip('/')}/index.html")


def _say_made(made: Report, page: str, *more: str) -> None:
    """Print what was written, on stderr if the page is written to standard output."""
    models, runs = len(made.models), len(made.runs)
    counts = f"{models} model{'' if models == 1 else 's'}, {runs} run{'' if runs == 1 else 's'}"
    for line in (*(f"passed over: {one}" for one in made.passed_over), f"{page}: {counts}", *more):
        (complain if page == STDOUT else say)(line)
