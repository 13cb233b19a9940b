"""`kidney-evals results`: write and check committed records of models' runs."""

from pathlib import Path

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import Group, complain, say_filled
from kidney_evals.errors import UserError


@click.group(cls=Group)
def results() -> None:
    """Write a small record of a model's runs, from which every number can be computed again."""


@results.command()
@options.logs
@click.option("--out", required=True, type=options.any_path, help="The record: a JSON file.")
@click.option(
    "--machine", required=True, help='In generic words, such as "2 CPU cores" or "a provider\'s".'
)
@click.option(
    "--origin",
    default="",
    help="What the weights are and where they come from; known for fetched models.",
)
@options.overwrite
def record(logs: tuple[str, ...], out: Path, machine: str, origin: str, overwrite: bool) -> None:
    """Write the answers and numbers of LOGS, all of one model, with their origin.

    The record holds no transcripts but three short responses of each run.
    """
    from kidney_evals.cli.logs import reading
    from kidney_evals.lab.results import problems, record_of, record_text
    from kidney_evals.output_files import STDOUT, check_output, write_output
    from kidney_evals.reporting.logs import find_logs, read_samples

    check_output(out, overwrite=overwrite, inputs=logs)
    with reading() as progress:
        files = [one for one in find_logs(logs, progress) if one.state != "replaced"]
        read_samples(files, progress)
    made = record_of(files, machine=machine, origin=origin)
    # A pattern names files, too.
    inputs = [*logs, *(one.location for one in files)]
    write_output(out, record_text(made).encode(), overwrite=overwrite, inputs=inputs)
    tell = complain if str(out) == STDOUT else say_filled
    tell(f"Written to {out}: {len(made.runs)} runs of {made.title}")
    for problem in problems(made):
        tell(f"Not to be committed: {problem}")


@results.command()
@click.argument("records", nargs=-1, required=True, type=options.any_path)
@click.option("--renew", is_flag=True, help="Write the computed numbers into the records.")
def check(records: tuple[Path, ...], renew: bool) -> None:
    """Check RECORDS: form, origin, and that every number follows from the answers.

    The exit status is 1 if a record fails, and 2 if one cannot be read. Renew records when a
    measure has changed.
    """
    from kidney_evals.lab.results import TOLERANCE, problems, read_record, record_text, renewed
    from kidney_evals.output_files import write_output

    failed = False
    errors: list[UserError] = []
    for path in records:
        try:
            read = read_record(path)
            if renew:
                read = renewed(read, path)
                write_output(path, record_text(read).encode(), overwrite=True)
        except UserError as error:
            errors.append(error)
            continue
        found = problems(read)
        for problem in found:
            complain(f"{path}: {problem}")
        failed = failed or bool(found)
        if not found:
            count = sum(len(run.measures) for run in read.runs)
            say_filled(
                f"{path}: {len(read.runs)} runs, {count} measures computed again, each within "
                f"{TOLERANCE} (1 + |value|) of the printed one"
            )
    if errors:
        for other in errors[:-1]:
            complain(f"Error: {other}")
        raise errors[-1]
    if failed:
        raise SystemExit(1)
