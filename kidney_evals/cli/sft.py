"""`kidney-evals sft`: fine-tune a model on answers, and measure the changes."""

from pathlib import Path
from typing import Any

import click

from kidney_evals.cli.options import any_path
from kidney_evals.cli.terminal import Group, say, say_filled

_new_folder = click.option("--out", required=True, type=any_path, help="A new folder.")


@click.group(cls=Group)
def sft() -> None:
    """Fine-tune a model on people's answers, and measure the changes."""


@sft.command()
@click.option("--samples", default=512, show_default=True, help="Training samples, 8 to 10000.")
@click.option("--heldout", type=int, help="Held-out samples; by default a quarter, 32 to 500.")
@click.option("--seed", default=1, show_default=True, help="Seed of every draw.")
@click.option("--out", required=True, type=any_path, help="Folder to write; it must be new.")
@click.option("--study", help="A shipped study or a study folder; by default mcelfresh_2021.")
@click.option("--condition", help="forced_choice, coin_flip or both (the default).")
@click.option("--target", help="Whose answers: group (the default), individual or majority.")
@click.option("--person", type=int, help="Which simulated individual, from 1; by default drawn.")
@click.option("--wording", default="default", show_default=True, help="As the tasks' -T wording.")
@click.option("--data", type=any_path, help="Take people's published rows in this folder.")
@click.option("--answers", type=any_path, help="Take the answers of this CSV.")
@click.option("--log", "log_name", metavar="LOG", help="Take the answers of the model in this log.")
@click.option("--allow-overlap", is_flag=True, help="Allow dilemmas of the default evaluation.")
@click.option("--shuffle", is_flag=True, help="A control: exchange answers between samples.")
def export(out: Path, log_name: str | None, **request: Any) -> None:
    """Write training and held-out samples in the chat format, with a card beside them.

    Answers are drawn from the human reference unless --data, --answers or --log names another
    source. No dilemma is in both files. None is in the default evaluation, unless --allow-overlap
    is given.
    """
    from kidney_evals.cli.logs import read_run_log
    from kidney_evals.finetuning.export import export as export_samples
    from kidney_evals.finetuning.export import summary
    from kidney_evals.finetuning.sources import Request

    log = read_run_log(log_name, any_reference=True) if log_name is not None else None
    card = export_samples(out, Request(**request, log=log)).card
    say_filled(f"Written to {out}")
    for line in summary(card):
        say_filled(line)
    say(f"Read {out / 'README.md'} before use.")


@sft.command()
@click.option("--base", required=True, metavar="MODEL", help="A folder or a Hub id (owner/name).")
@click.option("--data", required=True, type=any_path, help="From sft export.")
@_new_folder
@click.option(
    "--samples",
    metavar="N[,N…]",
    help="Train on the first N samples; several numbers give an adapter each, in OUT/N.",
)
@click.option("--device", help="cpu, cuda or mps; by default the best there is.")
@click.option("--rank", type=int, help="Rank of the adapter.")
@click.option("--alpha", type=int, help="Scale of the adapter.")
@click.option("--dropout", type=float, help="Share of the adapter's inputs that are dropped.")
@click.option("--learning-rate", type=float)
@click.option("--batch", type=int, help="Samples in a step.")
@click.option("--steps", type=int, help="Most steps, in whole passes.")
@click.option("--patience", type=int, help="Passes without a lower loss before training ends.")
@click.option("--seed", type=int)
@click.option("--resume", is_flag=True, help="Continue an unfinished run.")
@click.option("--push", metavar="OWNER/NAME", help="Upload it to the Hub, private.")
@click.option("--public", is_flag=True, help="With --push: public.")
def train(
    base: str,
    data: Path,
    out: Path,
    samples: str | None,
    device: str | None,
    resume: bool,
    push: str | None,
    public: bool,
    **given: float | None,
) -> None:
    """Train a low-rank adapter on exported samples.

    The defaults suit small numbers of samples; the adapter's card explains each setting.
    """
    from kidney_evals.errors import UserError
    from kidney_evals.finetuning.data import read_data
    from kidney_evals.finetuning.environment import check_extra
    from kidney_evals.finetuning.hub import check_push, push_adapter
    from kidney_evals.finetuning.settings import read_sizes, settings
    from kidney_evals.finetuning.train import is_trained, unfinished
    from kidney_evals.finetuning.train import train as train_adapter

    check_extra()
    if public and push is None:
        raise UserError("--public says how to --push, which is not given")
    chosen = settings(**given)
    sizes = read_sizes(samples, "--samples") if samples else [None]
    if push is not None:
        if len(sizes) > 1:
            raise UserError("--push takes one adapter: give one number of --samples")
        check_push(push)
    folder = read_data(data)
    for size in sizes:
        place, goes_on = out, resume
        if len(sizes) > 1 and size is not None:
            # Adapters that an earlier call of this command trained are not trained again.
            place = out / str(size)
            goes_on = resume and unfinished(place).exists()
            say(f"{size} samples:")
            if is_trained(place, folder, base, size, chosen):
                say(f"trained before, in {place}")
                continue
        train_adapter(
            folder, base, place, chosen, samples=size, device=device, resume=goes_on, say=say
        )
    if push is not None:
        say(push_adapter(out, push, public=public), fit=False)


@sft.command()
@click.argument("adapter", type=any_path)
@_new_folder
def merge(adapter: Path, out: Path) -> None:
    """Write ADAPTER and its base as one model, for servers without adapters."""
    from kidney_evals.finetuning.base import merge_adapter
    from kidney_evals.finetuning.environment import check_extra

    check_extra()
    merge_adapter(adapter, out)
    say(f"merged model in {out}")


