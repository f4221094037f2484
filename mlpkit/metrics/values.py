"""The value of a metric, computed from its sums."""

import numpy as np

from mlpkit.plugin import Array, Metric


def value_of(metric: Metric, s: Array) -> Array:
    """A metric computed from its sums (..., 1 + k + q); NaN where the weight is 0, and for 0/0.

    >>> from mlpkit.metrics.classification import accuracy
    >>> value_of(accuracy(), np.array([[4.0, 3.0], [0.0, 0.0]])).tolist()
    [0.75, nan]
    """
    with np.errstate(all="ignore"):
        if metric.ratio is not None:
            above, below = metric.ratio(s)
            if above.shape != s.shape[:-1] or below.shape != s.shape[:-1]:
                raise ValueError(
                    f"ratio must return two arrays of shape {s.shape[:-1]}, got shapes"
                    f" {above.shape} and {below.shape}"
                )
            value = np.where(below != 0, above / below, np.nan)
        else:
            assert metric.value is not None
            value = np.asarray(metric.value(s), dtype=np.float64)
            if value.shape != s.shape[:-1]:
                raise ValueError(
                    f"value must return an array of shape {s.shape[:-1]}, got shape {value.shape}"
                )
    return np.where(s[..., 0] > 0, value, np.nan)
