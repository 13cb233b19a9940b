"""Errors of the package `estimation`."""

from typing import Final


class FitError(RuntimeError):
    """A fit did not reach its optimum; the message says what to try.

    Attributes:
        separated: Whether the answers are separated, so that no finite estimate exists.
    """

    def __init__(self, message: str, *, separated: bool = False) -> None:
        super().__init__(message)
        self.separated = separated


class InputError(ValueError):
    """An argument has the wrong shape or holds values that no answer can have."""


FAILURES: Final = (FitError, ArithmeticError, ValueError)
"""Errors that an estimator raises on answers it cannot use (`ValueError` includes `InputError` and
`numpy.linalg.LinAlgError`). A caller that must not stop replaces them by an undefined quantity."""
