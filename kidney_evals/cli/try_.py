"""`kidney-evals try`: ask the user some dilemmas, then show people's answers beside the user's."""

from __future__ import annotations

import secrets
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import say, say_filled, width
from kidney_evals.errors import UserError
from kidney_evals.output_files import check_output, is_url, write_output
from kidney_evals.studies import DEFAULT_STUDY, Condition

if TYPE_CHECKING:
    from kidney_evals.trying import Answer, Round

KEYS: Final[dict[str, Answer]] = {"a": "A", "b": "B", "c": "COIN", "coin": "COIN"}

INTERRUPTED: Final = 130  # exit status of a program stopped from the keyboard


@click.command(name="try")
@click.option("--study", help="A study, or its folder; by default that of the tasks.")
@click.option(
    "--condition",
    type=options.condition,
    help="Whether a coin is offered; by default where people were offered one.",
)
@click.option("--dilemmas", type=int, help="How many; by default 10, or all where there are fewer.")
@click.option("--seed", type=int, help="Puts the same dilemmas again.")
@click.option("--save", help="New CSV file for your choices; by default nothing is stored.")
@click.pass_context
def try_(
    context: click.Context,
    study: str | None,
    condition: Condition | None,
    dilemmas: int | None,
    seed: int | None,
    save: str | None,
) -> None:
    """Answer ten dilemmas as models get them, and compare your answers with people's.

    Nothing leaves this machine, and nothing is stored unless --save names a file.
    """
    from kidney_evals.trying import pick_round, result_lines

    # A person's answers cannot be repeated, so no file is replaced, not even one of this command.
    if save is not None:
        if check_output(save, overwrite=None):
            raise UserError(f"{save} exists; name a new file with --save")
        if not is_url(save) and not Path(save).parent.is_dir():
            raise UserError(f"no such folder: {Path(save).parent}; name another file with --save")
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    asked = pick_round(study or DEFAULT_STUDY, condition, dilemmas, seed)
    try:
        answers = _ask(asked)
    except KeyboardInterrupt:
        say("\nStopped. Nothing was stored.")
        context.exit(INTERRUPTED)
    if not answers:
        say("No answers, so there is nothing to show. Nothing was stored.")
        return
    say("\n".join(result_lines(asked, answers)))
    say(f"\nThe same dilemmas again: --seed {asked.seed}")
    if save is None:
        say("Nothing was stored.")
        return
    write_output(save, asked.as_csv(answers).encode(), overwrite=None)
    say(f"{save} holds your choices: no name, no time, and nothing of anybody else.")


def _ask(asked: Round) -> list[Answer]:
    """Ask the questions and return the answers; fewer if the user stops or the input ends."""
    count = len(asked.dilemmas)
    answers: list[Answer] = []
    coin = asked.condition == "coin_flip"
    keys = "a, b, c (coin) or q" if coin else "a, b or q"
    say_filled(
        f"{count} dilemma{'' if count == 1 else 's'} of {asked.study.id}, in the words that "
        "models get. There is no right answer. Type a letter and press Enter: a, b"
        f"{', c for the coin' if coin else ''}, or q to stop and see what there is."
    )
    while (place := len(answers)) < count:
        say(f"\n--- {place + 1} of {count} ---\n")
        for line in asked.question(place).split("\n"):
            indent = "  " if line.startswith("- ") else ""
            say("\n".join(textwrap.wrap(line, width(), subsequent_indent=indent) or [""]))
        while len(answers) == place:
            click.echo(f"\nYour answer ({keys}): ", nl=False)
            line = sys.stdin.readline()
            click.echo("")
            typed = line.strip().lower()
            if not line or typed in ("q", "quit"):
                return answers
            answer = KEYS.get(typed)
            if answer is None or (answer == "COIN" and not coin):
                say(f"Please answer with {keys}.")
            else:
                answers.append(answer)
    return answers
