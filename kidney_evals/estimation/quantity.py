"""The result type of estimators: value, interval, human value and sample size."""

from __future__ import annotations

from typing import NamedTuple

_NAN = float("nan")


class Quantity(NamedTuple):
    """An estimate with its 95 % interval; undefined parts are NaN.

    Attributes:
        human: Expected value of answers by people of the study to the same dilemmas, a different
            person for every answer; NaN if people did not answer them.
        n: Number of dilemmas or of answers behind `value` (each function documents which); 0 if
            `value` is NaN or the function counts neither.
    """

    value: float
    low: float = _NAN
    high: float = _NAN
    human: float = _NAN
    n: int = 0

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return self.value == self.value

    @property
    def stderr(self) -> float:
        """Half the width of the 95 % interval over 1.96: a normal estimate's standard error."""
        return (self.high - self.low) / (2 * 1.959963984540054)

    def shifted(self, by: float) -> Quantity:
        """Return the quantity with `by` added to value, interval and human value."""
        value, low, high, human, n = self
        return Quantity(value + by, low + by, high + by, human + by, n)


def undefined(human: float = _NAN) -> Quantity:
    """Return an undefined quantity: NaN with n = 0, and `human`."""
    return Quantity(_NAN, human=human)
