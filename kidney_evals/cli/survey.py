"""`kidney-evals survey`: put a study to people, in a browser or here, and export their answers."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kidney_evals.cli import options
from kidney_evals.cli.terminal import Group, complain, say, say_filled, width
from kidney_evals.errors import UserError
from kidney_evals.output_files import STDOUT, check_output, write_output
from kidney_evals.studies import Condition

if TYPE_CHECKING:
    from kidney_evals.studies import Study
    from kidney_evals.survey.settings import SurveySettings

_HERE: Final = "--here"


class SurveyGroup(Group):
    """A group in which `survey STUDY` is `survey serve STUDY`, and with `--here` `survey here`."""

    def spelled(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments with `serve` in front, or with `here` in place of `--here`.

        They are unchanged if they are empty or begin with a command or a help option.
        """
        first = arguments[0] if arguments else ""
        if not first or first in self.commands or first in ("-h", "--help"):
            return list(arguments)
        name = "here" if _HERE in arguments else "serve"
        return [name, *(one for one in arguments if one != _HERE)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments as `spelled` returns them."""
        return super().parse_args(ctx, self.spelled(args))


store_option = click.option(
    "--store",
    "url",
    help="SQLite file, or an address of SQLAlchemy; by default STUDY-survey.db in this folder.",
)


@click.group(cls=SurveyGroup)
def survey() -> None:
    """Put a study to people, in a browser or in this terminal, and export their answers.

    `survey STUDY` serves the page, `survey STUDY --here` asks one person in this terminal.
    """


@survey.command()
@click.argument("study")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The owner's token; made if it does not exist, by default STUDY-survey.token.",
)
@click.option(
    "--proxy",
    "proxies",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="Number of reverse proxies in front, whose X-Forwarded headers are believed.",
)
@click.option(
    "--root-path", "root", default="", help="Path of the survey behind the proxy (/survey)."
)
def serve(study: str, url: str | None, token_file: Path | None, **server: Any) -> None:
    """Serve the survey of STUDY as pages in a browser, until Ctrl-C.

    The study's folder must hold survey.yaml with the consent text. The owner's page, at /results,
    opens with the token.
    """
    loaded, settings = _survey(study, own=False)
    from kidney_evals.studies.new import CONSENT_TO_REPLACE
    from kidney_evals.survey.store import Store

    if any(CONSENT_TO_REPLACE in one for one in settings.consent.values()):
        raise UserError(
            f"the consent in survey.yaml of study {loaded.id!r} is the one to replace "
            f"({CONSENT_TO_REPLACE!r}): write your own before you ask people"
        )
    store = Store(_place(loaded, url), loaded, settings)
    try:
        from kidney_evals.survey.web.server import serve as run
    except ImportError as error:
        raise _lacks_extra(error) from error
    run(
        store,
        token_file=token_file or Path(f"{store.study.id}-survey.token"),
        say=lambda line: say(line, fit=False),
        **server,
    )


@survey.command()
@click.argument("study")
@store_option
@click.option("--condition", type=options.condition, help="By default at random, balanced.")
@click.option("--language", help="One of the survey's languages; by default the first.")
@click.option("--code", help="Go on with the interview that has this code.")
def here(
    study: str, url: str | None, condition: Condition | None, language: str | None, code: str | None
) -> None:
    """Answer the survey of STUDY in this terminal, and see your answers beside others'.

    The consent text of the study's survey.yaml comes first; without the file everything has its
    default. You can go back, stop, and go on with the code that is shown.
    """
    if code is not None and (condition or language):
        raise UserError("an interview that has a code keeps its condition and its language")
    loaded, settings = _survey(study, own=True)
    from kidney_evals.survey.store import Store, readable_code
    from kidney_evals.survey.terminal import Interview, Stopped, consented

    chosen = language or settings.languages[0]
    settings.check(chosen, condition)
    place, store, person = _place(loaded, url), None, None
    # A wrong store is refused before the consent; a new file is made after it.
    if code is not None or "://" in place or os.path.exists(os.path.expanduser(place)):
        store = Store(place, loaded, settings, create=code is None)
    if code is not None and store is not None and (person := store.participant(code)) is None:
        raise UserError(f"{store.url} holds no interview with the code {code}")
    try:
        if person is None:
            if not consented(settings, chosen, _say, _read):
                say("Nothing was stored.")
                return
            store = store or Store(place, loaded, settings)
            person = store.begin(chosen, condition)
        assert store is not None
        Interview(store, say=_say, read=_read).run(person)
    except Stopped as stopped:
        say("")
        if person is None:
            say("Nothing was stored.")
        elif str(stopped):
            say(str(stopped))
        else:
            say_filled("Your answers are stored. To go on:")
            again = ["kidney-evals", "survey", study, _HERE, "--code", readable_code(person.code)]
            say(shlex.join([*again, *(["--store", url] if url else [])]), fit=False)


@survey.command()
@click.argument("study")
@store_option
@click.option("-o", "--output", required=True, help="CSV file or address; - for standard output.")
@options.overwrite
def export(study: str, url: str | None, output: str, overwrite: bool) -> None:
    """Write all answers to the survey of STUDY as CSV, a line for each answer.

    The file has no times, addresses or codes with which a person could go on; persons have new
    random names in every export.
    """
    check_output(output, overwrite=overwrite)
    loaded, settings = _survey(study, own=True)
    from kidney_evals.survey.store import Store

    store = Store(_place(loaded, url), loaded, settings, create=False)
    inputs = [] if store.file is None else [store.file]
    write_output(output, store.exported(), overwrite=overwrite, inputs=inputs)
    tell = complain if output == STDOUT else say
    tell(f"{'':14}{'begun':>8}{'finished':>10}{'answers':>9}")
    for condition, counts in store.counts().items():
        tell(f"{condition:14}{counts.begun:>8}{counts.finished:>10}{counts.answers:>9}")


def _survey(study: str, *, own: bool) -> tuple[Study, SurveySettings]:
    """Return a study and its survey's settings, with `own` defaults for one without survey.yaml."""
    try:
        import kidney_evals.survey.store  # noqa: F401
    except ImportError as error:
        raise _lacks_extra(error) from error
    from kidney_evals.studies import load_study
    from kidney_evals.survey.settings import has_survey, load_survey, own_settings
    from kidney_evals.survey.terminal import OWN_CONSENT

    loaded = load_study(study)
    if own and not has_survey(loaded):
        return loaded, own_settings(loaded, OWN_CONSENT)
    return loaded, load_survey(loaded)


def _place(study: Study, url: str | None) -> str:
    """Return the file or the address of a survey's store."""
    return url or f"{study.id}-survey.db"


def _lacks_extra(error: ImportError) -> UserError:
    return UserError(
        f"a survey needs the extra `survey` (pip install 'kidney-evals[survey]'): {error}"
    )


def _say(text: str) -> None:
    """Print lines, those of sentences wrapped to a width that is easy to read."""
    for line in text.split("\n"):
        (say_filled if len(line) > width() else say)(line)


def _read(prompt: str) -> str:
    """Return a typed line; raise `EOFError` when there is none."""
    try:
        typed: str = click.prompt(prompt, prompt_suffix="", default="", show_default=False)
    except click.Abort:
        raise EOFError from None
    return typed
