"""`kidney-evals sft train`, `merge` and `push`: train an adapter, merge it, upload it."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--base", required=True, metavar="MODEL", help="A folder or a Hub id (owner/name).")
@click.option("--data", required=True, type=_PATH, help="From sft export.")
@click.option("--out", required=True, type=_PATH, help="A new folder.")
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

    Defaults suit few samples; the adapter's card explains each.
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
            click.echo(f"{size} samples:")
            if is_trained(place, folder, base, size, chosen):
                click.echo(f"trained before, in {place}")
                continue
        train_adapter(
            folder, base, place, chosen, samples=size, device=device, resume=goes_on, say=click.echo
        )
    if push is not None:
        click.echo(push_adapter(out, push, public=public))


@click.command()
@click.argument("adapter", type=_PATH)
@click.option("--out", required=True, type=_PATH, help="A new folder.")
def merge(adapter: Path, out: Path) -> None:
    """Write ADAPTER and its base as one model, for servers without adapters."""
    from kidney_evals.finetuning.base import merge_adapter
    from kidney_evals.finetuning.environment import check_extra

    check_extra()
    merge_adapter(adapter, out)
    click.echo(f"merged model in {out}")


@click.command()
@click.argument("adapter", type=_PATH)
@click.argument("name", metavar="OWNER/NAME")
@click.option("--public", is_flag=True, help="Public; private by default.")
def push(adapter: Path, name: str, public: bool) -> None:
    """Upload ADAPTER with its card to the Hugging Face Hub, private by default."""
    from kidney_evals.finetuning.hub import check_push, push_adapter

    check_push(name)
    click.echo(push_adapter(adapter, name, public=public))
