"""Exact values of numeric columns that predict the targets better than bins of the values do."""

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.held_out import N_FOLDS, explains_more, held_out_means

N_BINS = 32


def tied_values(x: Array, y: Array, min_count: float) -> Array:
    """Return the exact values of a column that get codes, sorted; none if they do not help.

    A value gets a code if it occurs at least ``min_count`` times. They help if the mean of the
    targets by value predicts the targets of held-out rows better than the mean by 32 quantile
    bins. Values without a code are predicted by their bin in both cases.

    Parameters
    ----------
    x : ndarray of shape (n,)
        The values, NaN where they are missing.
    y : ndarray of shape (n, n_outputs)
        The targets: numbers, or indicators of classes.
    min_count : float
        How often a value occurs at least.

    Returns
    -------
    ndarray of shape (n_values,)
    """
    nothing = np.zeros(0)
    finite = np.isfinite(x)
    x, y = x[finite], y[finite]
    if len(x) < 2 * N_FOLDS:
        return nothing
    values, value, counts = np.unique(x, return_inverse=True, return_counts=True)
    frequent = counts >= min_count
    edges = np.unique(np.quantile(x, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    bin_of_value = np.searchsorted(edges, values, side="right")
    if len(values) <= 2 or len(values) == len(np.unique(bin_of_value)):
        return nothing  # two values are on a line, and more values have bins of their own
    if not frequent.any():
        return nothing
    group_of_value = np.where(frequent, len(edges) + 1 + np.cumsum(frequent), bin_of_value)
    by_bin = held_out_means(bin_of_value[value], y)
    by_value = held_out_means(group_of_value[value], y)
    return values[frequent] if explains_more(y, by_value, by_bin) else nothing


def codes_of(x: Array, values: Array) -> Array:
    """Return the position of each number among sorted values; their number if it is another one.

    >>> import numpy as np
    >>> codes_of(np.array([0.0, 1.0, 2.0, np.nan]), np.array([0.0, 2.0]))
    array([0, 2, 1, 2])
    """
    codes = np.minimum(np.searchsorted(values, x), len(values) - 1)
    return np.where(values[codes] == x, codes, len(values))
