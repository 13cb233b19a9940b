"""The command group; each command's work is imported when it is called."""

from __future__ import annotations

from pathlib import Path

import click

from kidney_evals import __version__
from kidney_evals.cli.compare import compare
from kidney_evals.cli.plan import plan
from kidney_evals.cli.report import bundle, gallery, report
from kidney_evals.cli.sft import sft
from kidney_evals.cli.table import table
from kidney_evals.cli.terminal import Group, say
from kidney_evals.cli.try_ import try_
from kidney_evals.cli.validate import validate
from kidney_evals.cli.verify import verify


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kidney-evals")
def main() -> None:
    """Kidney-allocation dilemmas for Inspect AI, read beside the answers of people."""


main.add_command(compare)
main.add_command(plan)
main.add_command(report)
main.add_command(bundle)
main.add_command(gallery)
main.add_command(sft)
main.add_command(table)
main.add_command(try_)
main.add_command(validate)


@main.command()
@click.argument("logs", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Every measure, not only those of the log.")
def show(logs: tuple[str, ...], everything: bool) -> None:
    """Print the quantities of each of LOGS (files or folders) and a sentence about each."""
    from kidney_evals.cli.show import show_logs

    show_logs(logs, everything=everything)


@main.command()
@click.argument("log")
@click.option("--any-reference", is_flag=True, help="Even if its human tables were other ones.")
def describe(log: str, any_reference: bool) -> None:
    """Fit the models behind LOG's rows and print them beside people's, with their formulas."""
    from kidney_evals.cli.describe import describe_log

    describe_log(log, any_reference=any_reference)


@main.command()
@click.argument("log")
@click.option("-o", "--output", help="Where to write the log: a file or an address.")
@click.option(
    "--any-reference", is_flag=True, help="Score against other human tables than the log's own."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def rescore(log: str, output: str | None, any_reference: bool, overwrite: bool) -> None:
    """Score LOG again with the installed scorers; by default beside it as NAME-scored."""
    from kidney_evals.cli.rescore import rescore_log

    rescore_log(log, output, any_reference=any_reference, overwrite=overwrite)


@main.command()
@click.argument("name")
def suite(name: str) -> None:
    """Print the tasks of suite NAME, for `inspect eval-set $(kidney-evals suite NAME)`."""
    from kidney_evals.errors import unknown
    from kidney_evals.tasks import SUITES

    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    say(" ".join(f"kidney_evals/{task}" for task in SUITES[name]), fit=False)


@main.command()
@click.option("--dilemmas", default=200, show_default=True, help="Drawn dilemmas of each run.")
def known(dilemmas: int) -> None:
    """Run every simulated respondent offline and print what each scores, as Markdown."""
    from kidney_evals.reporting.known import markdown, run_known

    say(markdown(run_known(dilemmas)), fit=False)


@main.command()
def respondents() -> None:
    """List the simulated respondents and their arguments."""
    from kidney_evals.respondents import describe

    say(describe())


@main.group()
def reference() -> None:
    """The human tables: fetch what they are made from, and make them again."""


@reference.command()
@click.option("--cache", type=click.Path(path_type=Path), help="Folder to keep the files in.")
@click.option("--overwrite", is_flag=True, help="Replace files that are not the published ones.")
def fetch(cache: Path | None, overwrite: bool) -> None:
    """Download the published answers from their pinned home and check them."""
    from kidney_evals.lab.fetch import fetch_raw

    say(str(fetch_raw(cache, overwrite=overwrite)), fit=False)


@reference.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with the published answers.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of study folders to write into; by default the shipped ones.",
)
@click.option("--overwrite", is_flag=True, help="Replace any regular file.")
def build(data: Path, out: Path | None, overwrite: bool) -> None:
    """Make every table that derives from the published answers, byte for byte."""
    from kidney_evals.lab.reference_tables import build_reference
    from kidney_evals.studies import datasets_dir

    for path in build_reference(data, out or datasets_dir(), overwrite=overwrite):
        say(str(path), fit=False)


reference.add_command(verify)
