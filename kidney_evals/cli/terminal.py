"""Print for any terminal: no control characters, lines that fit, characters that it supports."""

from __future__ import annotations

import codecs
import re
import shutil
import sys
import textwrap
import unicodedata
from typing import Any, Final

import click

from kidney_evals.errors import printable

_WIDTH: Final = 80
"""Maximum line width in characters; a narrower terminal sets a smaller one."""

_NARROWEST: Final = 30

SUBSTITUTES: Final = {
    letter: text
    for letters, text in (
        *(("–−—─‑\u0304", "-"), ("…", "..."), ("“”", '"'), ("‘’", "'"), ("•·", "*")),
        *(("∕", "/"), ("×", "x"), ("±", "+/-"), ("≈", "~"), ("∝", " proportional to ")),
        *(("≤", "<="), ("≥", ">="), ("≠", "!="), ("→", "->"), ("←", "<-"), ("↔", "<->")),
        *(("√", "sqrt"), ("∞", "infinity"), ("²", "^2"), ("³", "^3"), ("ᵀ", "^T"), ("⁻", "^-")),
        *(("▁", "_"), ("▷", ">"), ("◁", "<"), ("Δ", "Delta "), ("∇", "gradient of ")),
        *(("Σ", "sum "), ("Π", "product "), ("\u0302", "^"), ("€", "EUR"), ("£", "GBP")),
        ("°", " degrees"),
    )
    for letter in letters
}
"""ASCII substitutes for characters that the terminal's encoding lacks."""


def _spelled(letter: str) -> str:
    """Return a character in ASCII: a substitute, without its accents, or its Unicode name."""
    plain = unicodedata.normalize("NFKD", SUBSTITUTES.get(letter, letter))
    bare = plain.replace("\u2044", "/").encode("ascii", "ignore").decode()
    if bare:
        return bare
    name = unicodedata.name(letter, "")
    if greek := re.match(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name):
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    return f"\\N{{{name}}}" if name else "?"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelled, error.object[error.start : error.end])), error.end


codecs.register_error("kidney_evals.spelled", _spell)


class Group(click.Group):
    """A group of commands whose output, help and errors suit any terminal."""

    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command with streams that replace characters that their encoding lacks."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="kidney_evals.spelled")
        return super().main(*args, **kwargs)

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

    Args:
        text: The lines.
        fit: Whether to wrap lines in a narrow terminal; false for Markdown or JSON.
    """
    for line in text.split("\n"):
        shown = "".join(filter(str.isprintable, line))
        # Without `file`, click would write UTF-8 to an ASCII stream.
        click.echo("\n".join(_broken(shown)) if fit else shown, file=sys.stdout)


def say_filled(text: str) -> None:
    """Print a sentence, wrapped to the terminal's width."""
    say(textwrap.fill(text, width(), break_long_words=False, break_on_hyphens=False))


def complain(text: str) -> None:
    """Print a line on stderr, without control characters."""
    click.echo(printable(text), file=sys.stderr)


def _broken(line: str) -> list[str]:
    """Return a line wrapped to the terminal's width, with continuation lines indented.

    Words and numbers are never split. Without a terminal the line is returned unchanged.
    """
    room = max(_NARROWEST, shutil.get_terminal_size((sys.maxsize, 24)).columns)
    if len(line) <= room:
        return [line]
    return textwrap.wrap(
        line,
        room,
        subsequent_indent=" " * min(len(line) - len(line.lstrip()) + 2, room // 3),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
