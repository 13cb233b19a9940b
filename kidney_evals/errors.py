"""Errors caused by the user's input. The message is one line."""

from collections.abc import Iterable
from typing import IO, Any

import click


class UserError(click.UsageError, ValueError):
    """Bad input: one line that names what is wrong and what is allowed.

    Inspect's command line runs on click, so a `click.UsageError` raised while a task is built
    ends `inspect eval` with that one line and a non-zero exit instead of a traceback. It is a
    `ValueError` too, which callers of `eval()` can catch.
    """

    def __str__(self) -> str:
        return self.message

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message without click's usage."""
        click.echo(f"Error: {self.message}", file=file, err=file is None)


def unknown(kind: str, value: object, allowed: Iterable[object]) -> UserError:
    """Return the error for a value outside a closed set.

    Args:
        kind: What the value is, in words ("study", "parameter").
        value: What was given.
        allowed: Every value that would have been accepted.
    """
    choices = ", ".join(str(choice) for choice in allowed)
    return UserError(f"unknown {kind} {value!r}; allowed: {choices}")
