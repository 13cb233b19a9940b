"""One estimate of a result: the value, its interval, the human value and the sample size."""

from __future__ import annotations

from typing import NamedTuple

_NAN = float("nan")


class Quantity(NamedTuple):
    """A number with its 95 % interval; NaN where something is undefined.

    Attributes:
        value: The estimate.
        low: Lower end of the interval, NaN where no honest interval exists.
        high: Upper end.
        human: The value of people on the same dilemmas, of some quantities that of one person in
            the study; NaN where nobody was asked. A value that
            holds by construction, such as a distance of 0 of people from themselves, is no human
            value.
        n: How many dilemmas or answers `value` rests on (each function says which); 0 where
            `value` is NaN.
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
        """Half the 95 % interval's width over 1.96; NaN without an interval.

        For a normal interval this is the standard error. Intervals of shares and of resampled
        quantities are not symmetric: read `low` and `high` where the shape matters.
        """
        return (self.high - self.low) / (2 * 1.959963984540054)

    def shifted(self, by: float) -> Quantity:
        """Return the quantity with `by` added to value, interval and human value."""
        return Quantity(self.value + by, self.low + by, self.high + by, self.human + by, self.n)


def undefined(human: float = _NAN) -> Quantity:
    """Return the quantity that the answers do not determine: NaN with n = 0."""
    return Quantity(_NAN, _NAN, _NAN, human, 0)
