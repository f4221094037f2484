"""The loss of several quantiles at once, which never cross.

A network has one output for each quantile. The one nearest to 0.5 is an output itself; each other
quantile is the next one towards it plus or minus ``softplus(output) = log(1 + exp(output))``,
which is positive. The outputs of several members or models are averaged before that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import ndtri

from mlpkit.backend_kit import ascending, central, softplus
from mlpkit.messages import plain_repr
from mlpkit.plugin import Array, Loss, Namespace

DEFAULT = (0.05, 0.5, 0.95)


def checked_quantiles(quantiles: Any, name: str) -> tuple[float, ...]:
    """Return distinct numbers between 0 and 1 in ascending order.

    ``name`` is how messages call them. Raises ValueError for other values.

    >>> checked_quantiles([0.9, 0.1], "quantiles")
    (0.1, 0.9)
    """
    is_sequence = isinstance(quantiles, Sequence | np.ndarray) and not isinstance(quantiles, str)
    values = list(quantiles) if is_sequence else [quantiles]
    for value in values:
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not 0 < float(value) < 1:
            raise ValueError(
                f"{name} must be numbers between 0 and 1, such as (0.05, 0.5, 0.95), got"
                f" {plain_repr(value)}."
            )
    if not values or len(set(map(float, values))) < len(values):
        given = plain_repr(tuple(values))
        raise ValueError(f"{name} must be one or more different numbers, got {given}.")
    return tuple(sorted(map(float, values)))


@dataclass(frozen=True)
class _MeanPinballLoss:
    """The mean over the quantiles of their pinball losses; see `Loss.rows`.

    Objects with equal quantiles compare equal, also after pickling, so compiled code is reused.
    """

    quantiles: tuple[float, ...]

    def __call__(self, xp: Namespace, y: Any, z: Any) -> Any:
        values = ascending(xp, z, central(self.quantiles))
        total: Any = None
        for j, (q, p) in enumerate(zip(self.quantiles, values, strict=True)):
            error = p - y[:, j]
            loss = 0.5 * xp.abs(error) + (0.5 - q) * error
            total = loss if total is None else total + loss
        return total / len(values)


@dataclass(frozen=True)
class _Derivative:
    """The derivative of `_MeanPinballLoss` with respect to the outputs; see `Loss.delta`."""

    quantiles: tuple[float, ...]

    def __call__(self, xp: Namespace, y: Any, z: Any) -> Any:
        center, n = central(self.quantiles), len(self.quantiles)
        values = ascending(xp, z, center)
        slopes = [
            (0.5 * xp.sign(values[j] - y[:, j]) + (0.5 - q)) / n
            for j, q in enumerate(self.quantiles)
        ]
        columns: list[Any] = list(slopes)
        above = below = None  # the summed slopes of the quantiles that an output moves
        for j in reversed(range(center + 1, n)):
            above = slopes[j] if above is None else above + slopes[j]
            columns[j] = above * _sigmoid(xp, z[:, j])
        for j in range(center):
            below = slopes[j] if below is None else below + slopes[j]
            columns[j] = -below * _sigmoid(xp, z[:, j])
        for others in (above, below):
            if others is not None:
                columns[center] = columns[center] + others
        return xp.stack(columns, 1)


def _sigmoid(xp: Namespace, z: Any) -> Any:
    return xp.exp(z - softplus(xp, z))


def quantiles(quantiles: Any = DEFAULT) -> Loss:
    """Return the mean of the pinball losses of several quantiles, which never cross.

    Targets have a column for each quantile, all with the same values.
    """
    values = checked_quantiles(quantiles, "loss='quantiles': quantiles")
    return Loss("quantiles", "identity", _MeanPinballLoss(values), _Derivative(values))


def interpolated(values: Array, fitted: Sequence[float], requested: Sequence[float]) -> Array:
    """Return predictions of other quantiles, (n, n_requested), from those of fitted ones (n, k).

    Values are linearly interpolated over the quantiles of the standard normal distribution, so
    they are exact if the predicted distribution is normal. Raises ValueError for quantiles below
    the lowest or above the highest fitted one.

    >>> values = interpolated(np.array([[-1.6449, 0.0, 1.6449]]), (0.05, 0.5, 0.95), [0.1, 0.5])
    >>> values.round(4).tolist()
    [[-1.2816, 0.0]]
    """
    low, high = fitted[0], fitted[-1]
    for q in requested:
        if not low <= q <= high:
            raise ValueError(
                f"The quantile {q:g} is not between {low:g} and {high:g}, the lowest and the"
                " highest fitted quantile. Fit with more quantiles, for example"
                f" quantiles=({min(q, low):g}, 0.5, {max(q, high):g})."
            )
    if len(fitted) == 1:
        return np.repeat(values, len(requested), axis=1)
    x, new = ndtri(fitted), ndtri(requested)
    right = np.clip(np.searchsorted(x, new), 1, len(x) - 1)
    share = (new - x[right - 1]) / (x[right] - x[right - 1])
    lower, upper = values[:, right - 1], values[:, right]
    return np.asarray(np.where(share == 1, upper, lower + share * (upper - lower)))
