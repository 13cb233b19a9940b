"""Errors caused by the user's input. The message is one line."""

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Any

import click


class UserError(click.UsageError, ValueError):
    """Bad input: one line that names what is wrong and what is allowed.

    Inspect's command line runs on click, so a `click.UsageError` raised while a task is built
    ends `inspect eval` with that one line and a non-zero exit instead of a traceback. It is a
    `ValueError` too, so that callers of `eval()` catch it as what it is; where nobody does, the
    script ends with the same line and a non-zero exit.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _say_uncaught_in_one_line()

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

    Returns:
        The error, to be raised by the caller.
    """
    choices = ", ".join(str(choice) for choice in allowed)
    return UserError(f"unknown {kind} {value!r}; allowed: {choices}")


def _say_uncaught_in_one_line() -> None:
    # Inspect's own hook does this for its private error class only.
    before = sys.excepthook
    if getattr(before, "says_user_errors", False):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            print(f"Error: {error}", file=sys.stderr)
        else:
            before(kind, error, trace)

    hook.says_user_errors = True  # type: ignore[attr-defined]
    sys.excepthook = hook
