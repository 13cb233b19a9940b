"""`kidney-evals study`: make the folder of a study, check it, print the schema of its file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import Group, say, say_filled
from kidney_evals.errors import UserError

if TYPE_CHECKING:
    from kidney_evals.studies import Attribute
    from kidney_evals.studies.new import NewStudy


@click.group(cls=Group)
def study() -> None:
    """Make a study of your own, and check it, without any code."""


@study.command()
@click.argument("folder", type=options.any_path)
@click.option(
    "--from", "like", metavar="STUDY", help="Take the questions of a study: name, folder."
)
@click.option("--good", help="What is given, in the singular: scholarship.")
@click.option("--candidate", help="Who may receive it, in the singular: applicant.")
@click.option("--candidates", help="The plural, if it is not the singular with an s.")
@click.option("--situation", help="What the two wait for, in one or two sentences.")
@click.option(
    "--attribute",
    multiple=True,
    metavar="LINE",
    help="'Age: 18 to 60 years; low' or 'Smoking: smokes | does not smoke; high': label, values, "
    "and the end that counts in favour. Once for each attribute.",
)
@click.option("--dilemmas", type=int, help="Number of dilemmas; 200, or as many as there are.")
@click.option("--title", help="One line on what is asked.")
@click.option("--yes", is_flag=True, help="Ask nothing; take defaults for what is not given.")
def new(folder: Path, like: str | None, title: str | None, yes: bool, **given: Any) -> None:
    """Ask a few questions and write a study to FOLDER, which must be new or empty.

    The folder holds the questions (study.yaml), control pairs (controls.csv), the settings of a
    survey (survey.yaml), a card to fill in (README.md) and a schema for editors. Edit them in any
    text editor, then run `kidney-evals study check FOLDER`.
    """
    from kidney_evals.studies import load_study
    from kidney_evals.studies.new import check_name, study_like, write_study

    check_name(folder)
    if like is not None:
        if others := [f"--{name}" for name, value in given.items() if value]:
            raise UserError(f"--from takes the questions of {like}: leave out {', '.join(others)}")
        content = study_like(load_study(like), title)
    else:
        content = _asked(title=title, yes=yes, **given)
    names = write_study(folder, content)
    say_filled(f"Wrote {', '.join(names)} to {folder}.")
    say("")
    name = shlex.quote(str(folder))
    for what, command in (
        (
            "Edit the files, then list problems and see two dilemmas:",
            f"kidney-evals study check {name}",
        ),
        (
            "Ask a simulated respondent, at no cost:",
            f"inspect eval kidney_evals/coin_flip --model kidney/lexicographic -T study={name}",
        ),
        ("Print the card of the run:", "kidney-evals show logs"),
    ):
        say_filled(what)
        say(f"  {command}", fit=False)


def _asked(
    good: str | None,
    candidate: str | None,
    candidates: str | None,
    situation: str | None,
    attribute: tuple[str, ...],
    dilemmas: int | None,
    title: str | None,
    yes: bool,
) -> NewStudy:
    """Return a new study, after asking for what is not given unless `yes`."""
    from kidney_evals.studies.draw import draw_limit
    from kidney_evals.studies.new import (
        EXAMPLE_ATTRIBUTES,
        default_situation,
        new_study,
        parse_attribute,
    )
    from kidney_evals.studies.words import with_defaults

    def ask(value: str | None, question: str, default: str) -> str:
        if value is not None or yes:
            return value or default
        say_filled(question)
        return str(click.prompt(">", default=default)).strip()

    good = ask(good, "What is given? One word or two, in the singular.", "scholarship")
    candidate = ask(candidate, "Who may receive it? In the singular.", "applicant")
    plural = with_defaults({"good": good, "candidate": candidate}, good, "en")["candidates"]
    candidates = ask(candidates, "And in the plural?", plural)
    situation = ask(
        situation,
        "What is the situation? One or two sentences that favour neither; Enter takes the text in "
        "brackets, which you can edit later.",
        default_situation(good, candidates),
    )
    attributes = [parse_attribute(line, candidate) for line in attribute]
    if not attributes and not yes:
        attributes = list(_ask_attributes(candidate, candidates))
    lines = () if attributes else EXAMPLE_ATTRIBUTES
    attributes += [parse_attribute(line, candidate) for line in lines]
    if dilemmas is None and not yes:
        most = draw_limit(tuple(attributes))
        say_filled(f"How many dilemmas should a run ask? At most {most}.")
        dilemmas = click.prompt(">", default=min(200, most), type=int)
    made = new_study(
        good=good,
        candidate=candidate,
        candidates=candidates,
        situation=situation,
        attributes=attributes,
        title=title,
        count=dilemmas,
    )
    if lines:
        labels = ", ".join(one.label for one in attributes)
        say_filled(f"Attributes of an example, to be edited: {labels}.")
    return made


def _ask_attributes(candidate: str, candidates: str) -> Iterable[Attribute]:
    """Yield attributes until an empty label; an answer that makes none is asked again."""
    from kidney_evals.studies.new import favoured_text, make_attribute

    say_filled(
        f"What tells two {candidates} apart? Give each attribute a label as the model will read "
        "it, such as: Age. Enter without a label ends the list; without any attribute you get "
        "those of an example."
    )
    number = 0
    while label := str(click.prompt(f"Label {number + 1}", default="", show_default=False)).strip():
        try:
            say_filled(
                "Its values: a range with its unit (18 to 60 years), with a step if not 1 (0 to "
                "60 by 5 thousand euros), or words between | (smokes | does not smoke)."
            )
            values = str(click.prompt(">")).strip()
            make_attribute(label, values, "low", "", candidate)
            if "|" in values:
                texts = [one.strip() for one in values.split("|")]
                say_filled(f"Which counts in favour: low ({texts[0]}) or high ({texts[-1]})?")
            else:
                say_filled("Which end counts in favour of a candidate: low or high numbers?")
            end = click.prompt(">", type=click.Choice(["low", "high"]))
            default = favoured_text(label, values, end, candidate)
            say_filled(f"The {candidate} at that end, in words.")
            yield make_attribute(
                label, values, end, str(click.prompt(">", default=default)), candidate
            )
        except UserError as error:
            say_filled(f"{error.message}. Try again.")
            continue
        number += 1


@study.command()
@click.argument("folder")
def check(folder: str) -> None:
    """List every problem of the study in FOLDER, and say what the commands can do with it.

    Two dilemmas are shown as a model will read them. The exit status is 1 if there are problems.
    """
    from kidney_evals.lab.study_check import check_study

    report = check_study(folder)
    title = f"{report.study.id}: {report.study.title}" if report.study else folder
    say_filled(title)
    say("")
    for file in report.files:
        count = len(file.problems)
        says = f"{count} problem{'s' * (count != 1)}" if count else file.holds
        say_filled(f"{file.name:16} {says}", " " * 17)
        for problem in file.problems:
            say_filled(f"  {problem}", "    ")
    for warning in report.warnings:
        say_filled(f"Note: {warning}", "  ")
    for heading, text in report.questions:
        say(f"\n{heading}\n")
        for line in text.split("\n"):
            say_filled(f"  | {line}", "  | ")
    if report.uses:
        say("\nWhat can be done with it\n")
    for what, says in report.uses:
        say_filled(f"  {what:14} {says}", " " * 17)
    if report.problems:
        raise SystemExit(1)


@study.command()
def schema() -> None:
    """Print the JSON Schema of study.yaml, by which editors complete and check it."""
    from kidney_evals.studies.schema import study_schema

    say(json.dumps(study_schema(), indent=1), fit=False)
