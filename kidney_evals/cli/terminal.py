"""Printing what a log says without letting it steer the terminal."""

from __future__ import annotations

import textwrap

import click

WIDTH = 80


def say(text: str) -> None:
    """Print lines without control characters, which a name in a log may hold."""
    for line in text.split("\n"):
        click.echo("".join(letter for letter in line if letter.isprintable()))


def say_filled(text: str) -> None:
    """Print a sentence in lines of at most `WIDTH` letters."""
    say(textwrap.fill(text, WIDTH))


def complain(text: str) -> None:
    """Print a line on the error stream, without control characters."""
    click.echo("".join(letter if letter.isprintable() else " " for letter in text), err=True)
