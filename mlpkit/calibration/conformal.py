"""Prediction intervals by split conformal prediction.

References
----------
Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-free predictive inference for
regression", 2018. Romano, Patterson and Candès, "Conformalized quantile regression", 2019.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

import numpy as np

from mlpkit.files.fields import Fields
from mlpkit.messages import plain_repr
from mlpkit.plugin import Array


def checked_coverage(coverage: Any) -> float:
    """Return a number between 0 and 1; raise ValueError for other values."""
    is_number = isinstance(coverage, Real) and not isinstance(coverage, bool)
    if not is_number or not 0 < float(coverage) < 1:
        raise ValueError(
            f"coverage must be between 0 and 1, for example 0.9, got {plain_repr(coverage)}."
        )
    return float(coverage)


@dataclass(frozen=True)
class ConformalIntervals:
    """Intervals whose coverage is calibrated on rows that the model was not trained on.

    New rows that are exchangeable with these are in their intervals with at least the requested
    probability, on average over all rows. The width of an interval varies between rows only if the
    model predicts quantiles.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Targets of the calibration rows.
    values : ndarray of shape (n, k)
        Predictions of the calibration rows, a column for each quantile.
    weight : ndarray of shape (n,) or None, default=None
        Weights of these rows.
    quantiles : tuple of float or None, default=None
        The predicted quantiles, ascending; None if the model predicts one value.

    Examples
    --------
    >>> y = np.arange(19.0)
    >>> intervals = ConformalIntervals.of(y, np.zeros((19, 1)))
    >>> intervals.bounds(np.array([[5.0]]), coverage=0.9).tolist()
    [[-12.0, 22.0]]
    """

    y: Array
    values: Array
    weight: Array | None = None
    quantiles: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        y: Any,
        values: Any,
        weight: Any = None,
        quantiles: Sequence[float] | None = None,
    ) -> Self:
        """Return the intervals for calibration rows; those of weight 0 are removed."""
        y, values = np.asarray(y, dtype=np.float64), np.asarray(values, dtype=np.float64)
        if weight is not None:
            counted = np.asarray(weight) > 0
            y, values, weight = y[counted], values[counted], np.asarray(weight)[counted]
        return cls(y, values, weight, None if quantiles is None else tuple(quantiles))

    def get_state(self) -> dict[str, Any]:
        """Return the state as plain values, without the quantiles."""
        return {"y": self.y, "values": self.values, "weight": self.weight}

    @classmethod
    def from_state(cls, state: Any, quantiles: tuple[float, ...] | None) -> Self:
        """Return the intervals of a state; raise ValueError if it is invalid."""
        fields = Fields(state, "intervals")
        y = fields.array("y", (None,), "f")
        values = fields.array("values", (len(y), len(quantiles or (0.5,))), "f")
        weight = fields.array("weight", (len(y),)) if fields.has("weight") else None
        return cls(y, values, weight, quantiles)

    def bounds(self, values: Array, coverage: float) -> Array:
        """Return lower and upper bounds, (n, 2), around predictions (n, k).

        Parameters
        ----------
        values : ndarray of shape (n, k)
            Predictions of new rows, in the form of those of the calibration rows.
        coverage : float
            The probability that a target is in its interval, in (0, 1).

        Returns
        -------
        ndarray of shape (n, 2)

        Raises
        ------
        ValueError
            If the coverage is invalid, or if it requires more calibration rows.
        """
        coverage = checked_coverage(coverage)
        low, high = self._columns(coverage)
        own_low, own_high = self.values[:, low], self.values[:, high]
        margin = self._margin(np.maximum(own_low - self.y, self.y - own_high), coverage)
        values = np.asarray(values, dtype=np.float64)
        bounds = np.stack([values[:, low] - margin, values[:, high] + margin], axis=1)
        crossed = bounds[:, 0] > bounds[:, 1]  # a negative margin that exceeds half the width
        bounds[crossed] = bounds[crossed].mean(axis=1, keepdims=True)
        return bounds

    def _columns(self, coverage: float) -> tuple[int, int]:
        """The columns of the quantiles that enclose the central interval most closely."""
        if self.quantiles is None:
            return 0, 0
        q, tail = np.array(self.quantiles), (1 - coverage) / 2
        return int(np.argmin(np.abs(q - tail))), int(np.argmin(np.abs(q - (1 - tail))))

    def _margin(self, scores: Array, coverage: float) -> float:
        """The score at the rank ``ceil((n + 1) * coverage)``; a new row has the mean weight."""
        order = np.argsort(scores)
        w = np.ones(len(scores)) if self.weight is None else self.weight[order]
        mean = float(np.mean(w)) if len(w) else 1.0
        total = np.cumsum(w) / mean  # counts rows
        needed = (len(scores) + 1) * coverage
        enough = total >= needed * (1 - 1e-12)
        if not enough.any():
            n_needed = math.ceil(coverage / (1 - coverage) * (1 - 1e-12))
            raise ValueError(
                f"coverage={coverage:g} requires at least {n_needed} rows that were not trained on,"
                f" got {len(scores)}. Choose a lower coverage, or calibrate on more rows."
            )
        return float(scores[order][np.argmax(enough)])
