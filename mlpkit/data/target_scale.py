"""The scale and the range of real-valued targets, learned from training rows."""

from typing import NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array


class TargetScale(NamedTuple):
    """Weighted mean and standard deviation of each output.

    Examples
    --------
    >>> scale = TargetScale.of(np.array([[1.0, 5.0], [3.0, 5.0]]), None)
    >>> scale.standardized(np.array([[4.0, 6.0]])).tolist()
    [[2.0, 1.0]]
    >>> scale.restored(np.array([[2.0, 1.0]])).tolist()
    [[4.0, 6.0]]
    """

    mean: Array
    deviation: Array  # 1 for constant outputs

    @classmethod
    def of(cls, y: Array, w: Array | None) -> Self:
        """Learn from targets (n, n_outputs) with row weights w or None."""
        y = np.asarray(y, dtype=np.float64)
        low, high = _range(y, w)
        center = low / 2 + high / 2
        mean = center + np.average(y - center, axis=0, weights=w)
        largest = np.maximum(high - mean, mean - low)
        unit = np.where(largest > 0, largest, 1.0)  # the squares of y / unit neither over- nor
        squares = ((y - mean) / unit) ** 2  # underflow
        deviation = unit * np.sqrt(np.average(squares, axis=0, weights=w))
        varies = (high > low) & (deviation > 0)
        return cls(np.where(varies, mean, low), np.where(varies, deviation, 1.0))

    def standardized(self, y: Array) -> Array:
        """Targets with mean 0 and standard deviation 1, (n, n_outputs)."""
        return (np.asarray(y, dtype=np.float64) - self.mean) / self.deviation

    def restored(self, z: Array) -> Array:
        """The inverse of `standardized`, float64."""
        return np.asarray(z, dtype=np.float64) * self.deviation + self.mean


class TargetRange(NamedTuple):
    """Smallest and largest value of each output among the rows whose weight is not 0.

    Examples
    --------
    >>> seen = TargetRange.of(np.array([[1.0], [3.0]]), None)
    >>> seen.clipped(np.array([[0.0], [2.0], [9.0]])).ravel().tolist()
    [1.0, 2.0, 3.0]
    """

    low: Array
    high: Array

    @classmethod
    def of(cls, y: Array, w: Array | None) -> Self:
        """Learn from targets (n, n_outputs) with row weights w or None."""
        return cls(*_range(np.asarray(y, dtype=np.float64), w))

    def with_range(self, other: "TargetRange") -> "TargetRange":
        """The range of the rows of both."""
        return TargetRange(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def clipped(self, p: Array) -> Array:
        """Predictions within the range, float64; NaN stays NaN."""
        return np.clip(np.asarray(p, dtype=np.float64), self.low, self.high)


def _range(y: Array, w: Array | None) -> tuple[Array, Array]:
    counted = y if w is None else y[w > 0]
    return counted.min(axis=0), counted.max(axis=0)
