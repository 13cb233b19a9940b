"""`kidney-evals table`: print the numbers of many runs for a terminal, a paper or a pipeline."""

import sys
from typing import Literal

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import complain
from kidney_evals.errors import UserError
from kidney_evals.output_files import STDOUT, check_output, write_output


@click.command()
@options.logs
@options.form("md", "csv")
@click.option(
    "--rows", multiple=True, metavar="ROW[,ROW]", help="Quantities, or patterns such as 'imp_*'."
)
@click.option("--all", "everything", is_flag=True, help="Every quantity that says something.")
@click.option("-o", "--output", default="-", help="File or address; by default standard output.")
@options.overwrite
@click.pass_context
def table(
    context: click.Context,
    logs: tuple[str, ...],
    form: Literal["md", "csv"],
    rows: tuple[str, ...],
    everything: bool,
    output: str,
    overwrite: bool,
) -> None:
    """Print a table for each task and study in LOGS: people, models, known respondents.

    LOGS are files, folders, patterns or URLs. Markdown has rounded numbers, CSV all
    digits, with a line for each run and quantity. Runs that did not end are marked; logs without
    numbers are listed on standard error. The exit status is 1 if a log, or the answers in it,
    could not be read.
    """
    from kidney_evals.cli.logs import reading
    from kidney_evals.reporting.logs import READ, find_logs
    from kidney_evals.reporting.runs import read_runs
    from kidney_evals.reporting.table_formats import formatted, tables_of

    asked = [name.strip() for names in rows for name in names.split(",") if name.strip()]
    if asked and everything:
        raise UserError("give --rows or --all, not both")
    check_output(output, overwrite=overwrite)
    with reading() as progress:
        files = find_logs(logs, progress)
    passed_over = [file for file in files if file.state not in READ]
    read = read_runs(files)
    for run in read:
        if not run.rows:
            complain(f"no numbers: {run.file.line}; {run.trouble or 'no rows'}")
        elif run.trouble:
            complain(f"only the rows in the log itself: {run.file.line}; {run.trouble}")
    for file in passed_over:
        complain(f"passed over: {file.line}")
    runs = [run for run in read if run.rows]
    if not runs:
        raise UserError("none of these logs holds answers of a kidney_evals task")
    text = formatted(tables_of(runs, asked, everything=everything), form)
    if output == STDOUT:
        click.echo(text, nl=False, file=sys.stdout)
    else:
        inputs = [file.location for file in files]
        write_output(output, text.encode(), overwrite=overwrite, inputs=inputs)
    unreadable = any(file.state == "unreadable" for file in passed_over)
    if unreadable or any(run.file.unread for run in read):
        context.exit(1)
