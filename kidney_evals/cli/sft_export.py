"""`kidney-evals sft export`: write answers of people, a user or a model as training samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--samples", default=512, show_default=True, help="Training samples, 8 to 10000.")
@click.option("--heldout", type=int, help="Held-out samples; by default a quarter, 32 to 500.")
@click.option("--seed", default=1, show_default=True, help="Seed of every draw.")
@click.option("--out", required=True, type=_PATH, help="Folder to write; it must be new.")
@click.option("--study", help="A shipped study or a study folder; by default mcelfresh_2021.")
@click.option("--condition", help="forced_choice, coin_flip or both (the default).")
@click.option("--target", help="Whose answers: group (the default), individual or majority.")
@click.option("--person", type=int, help="Which simulated individual, from 1; by default drawn.")
@click.option("--wording", default="default", show_default=True, help="As the tasks' -T wording.")
@click.option("--data", type=_PATH, help="Take people's published rows in this folder.")
@click.option("--answers", type=_PATH, help="Take the answers of this CSV.")
@click.option("--log", "log_name", metavar="LOG", help="Take the answers of the model in this log.")
@click.option("--allow-overlap", is_flag=True, help="Allow dilemmas of the default evaluation.")
@click.option("--shuffle", is_flag=True, help="A control: exchange answers between samples.")
def export(out: Path, log_name: str | None, **request: Any) -> None:
    """Write training and held-out samples in the chat format, with a card beside them.

    Answers are drawn from the human reference unless --data, --answers or --log names another
    source. No dilemma is in both files, and none is one that the default evaluation asks.
    """
    from kidney_evals.cli.logs import read_run_log
    from kidney_evals.cli.terminal import say, say_filled
    from kidney_evals.finetuning.export import export as export_samples
    from kidney_evals.finetuning.export_card import summary
    from kidney_evals.finetuning.sources import Request

    log = read_run_log(log_name, any_reference=True) if log_name is not None else None
    card = export_samples(out, Request(**request, log=log)).card
    say_filled(f"Written to {out}")
    for line in summary(card):
        say_filled(line)
    say(f"Read {out / 'README.md'} before use.")
