"""`kidney-evals sft submit`, `status` and `wait`: fine-tune by a job of a hosted service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from kidney_evals.finetuning.hosted import Submission
    from kidney_evals.finetuning.hosted_service import Job

_INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, the same as in shells."""

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--base", required=True, metavar="MODEL", help="OpenAI model, as gpt-4.1-mini.")
@click.option("--data", required=True, type=_PATH, help="Folder that `sft export` wrote.")
@click.option(
    "--samples", type=click.IntRange(min=1), help="Number of training samples, from the first on."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--epochs",
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Passes over the samples; auto leaves the number to the service.",
)
@click.option("--suffix", help="Part of the new model's name, up to 64 letters.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Record of the job; by default DIR-MODEL-SAMPLES-SEED.json beside the data folder.",
)
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Price of a million trained tokens, to print the cost.",
)
@click.option(
    "--allow-overlap", is_flag=True, help="Accept samples about dilemmas of the evaluation."
)
@click.option(
    "--ask-again",
    is_flag=True,
    help="Repeat a request without a response, after you saw that it started no job.",
)
@click.option("--dry-run", is_flag=True, help="Check and count; send nothing.")
def submit(
    data: Path,
    out: Path | None,
    price: float | None,
    ask_again: bool,
    dry_run: bool,
    **parameters: Any,
) -> None:
    """Start a fine-tuning job at OpenAI. It costs money; everything is checked here first.

    The same command, run again, continues an interrupted attempt and never starts a second job.
    Where it is unknown whether a job has begun, it says so and starts none.
    """
    from kidney_evals.finetuning import hosted
    from kidney_evals.finetuning.hosted_service import Service

    submission = hosted.prepare(data, **parameters)
    path = out or submission.default_path
    service = None if dry_run else Service()
    click.echo(_announced(submission, price))
    if service is None:
        click.echo("Nothing was sent.")
        return
    click.echo(f"Service    {service.url}; it gets questions and answers, nothing else")
    click.echo(f"Record     {path}")
    try:
        record = hosted.submit(submission, service, path, click.echo, ask_again=ask_again)
    except KeyboardInterrupt:
        _interrupted("Interrupted. Run the same command again: it goes on from the record.")
    assert record.job
    click.echo(f"Wait for it:\n  {hosted.command('wait', record.job, path)}")


@click.command()
@click.argument("job", metavar="JOB-or-RECORD")
def status(job: str) -> None:
    """Print the state of a fine-tuning job: its id, or the record that `submit` wrote."""
    from kidney_evals.finetuning import hosted
    from kidney_evals.finetuning.hosted_service import Service

    service = Service()
    state = hosted.look(service, *hosted.find(service, job), click.echo)
    click.echo(f"{state.id}: {state.status}, from {state.base}")
    if state.ended:
        click.echo(_finished(state) if state.status == "succeeded" else _reason(state))


@click.command()
@click.argument("job", metavar="JOB-or-RECORD")
@click.option(
    "--interval",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds between two requests.",
)
def wait(job: str, interval: float) -> None:
    """Wait until a fine-tuning job ends, and print the tuned model."""
    from kidney_evals.finetuning import hosted
    from kidney_evals.finetuning.hosted_service import Service

    service = Service()
    name, path = hosted.find(service, job)
    try:
        state = hosted.wait(service, name, path, interval=interval, say=click.echo)
    except KeyboardInterrupt:
        again = hosted.command("wait", name, path)
        _interrupted(f"Interrupted. The job goes on; go on waiting with: {again}")
    if state.status != "succeeded":
        raise click.ClickException(_reason(state))
    click.echo(_finished(state))


def _announced(submission: Submission, price: float | None) -> str:
    record, card, tokens = submission.record, submission.data.card, submission.tokens
    kind = card["source"]["kind"]
    all_train, heldout = len(submission.data.train), len(submission.data.heldout)
    trained = "tokens × epochs; the service chooses how many epochs"
    epochs, each = 1, " an epoch"
    if record.epochs != "auto":
        epochs, each = record.epochs, ""
        expected, high = epochs * tokens.expected, epochs * tokens.high
        trained = f"{epochs} epochs: about {expected:,.0f} tokens, at most {high:,.0f}"
    cost = "not known here: trained tokens × your price of training"
    if price is not None:
        cost = f"at most {epochs * tokens.high * price / 1e6:,.2f} USD{each}"
    lines = {
        "CONTROL": "the answers were shuffled: it should teach nothing" if record.shuffled else "",
        "Base": f"{record.base}, seed {record.seed}",
        "Samples": f"{record.samples} of {all_train} ({card['study']['id']}, from {kind})",
        "Held out": f"{heldout}, for the service's own curve; not trained on",
        "Tokens": f"about {tokens.expected:,.0f} an epoch, at most {tokens.high:,.0f}",
        "People": "answers of single survey participants are among what is sent"
        if kind == "rows"
        else "",
        "Trained": trained,
        "Price": cost,
    }
    return "\n".join(f"{name:<11}{text}" for name, text in lines.items() if text)


def _finished(job: Job) -> str:
    if not job.model:
        return "The service names no model yet; ask again with `kidney-evals sft status`."
    lines = [f"Model: {job.model}"]
    if job.trained_tokens is not None:
        lines.append(f"Trained tokens: {job.trained_tokens:,}")
    lines += [
        "Measure what changed, on dilemmas that it was not trained on:",
        f"  kidney-evals sft evaluate --before openai/{job.base} \\",
        f"    --after openai/{job.model}",
    ]
    return "\n".join(lines)


def _reason(job: Job) -> str:
    if job.status == "cancelled":
        return f"job {job.id} was cancelled" + (f": {job.reason}" if job.reason else "")
    return f"job {job.id} failed: {job.reason or 'the service gives no reason'}"


def _interrupted(line: str) -> NoReturn:
    click.echo(f"\n{line}", err=True)
    raise click.exceptions.Exit(_INTERRUPTED)
