"""`kidney-evals reference verify`: do the stated figures come out?"""

from __future__ import annotations

from pathlib import Path

import click

from kidney_evals.cli.terminal import say


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with the published answers.",
)
def verify(data: Path) -> None:
    """Compute every stated figure again from the published answers; print both and the difference.

    First the reference tables, then the choice models with a coin. Ends with status 1 where a
    reference table differs.
    """
    from kidney_evals.lab.verify import note, verify_models, verify_tables

    tables = verify_tables(data)
    say(f"{'reference table':47} {'figures':>8} {'largest diff.':>14}")
    for one in tables:
        same = "identical" if one.identical else f"{one.largest:.2g}"
        say(f"{one.name:47} {one.figures:>8} {same:>14}")
    say(f"\n{'sample':11}{'form':8}{'model':12}{'figure':15}{'stated':>9}{'ours':>9}{'diff.':>9}")
    figures = verify_models(data)
    for figure in figures:
        say(
            f"{figure.sample:11}{figure.form:8}{figure.model:12}{figure.figure:15}"
            f"{figure.stated:>9}{figure.ours:9.4f}{figure.difference:+9.4f}"
        )
        said = note(figure, figures)
        if said:
            say(f"  ^ {said}")
    met = sum(figure.meets for figure in figures)
    say(
        f"\n{sum(one.identical for one in tables)} of {len(tables)} tables identical; "
        f"{met} of {len(figures)} model figures within a unit of their last decimal"
    )
    if not all(one.identical for one in tables):
        raise SystemExit(1)
