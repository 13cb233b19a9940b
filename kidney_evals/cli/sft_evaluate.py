"""`kidney-evals sft evaluate`: run a model before and after training, and compare the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--before", required=True, metavar="MODEL", help="A folder, or as inspect --model.")
@click.option(
    "--after",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="An adapter's or a model's folder, or as inspect --model; may be repeated.",
)
@click.option("--data", type=_PATH, help="The training samples.")
@click.option(
    "--samples",
    metavar="0,8,32",
    help="Learning curve: --after is a folder with an adapter for each number.",
)
@click.option(
    "--with",
    "prompted",
    multiple=True,
    metavar="KIND",
    help="few-shot:N or stated-values: the untrained model with a system message.",
)
@click.option("--out", default="sft-comparison", show_default=True, type=_PATH)
@click.option("--dilemmas", type=int, help="Dilemmas of each run; by default as the tasks.")
@click.option("--epochs", default=2, show_default=True, help="Answers to every question.")
@click.option("--side-effects/--no-side-effects", default=True, show_default=True)
@click.option(
    "--readout/--no-readout",
    default=None,
    help="Read out probabilities of answers, where possible.",
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
    from kidney_evals.cli.terminal import say
    from kidney_evals.finetuning.arms import arms_of
    from kidney_evals.finetuning.comparison_report import write_results
    from kidney_evals.finetuning.data import read_data
    from kidney_evals.finetuning.evaluate import evaluate as run
    from kidney_evals.finetuning.settings import read_sizes

    folder = None if data is None else read_data(data)
    sizes = read_sizes(samples, "--samples", least=0) if samples else []
    options = {"max_tokens": max_tokens, "max_connections": max_connections, "display": display}
    comparison = run(
        arms_of(before, after, sizes, prompted, folder),
        out,
        data=folder,
        model_args=task_arguments(model_args),
        options={name: value for name, value in options.items() if value is not None},
        say=say,
        **choices,
    )
    for line in write_results(comparison, out):
        say(line)
    if comparison.missing:
        # The finished runs are written; the exit status tells a script that a run failed.
        raise click.exceptions.Exit(1)
