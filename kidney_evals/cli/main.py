"""The command group. The code of each command is imported when the command is called."""

import click

from kidney_evals import __version__
from kidney_evals.cli import options
from kidney_evals.cli.compare import compare
from kidney_evals.cli.lab import known, reference, validate
from kidney_evals.cli.models import models
from kidney_evals.cli.plan import plan
from kidney_evals.cli.report import bundle, report
from kidney_evals.cli.results import results
from kidney_evals.cli.sft import sft
from kidney_evals.cli.study import study
from kidney_evals.cli.survey import survey
from kidney_evals.cli.table import table
from kidney_evals.cli.terminal import Group, say, say_filled
from kidney_evals.errors import UserError, check_known


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kidney-evals")
def main() -> None:
    """Kidney-allocation dilemmas for Inspect AI, compared with people's answers."""


for command in (
    *(compare, models, plan, report, results, bundle, sft, study, survey, table),
    *(validate, known, reference),
):
    main.add_command(command)


@main.command()
@options.logs
@click.option("--all", "everything", is_flag=True, help="Every measure too, below the card.")
@options.form(
    *("text", "md", "json"),
    help="md: Markdown, for a paper or a model card; json: one array of runs.",
)
def show(logs: tuple[str, ...], everything: bool, form: str) -> None:
    """Print the card of each of LOGS (files or folders): five questions, each with its verdict."""
    from kidney_evals.cli.show import show_logs

    show_logs(logs, everything=everything, form=form)


@main.command()
@click.argument("log")
@click.option("--any-reference", is_flag=True, help="Even if its human tables were other ones.")
def describe(log: str, any_reference: bool) -> None:
    """Fit models to the answers in LOG and print the estimates beside people's, with formulas."""
    from kidney_evals.cli.logs import read_run_log
    from kidney_evals.estimation.errors import InputError
    from kidney_evals.measures.description import describe as describe_run
    from kidney_evals.reporting.description import describe_text
    from kidney_evals.reporting.runs import as_written
    from kidney_evals.scorers.samples import run_of_log

    read = read_run_log(log, any_reference=any_reference)
    if asks := (read.eval.metadata or {}).get("asks"):
        raise UserError(f"{log} is a log of {asks}; only choices are described")
    with as_written(log):
        run = run_of_log(read)
    if run is None:
        raise UserError(f"{log} has no scored choices; `kidney-evals rescore` scores a log")
    try:
        description = describe_run(run)
    except InputError as error:
        raise UserError(f"{log} cannot be described: {error}") from error
    say_filled(f"{read.eval.task}  {read.eval.model}")
    say(f"{run.study.id}, {len(run.choice)} samples, {len(run.decisions)} answers read\n")
    say(describe_text(description))


@main.command()
@click.argument("log")
@click.option("-o", "--output", help="Where to write the log: a file or an address.")
@click.option(
    "--any-reference", is_flag=True, help="Score against other human tables than the log's own."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def rescore(log: str, output: str | None, any_reference: bool, overwrite: bool) -> None:
    """Score LOG again with the installed scorers, by default into NAME-scored in its folder."""
    from kidney_evals.cli.rescore import rescore_log

    rescore_log(log, output, any_reference=any_reference, overwrite=overwrite)


@main.command()
@click.argument("name")
@click.option("--study", help="Ask this study alone, by both conditions: a name or a folder.")
def suite(name: str, study: str | None) -> None:
    """Print the tasks of suite NAME, for `inspect eval-set $(kidney-evals suite NAME)`.

    With --study, the tasks of the suite that take any study, and the parameter that names it.
    """
    from kidney_evals.studies import CONDITIONS, load_study
    from kidney_evals.tasks import SUITES

    check_known("suite", name, SUITES)
    tasks, parameters = SUITES[name], ""
    if study is not None:
        tasks = tuple(f"{name}_{condition}" for condition in CONDITIONS)
        parameters = f" -T study={load_study(study).source}"
    say(" ".join(f"kidney_evals/{task}" for task in tasks) + parameters, fit=False)


@main.command()
def respondents() -> None:
    """List the simulated respondents and their arguments."""
    from kidney_evals.respondents import describe

    say(describe())
