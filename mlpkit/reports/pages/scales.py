"""Linear and logarithmic axes: positions and ticks."""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Scale(NamedTuple):
    """An axis from ``low`` to ``high``."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The position from 0 to 1; beyond that for values that the axis does not contain.

        >>> Scale(0.0, 10.0).at(2.5), Scale(1.0, 100.0, True).at(10.0)
        (0.25, 0.5)
        """
        low, high = self.low, self.high
        if self.logarithmic:
            if value <= 0:
                return -math.inf
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)

    def padded(self, share: float = 0.04) -> "Scale":
        """A linear axis with a margin on both sides."""
        margin = share * (self.high - self.low)
        return Scale(self.low - margin, self.high + margin)

    def ticks(self, most: int = 5) -> list[float]:
        """At most so many round numbers on the axis.

        >>> Scale(0.0, 1.0).ticks(), Scale(0.62, 0.71).ticks(3), Scale(0.02, 3.0, True).ticks()
        ([0.0, 0.5, 1.0], [0.65, 0.7], [0.1, 1.0])
        """
        powers = _logarithmic_ticks(*self[:2], most) if self.logarithmic else []
        return powers if len(powers) > 1 else _linear_ticks(*self[:2], most)


def scale_of(values: Iterable[float], logarithmic: bool | None = False) -> Scale:
    """The axis that contains all finite values, at least one unit in the third digit long.

    With ``logarithmic=None``, it is logarithmic if the values are positive and very different.

    >>> scale_of([0.5, 0.75, float("inf")]), scale_of([]), scale_of([2.0])
    (Scale(low=0.5, high=0.75, logarithmic=False), Scale(low=0.0, high=1.0, logarithmic=False), \
Scale(low=1.99, high=2.01, logarithmic=False))
    """
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return Scale(0.0, 1.0)
    low, high = min(finite), max(finite)
    if logarithmic is None:
        logarithmic = low > 0 and high / low > 100
    if high - low <= 1e-3 * max(abs(low), abs(high)):
        half = 5e-3 * max(abs(low), abs(high)) or 1.0
        low, high = low - half, high + half
    return Scale(low, high, bool(logarithmic))


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10(high - low) - 1)
    while True:
        for factor in (1, 2, 5):
            first, last = math.ceil(low / (factor * step)), math.floor(high / (factor * step))
            if last - first + 1 <= most:
                return [_rounded(i * factor * step, factor * step) for i in range(first, last + 1)]
        step *= 10


def _logarithmic_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = math.ceil((last - first + 1) / most)
    return [10.0**i for i in range(first, last + 1, max(step, 1))]


def _rounded(value: float, step: float) -> float:
    """A multiple of a step without the error of the multiplication."""
    return round(value, max(-math.floor(math.log10(step)), 0)) + 0.0
