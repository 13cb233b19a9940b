"""`kidney-evals report` and `bundle`: many logs on one page, alone or with the transcripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kidney_evals.reporting.page import Report


@click.command()
@click.argument("logs", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page.",
)
@click.option(
    "--assets",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for each figure as SVG and its numbers as CSV.",
)
@click.option("--png", "pictures", is_flag=True, help="With --assets: figures as PNG too.")
@click.option(
    "--scans",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of a scan with kidney_evals/rationale, for the section on reasons.",
)
def report(
    logs: tuple[str, ...],
    output: Path,
    assets: Path | None,
    pictures: bool,
    scans: tuple[Path, ...],
) -> None:
    """Put what LOGS say beside people's answers, on one page that needs no network.

    LOGS are files, folders, patterns or URLs; several models, conditions, studies and tasks may be
    among them. Logs of other evaluations, and those without answers, are named and passed over.
    """
    from kidney_evals.cli.progress import reading
    from kidney_evals.cli.terminal import say
    from kidney_evals.errors import UserError
    from kidney_evals.reporting.page import read_report, write_assets, write_page

    if pictures:
        if assets is None:
            raise UserError("--png writes into a folder: name it with --assets")
        from kidney_evals.charts.png import check_png

        check_png()
    with reading() as progress:
        found = read_report(logs, scans=scans, progress=progress)
    _tell(found, output)
    write_page(found, output)
    if assets is not None:
        written = write_assets(found, assets, pictures=pictures)
        say(f"{assets}: {len(written)} files")


@click.command()
@click.argument("logs", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The site's folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace a site that is there.")
@click.option(
    "--scans",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of a scan with kidney_evals/rationale, for the section on reasons.",
)
def bundle(logs: tuple[str, ...], output: Path, overwrite: bool, scans: tuple[Path, ...]) -> None:
    """Make one static site of LOGS: the report in front, every transcript behind it.

    Any web server can serve the folder, for example `python -m http.server -d SITE`. The viewer
    fetches logs, which browsers forbid for files; the report alone opens without a server.
    """
    from kidney_evals.cli.progress import reading
    from kidney_evals.reporting.page.site import write_site

    with reading() as progress:
        found = write_site(logs, output, scans=scans, overwrite=overwrite, progress=progress)
    _tell(found, output / "index.html")


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("gallery"),
    show_default=True,
    help="The site's folder.",
)
@click.option("--dilemmas", default=100, show_default=True, help="Drawn dilemmas of each run.")
@click.option("--overwrite", is_flag=True, help="Replace a site that is there.")
def gallery(output: Path, dilemmas: int, overwrite: bool) -> None:
    """Make a site of eight simulated respondents: what each failure looks like. Offline."""
    from kidney_evals.cli.terminal import say
    from kidney_evals.reporting.gallery import make_gallery

    found = make_gallery(output, dilemmas=dilemmas, overwrite=overwrite, say=say)
    _tell(found, output / "index.html")


def _tell(found: Report, page: Path) -> None:
    from kidney_evals.cli.terminal import say

    for line in found.passed_over:
        say(f"passed over: {line}")
    models = len(found.models)
    say(f"{page}: {models} model{'' if models == 1 else 's'}, {len(found.runs.rows)} runs")
