"""Print for any terminal: no control characters, lines that fit, characters that it supports."""

from __future__ import annotations

import codecs
import shutil
import sys
import textwrap
import unicodedata
from typing import Any, Final

import click

from kidney_evals.errors import UserError

WIDTH: Final = 80
"""Maximum line width in characters; a narrower terminal sets a smaller one."""

_NARROWEST: Final = 30

_WHOLE: Final = 1000
"""A limit above the length of every help sentence, so that click truncates none."""

_ASCII: Final = "kidney_evals_ascii"

SUBSTITUTES: Final = {
    letter: text
    for letters, text in (
        *(("−–—─‑\u0304", "-"), ("…", "..."), ("“”", '"'), ("‘’", "'"), ("•·", "*")),
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
    if letter in SUBSTITUTES:
        return SUBSTITUTES[letter]
    plain = unicodedata.normalize("NFKD", letter).replace("\u2044", "/")
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    if bare and bare.isascii():
        return bare
    name = unicodedata.name(letter, "")
    if name.startswith("GREEK SMALL LETTER "):
        return name.removeprefix("GREEK SMALL LETTER ").split()[0].lower()
    if name.startswith("GREEK CAPITAL LETTER "):
        return name.removeprefix("GREEK CAPITAL LETTER ").split()[0].capitalize()
    return f"\\N{{{name}}}" if name else "?"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelled, error.object[error.start : error.end])), error.end


codecs.register_error("kidney_evals.spelled", _spell)


def _ascii_codec(name: str) -> codecs.CodecInfo | None:
    """Return ASCII under another name, because click treats a stream named `ascii` as UTF-8."""
    if name != _ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=_ASCII,
    )


codecs.register(_ascii_codec)


def _spell_out(stream: Any) -> None:
    """Make a stream replace characters that its encoding lacks."""
    if not hasattr(stream, "reconfigure"):
        return
    is_ascii = codecs.lookup(stream.encoding).name == "ascii"
    stream.reconfigure(
        encoding=_ASCII if is_ascii else stream.encoding, errors="kidney_evals.spelled"
    )


class Group(click.Group):
    """A group of commands whose output, help and errors suit any terminal."""

    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command with streams that replace characters that their encoding lacks."""
        _spell_out(sys.stdout)
        _spell_out(sys.stderr)
        return super().main(*args, **kwargs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with the first sentence of its help in full."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(_WHOLE)) for name, one in commands.items() if one]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print an error as one line of printable text."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise UserError(_one_line(error.message)) from error


def width() -> int:
    """Return the maximum line width in characters."""
    return max(_NARROWEST, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def say(text: str, *, fit: bool = True) -> None:
    """Print lines without control characters.

    Args:
        text: The lines.
        fit: Whether to wrap lines in a narrow terminal; false for Markdown or JSON.
    """
    for line in text.split("\n"):
        shown = "".join(filter(str.isprintable, line))
        click.echo("\n".join(_broken(shown)) if fit else shown)


def say_filled(text: str) -> None:
    """Print a sentence, wrapped to the terminal's width."""
    say(textwrap.fill(text, width(), break_long_words=False, break_on_hyphens=False))


def complain(text: str) -> None:
    """Print a line on stderr, without control characters."""
    click.echo(_one_line(text), err=True)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _broken(line: str) -> list[str]:
    """Return a line wrapped to the terminal's width, with continuation lines indented.

    Words and numbers are never split. Without a terminal the line is returned unchanged.
    """
    room = max(_NARROWEST, shutil.get_terminal_size((sys.maxsize, 24)).columns)
    if len(line) <= room:
        return [line]
    indent = len(line) - len(line.lstrip()) + 2
    return textwrap.wrap(
        line,
        room,
        subsequent_indent=" " * min(indent, room // 3),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
