"""Robust scaling and smooth clipping of numbers."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from mlpkit.plugin import Array

_LARGEST_FACTOR = np.finfo(np.float64).max
LARGEST = 1e150  # its square is a float64


class Scales(NamedTuple):
    """How each of k columns of numbers is scaled.

    Parameters
    ----------
    center : ndarray of shape (k,)
        The medians. They also stand for missing values.
    factor : ndarray of shape (k,)
        One divided by the interquartile range, or two divided by the range if that is zero. Zero
        if the column is constant.
    low, high : ndarray of shape (k,)
        The smallest and the largest finite value. They stand for infinite values.
    """

    center: Array
    factor: Array
    low: Array
    high: Array

    def __call__(self, x: Array) -> Array:
        """Return scaled numbers between -3 and 3; missing values as 0, which is the median.

        Parameters
        ----------
        x : ndarray of shape (k, n)
            The values, NaN where they are missing.

        Returns
        -------
        ndarray of shape (k, n)
        """
        center, factor, low, high = (s[:, None] for s in self)
        x = np.where(np.isinf(x), np.where(x > 0, high, low), x)
        with np.errstate(over="ignore"):
            z = (x - center) * factor
        z = np.clip(np.where(np.isnan(x), 0.0, z), -LARGEST, LARGEST)
        return np.asarray(z / np.sqrt(1 + (z / 3) ** 2))

    @classmethod
    def joined(cls, scales: Sequence[Self]) -> Self:
        """Return the scales of the columns of several scales."""
        empty = np.zeros((4, 0))
        return cls(*np.concatenate([empty, *map(np.stack, scales)], axis=1))

    def of(self, columns: Array | list[int]) -> "Scales":
        """Return the scales of some of the columns, by index or by a mask."""
        return Scales(*(s[columns] for s in self))


def learn_scales(x: Array) -> Scales:
    """Return the scales of columns of numbers.

    Parameters
    ----------
    x : ndarray of shape (k, n)
        The values, NaN where they are missing.

    Examples
    --------
    >>> import numpy as np
    >>> scales = learn_scales(np.array([[1.0, 2.0, 3.0, np.nan]]))
    >>> scales.center, scales.factor, scales(np.array([[2.0, 3.0, np.nan, np.inf]])).round(2)
    (array([2.]), array([1.]), array([[0.  , 0.95, 0.  , 0.95]]))
    """
    statistics = np.zeros((len(x), 4))
    for row, values in zip(statistics, x, strict=True):
        finite = values[np.isfinite(values)]
        if len(finite):
            first, center, third = np.percentile(finite, [25, 50, 75])
            low, high = finite.min(), finite.max()
            # halves do not overflow
            quartiles, half_range = third / 2 - first / 2, high / 2 - low / 2
            spread = 2 * quartiles if quartiles > 0 else half_range
            with np.errstate(over="ignore"):
                factor = min(1 / spread, _LARGEST_FACTOR) if spread > 0 else 0.0
            row[:] = center, factor, low, high
    return Scales(*statistics.T)
