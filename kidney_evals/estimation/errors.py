"""Errors of the package `estimation`."""

from typing import Final


class FitError(RuntimeError):
    """A fit has no finite optimum or did not reach it; the message says what to try.

    Attributes:
        separated: Whether the answers are known to be separated, so that no finite estimate exists.
    """

    def __init__(self, message: str, *, separated: bool = False) -> None:
        super().__init__(message)
        self.separated = separated


class InputError(ValueError):
    """An argument has the wrong shape or a value that is not allowed."""


FAILURES: Final = (FitError, ArithmeticError, ValueError)
"""Errors that an estimator raises on answers it cannot use (`ValueError` includes `InputError` and
`numpy.linalg.LinAlgError`). A caller that must not stop replaces them by an undefined quantity."""
