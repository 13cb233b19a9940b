"""`kidney-evals table`: print the numbers of many runs for a terminal, a paper or a pipeline."""

from __future__ import annotations

import click

from kidney_evals.cli import options

UNREADABLE = 1
"""Exit status if a log cannot be read and is therefore missing from the table."""


@click.command()
@options.logs
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "csv", "json", "latex"]),
    default="md",
    show_default=True,
    help="How to print it.",
)
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
    form: str,
    rows: tuple[str, ...],
    everything: bool,
    output: str,
    overwrite: bool,
) -> None:
    """Print a table for each question put in LOGS: people, models, known answerers.

    LOGS are files, folders, patterns or URLs. Markdown and LaTeX have the digits that are read,
    CSV and JSON all digits, a line or an entry for each run and quantity. Runs that did not
    end are marked; logs without numbers are named on the error stream. Exit status 1 says that a
    log could not be read.
    """
    from kidney_evals.cli.logs import reading
    from kidney_evals.cli.terminal import complain
    from kidney_evals.errors import UserError
    from kidney_evals.output_files import STDOUT, check_output, write_output
    from kidney_evals.reporting.logs import READ, find_logs
    from kidney_evals.reporting.runs import read_runs
    from kidney_evals.reporting.table_formats import FORMATS, formatted, tables_of

    asked = [name.strip() for names in rows for name in names.split(",") if name.strip()]
    if asked and everything:
        raise UserError("give --rows or --all, not both")
    check_output(output, overwrite=overwrite)
    with reading() as progress:
        found = find_logs(logs, progress)
    passed_over = [one for one in found if one.state not in READ]
    read = read_runs(found)
    runs = [run for run in read if run.rows]
    for run in read:
        if not run.rows:
            complain(f"no numbers: {run.file.line}; {run.trouble or 'no rows'}")
    for one in passed_over:
        complain(f"passed over: {one.line}")
    if not runs:
        raise UserError("none of these logs holds answers of a kidney_evals task")
    made = tables_of(runs, asked, everything=everything)
    (chosen,) = (one for one in FORMATS if one == form)
    text = formatted(made, passed_over, chosen)
    if output == STDOUT:
        click.echo(text, nl=False)
    else:
        inputs = [one.location for one in found]
        write_output(output, text.encode(), overwrite=overwrite, inputs=inputs)
    if any(one.state == "unreadable" for one in passed_over):
        context.exit(UNREADABLE)
