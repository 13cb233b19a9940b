"""Errors caused by the user's input. The message is one line."""

import sys
from collections.abc import Callable, Collection, Iterable
from typing import IO, Any

import click


class UserError(click.UsageError, ValueError):
    """An error in the user's input; the message is one line, with the allowed values if known.

    As a `click.UsageError` it ends `inspect eval` with this line and no traceback; callers of
    `eval()` can catch a `ValueError`.
    """

    def __str__(self) -> str:
        return self.message

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message as one line of printable text, without click's usage."""
        # Without `file`, click would write UTF-8 to an ASCII stream.
        click.echo(f"Error: {printable(self.message)}", file=file or sys.stderr)


def printable(text: str) -> str:
    """Return a text on one line, with a space for each unprintable character or line break."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, cut after 200 characters.

    If the message is empty, return the name of the error's class.
    """
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= 200 else f"{line[:200]}…"


def unknown(kind: str, value: object, allowed: Iterable[object]) -> UserError:
    """Return the error for a value of a `kind` ("study") that is not among the `allowed` values."""
    return UserError(f"unknown {kind} {value!r}; allowed: {', '.join(map(str, allowed))}")


def check_known(kind: str, value: object, allowed: Collection[object]) -> None:
    """Raise `UserError` if a value of a `kind` ("study") is not among the `allowed` values."""
    if value not in allowed:
        raise unknown(kind, value, allowed)


def errors_of(checks: Iterable[Callable[[], object]]) -> list[UserError]:
    """Call each check; return the `UserError`s that they raise, in the order of the checks."""
    errors = []
    for check in checks:
        try:
            check()
        except UserError as error:
            errors.append(error)
    return errors