@sft.command()
@click.argument("adapter", type=any_path)
@click.argument("name", metavar="OWNER/NAME")
@click.option("--public", is_flag=True, help="Public; private by default.")
def push(adapter: Path, name: str, public: bool) -> None:
    """Upload ADAPTER with its card to the Hugging Face Hub, private by default."""
    from kidney_evals.finetuning.hub import check_push, push_adapter

    check_push(name)
    say(push_adapter(adapter, name, public=public), fit=False)


@sft.command()
@click.option("--before", required=True, metavar="MODEL", help="A folder, or as inspect --model.")
@click.option(
    "--after",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="An adapter's or a model's folder, or as inspect --model; may be repeated.",
)
@click.option("--data", type=any_path, help="The training samples.")
@click.option("--samples", metavar="0,8,32", help="Learning curve over the adapters in --after.")
@click.option(
    "--with",
    "prompted",
    multiple=True,
    metavar="KIND",
    help="few-shot:N or stated-values: the untrained model with a system message.",
)
@click.option("--out", default="sft-comparison", show_default=True, type=any_path)
@click.option("--dilemmas", type=int, help="Dilemmas of each run; by default as the tasks.")
@click.option("--epochs", type=int, help="Answers to every question: 2, with prefill 1.")
@click.option("--side-effects/--no-side-effects", default=True, show_default=True)
@click.option(
    "--readout",
    metavar="sample|both|prefill",
    help="sample: sampled answers. both: also probabilities, in a further run (the default for "
    "local models). prefill: the probabilities after a begun answer line, in every run.",
)
@click.option("--device", help="Of local models: cpu, cuda or mps.")
@click.option("-M", "model_args", multiple=True, metavar="NAME=VALUE", help="Model argument.")
@click.option("--max-tokens", type=int, help="As for inspect eval.")
@click.option("--max-connections", type=int, help="As for inspect eval; local models: batch.")
@click.option("--display", help="As for inspect eval.")
def evaluate(
    before: str,
    after: tuple[str, ...],
    data: Path | None,
    samples: str | None,
    prompted: tuple[str, ...],
    out: Path,
    device: str | None,
    model_args: tuple[str, ...],
    max_tokens: int | None,
    max_connections: int | None,
    display: str | None,
    **choices: Any,
) -> None:
    """Run both conditions before and after training on held-out dilemmas, and compare.

    Everything runs in one eval set under OUT/logs; the same command, run again, continues it.
    The exit status is 1 if a run failed; the table names it.
    """
    from kidney_evals.cli.plan import task_arguments
    from kidney_evals.finetuning.arms import arms_of
    from kidney_evals.finetuning.comparison_report import write_results
    from kidney_evals.finetuning.data import read_data
    from kidney_evals.finetuning.evaluate import Plan
    from kidney_evals.finetuning.evaluate import evaluate as run
    from kidney_evals.finetuning.settings import read_sizes

    folder = None if data is None else read_data(data)
    sizes = read_sizes(samples, "--samples", least=0) if samples else []
    inspect = {"max_tokens": max_tokens, "max_connections": max_connections, "display": display}
    comparison = run(
        arms_of(before, after, sizes, prompted, folder),
        out,
        Plan(**choices),
        data=folder,
        device=device,
        model_args=task_arguments(model_args),
        options={name: value for name, value in inspect.items() if value is not None},
        say=say,
    )
    for line in write_results(comparison, out):
        say(line)
    if comparison.missing:
        # The finished runs are written; the exit status tells a script that a run failed.
        raise click.exceptions.Exit(1)


@sft.command()
@click.option("--base", required=True, metavar="MODEL", help="OpenAI model, as gpt-4.1-mini.")
@click.option("--data", required=True, type=any_path, help="Folder that `sft export` wrote.")
@click.option("--samples", type=click.IntRange(min=1), help="Training samples, from the first on.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--epochs", default="auto", show_default=True, help="Passes over the samples, or auto."
)
@click.option("--suffix", help="Part of the new model's name, up to 64 letters.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Record of the job; by default DIR-MODEL-SAMPLES-SEED.json beside the data folder.",
)
@click.option("--allow-overlap", is_flag=True, help="Accept samples about evaluated dilemmas.")
@click.option("--dry-run", is_flag=True, help="Check and count; send nothing.")
def submit(data: Path, out: Path | None, dry_run: bool, **given: Any) -> None:
    """Start a fine-tuning job at OpenAI. It costs money; everything is checked here first.

    The record of the job is a new file, so the same command starts no second job.
    """
    from kidney_evals.finetuning import hosted
    from kidney_evals.finetuning.hosted_service import Service
    from kidney_evals.finetuning.texts import filled

    submission = hosted.prepare(data, **given)
    path = out or submission.default_path
    service = None if dry_run else Service()
    say(filled("submission.md", submission=submission, **vars(submission)).strip())
    if service is None:
        say("Nothing was sent.")
        return
    say(f"Service    {service.url}; it gets questions and answers, nothing else")
    say(f"Record     {path}")
    hosted.submit(submission, service, path, say)
    say(f"See how it goes:\n  kidney-evals sft status {path}", fit=False)


@sft.command()
@click.argument("job", metavar="JOB-or-RECORD")
def status(job: str) -> None:
    """Print the state of a fine-tuning job, and once it has ended the tuned model.

    JOB is its id, or the record that `submit` wrote. The exit status is 1 if the job has failed or
    was cancelled.
    """
    from kidney_evals.finetuning.hosted import job_named
    from kidney_evals.finetuning.hosted_service import Service
    from kidney_evals.finetuning.texts import filled

    state = Service().job(job_named(job))
    say(filled("job.md", job=state).strip(), fit=False)
    if state.status in ("failed", "cancelled"):
        raise click.exceptions.Exit(1)
