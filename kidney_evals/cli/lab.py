"""`kidney-evals validate`, `known` and `reference`: make and check the shipped tables."""

from pathlib import Path

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import Group, say
from kidney_evals.errors import UserError
from kidney_evals.studies import CONDITIONS, Condition, load_study


@click.command()
@click.option("--runs", type=click.IntRange(min=2), help="Simulated runs each; 1000, quick 20.")
@click.option("--quick", is_flag=True, help="A few respondents, in under a minute.")
@click.option("--condition", type=options.condition, help="One condition instead of both.")
def validate(runs: int | None, quick: bool, condition: Condition | None) -> None:
    """Simulate runs with known true values and print the errors of the measures, as Markdown.

    For each measure: true value, mean, bias, root mean square error and the coverage of its 95 %
    interval; how often each verdict of the card is given; how well some measures order respondents,
    in one run and between draws of dilemmas. The last table is shipped and not simulated again: the
    smallest change between two versions of a model that a run detects.
    """
    from kidney_evals.lab.sensitivity_table import markdown
    from kidney_evals.lab.validation import report

    chosen = (condition,) if condition else CONDITIONS
    say(report(runs=runs or (20 if quick else 1000), quick=quick, conditions=chosen), fit=False)
    say("## Change found with 90 % power at 5 % false alarms (planning/sensitivity.md)\n")
    say(markdown(), fit=False)


@click.command()
@click.option("--dilemmas", default=200, show_default=True, help="Drawn dilemmas of each run.")
def known(dilemmas: int) -> None:
    """Run every simulated respondent offline and print its verdicts, as Markdown."""
    from kidney_evals.lab.known_table import markdown, run_known

    say(markdown(run_known(dilemmas)), fit=False)


@click.group(cls=Group)
def reference() -> None:
    """Download the published answers, and make or verify the human tables."""


@reference.command()
@click.option("--cache", type=options.any_path, help="Folder to keep the files in.")
@click.option("--overwrite", is_flag=True, help="Replace files that are not the published ones.")
def fetch(cache: Path | None, overwrite: bool) -> None:
    """Download the published answers from a pinned commit and check their hashes."""
    from kidney_evals.lab.fetch import fetch_raw

    say(str(fetch_raw(cache, overwrite=overwrite)), fit=False)


@reference.command()
@click.option("--data", type=options.any_path, help="Folder with the published answers.")
@click.option("--survey", type=options.any_path, help="Export of your own survey (CSV).")
@click.option("--study", help="With --survey: folder of the study that people answered.")
@click.option(
    "--out",
    type=options.any_path,
    help="With --data: folder of study folders to write into; by default the shipped ones.",
)
@options.overwrite
def build(
    data: Path | None, survey: Path | None, study: str | None, out: Path | None, overwrite: bool
) -> None:
    """Make the tables of people: from the published answers, or from your own survey.

    With --data, every shipped table that is derived from the published answers, byte for byte. With
    --survey and --study, the folder `reference/` of your study, with a card of who was asked.
    """
    if (data is None) == (survey is None) or (survey is None) != (study is None):
        raise UserError("pass --data FOLDER, or --survey FILE with --study FOLDER")
    if survey is not None and study is not None:
        if out is not None:
            raise UserError("--out goes with --data; tables of a survey go into the study's folder")
        from kidney_evals.lab.survey_reference import build_from_survey

        made = build_from_survey(survey, load_study(study), overwrite=overwrite)
    else:
        from kidney_evals.lab.reference_tables import build_reference
        from kidney_evals.studies import datasets_dir

        assert data is not None
        made = build_reference(data, out or datasets_dir(), overwrite=overwrite)
    for path in made:
        say(str(path), fit=False)


@reference.command()
@click.option(
    "--data", required=True, type=options.any_path, help="Folder with the published answers."
)
def verify(data: Path) -> None:
    """Compute every stated figure again from the published answers, and print the differences.

    First the reference tables, then the choice models with a coin. The exit status is 1 if a
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
        if remark := note(figure, figures):
            say(f"  ^ {remark}")
    same_tables = sum(one.identical for one in tables)
    say(
        f"\n{same_tables} of {len(tables)} tables identical; "
        f"{sum(figure.meets for figure in figures)} of {len(figures)} model figures within a unit "
        "of their last decimal"
    )
    if same_tables < len(tables):
        raise SystemExit(1)
