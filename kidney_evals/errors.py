"""Errors caused by the user's input. The message is one line."""

from collections.abc import Iterable
from typing import IO, Any

import click


class UserError(click.UsageError, ValueError):
    """An error in the user's input: one line that names the error and the allowed values.

    Inspect's command line uses click, so a `click.UsageError` while a task is built ends
    `inspect eval` with this line and a non-zero exit code, without a traceback. The class is also
    a `ValueError`, which callers of `eval()` can catch.
    """

    def __str__(self) -> str:
        return self.message

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message without click's usage."""
        click.echo(f"Error: {self.message}", file=file, err=file is None)


def unknown(kind: str, value: object, allowed: Iterable[object]) -> UserError:
    """Return the error for a value outside of a closed set.

    Args:
        kind: Type of the value, in words ("study", "parameter").
        value: The user's value.
        allowed: All allowed values.
    """
    choices = ", ".join(str(choice) for choice in allowed)
    return UserError(f"unknown {kind} {value!r}; allowed: {choices}")
