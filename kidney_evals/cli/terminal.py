"""Print for any terminal: no control characters, lines that fit, characters that it supports."""

import codecs
import shutil
import sys
import textwrap
from typing import Any, Final

import click

from kidney_evals.errors import UserError, printable

_WIDTH: Final = 80  # maximum line width in characters; a narrower terminal sets a smaller one

_NARROWEST: Final = 30

_SUBSTITUTES: Final = {
    **dict.fromkeys("–—−─", "-"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("‘’", "'"),
    **{"…": "...", "·": "*", "∕": "/", "×": "x", "±": "+/-", "≤": "<=", "≥": ">=", "→": "->"},
    **{"²": "^2", "Δ": "Delta ", "Σ": "sum ", "√": "sqrt", "✓": "yes", "∞": "infinity"},
}
"""ASCII for characters of tables and sentences that a terminal's encoding may lack."""


def _substitute(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for the characters that an encoding lacks: a substitute or an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    escaped = (letter.encode("ascii", "backslashreplace").decode() for letter in lacking)
    pairs = zip(lacking, escaped, strict=True)
    return "".join(_SUBSTITUTES.get(letter, escape) for letter, escape in pairs), error.end


codecs.register_error("kidney_evals.substitute", _substitute)


class Group(click.Group):
    """A group of commands whose output, help and errors suit any terminal."""

    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; characters that a stream's encoding lacks are printed in ASCII."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="kidney_evals.substitute")
        return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command, the command and its arguments.

        Raises:
            UserError: An argument or option has an empty value that is not its default.
        """
        name, command, rest = super().resolve_command(ctx, args)
        if command is None or ctx.resilient_parsing:
            return name, command, rest
        own = command.context_class(command, parent=ctx, info_name=name)
        given = command.make_parser(own).parse_args(list(rest))[0]
        for one in command.params:
            value = given.get(one.name or "")
            values = value if isinstance(value, list | tuple) else [value]
            if "" in values and one.default != "":
                is_option = isinstance(one, click.Option)
                called = max(one.opts, key=len) if is_option else one.human_readable_name
                raise UserError(f"{called} is empty: give a value{', or leave it out' * is_option}")
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with the first sentence of its help in full."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(1000)) for name, one in commands.items() if one]
            )


def width() -> int:
    """Return the maximum line width in characters."""
    return max(_NARROWEST, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns))


def say(text: str, *, fit: bool = True) -> None:
    """Print lines without control characters.

    With `fit`, a line that is wider than the terminal is wrapped.
    """
    room = max(_NARROWEST, shutil.get_terminal_size((sys.maxsize, 24)).columns)
    for line in text.split("\n"):
        shown = "".join(filter(str.isprintable, line))
        if fit and len(shown) > room:
            indent = " " * min(len(shown) - len(shown.lstrip()) + 2, room // 3)
            shown = _filled(shown, room, indent)
        # Without `file`, click would write UTF-8 to an ASCII stream.
        click.echo(shown, file=sys.stdout)


def say_filled(text: str, indent: str = "") -> None:
    """Print text in lines of at most `width()`; `indent` precedes all lines but the first."""
    say(_filled(text, width(), indent))


def complain(text: str) -> None:
    """Print a line on stderr, without control characters."""
    click.echo(printable(text), file=sys.stderr)


def _filled(text: str, room: int, indent: str = "") -> str:
    return textwrap.fill(
        text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
