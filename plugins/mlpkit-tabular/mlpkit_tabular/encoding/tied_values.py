"""Which exact values of numeric columns say more about the targets than where they lie."""

import numpy as np

from mlpkit.plugin import Array

N_BINS = 32
N_FOLDS = 5
MIN_GAIN = 0.002  # of the variance of the targets, and in addition:
GAIN_OF_ROWS = 10.0  # divided by the number of rows, since small samples show gains by chance


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
    total = _explainable(y)
    if len(x) < 2 * N_FOLDS or not np.any(total):
        return nothing
    values, value, counts = np.unique(x, return_inverse=True, return_counts=True)
    frequent = counts >= min_count
    edges = np.unique(np.quantile(x, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    bin_of_value = np.searchsorted(edges, values, side="right")
    if not frequent.any() or len(values) == len(np.unique(bin_of_value)):  # the bins are the values
        return nothing
    group_of_value = np.where(frequent, len(edges) + 1 + np.cumsum(frequent), bin_of_value)
    fold = np.random.default_rng(0).permutation(len(x)) % N_FOLDS
    by_bin = _held_out_error(bin_of_value[value], y, fold)
    by_value = _held_out_error(group_of_value[value], y, fold)
    used = total > 0
    gain = float(np.mean((by_bin[used] - by_value[used]) / total[used]))
    helps = gain > MIN_GAIN + GAIN_OF_ROWS / len(x)
    return values[frequent] if helps else nothing


def codes_of(x: Array, values: Array) -> Array:
    """Return the position of each number among sorted values; their number if it is another one.

    >>> import numpy as np
    >>> codes_of(np.array([0.0, 1.0, 2.0, np.nan]), np.array([0.0, 2.0]))
    array([0, 2, 1, 2])
    """
    codes = np.minimum(np.searchsorted(values, x), len(values) - 1)
    return np.where(values[codes] == x, codes, len(values))


def _explainable(y: Array) -> Array:
    """The sum of squares around the mean, by output."""
    return np.asarray(((y - y.mean(axis=0)) ** 2).sum(axis=0)) if len(y) else np.zeros(y.shape[1])


def _held_out_error(group: Array, y: Array, fold: Array) -> Array:
    """The sum of squared errors by output, if each group's mean in the other folds is predicted.

    A group that the other folds lack is predicted by their overall mean.
    """
    n_groups = int(group.max()) + 1
    cell = group * N_FOLDS + fold
    counts = np.bincount(cell, minlength=n_groups * N_FOLDS).reshape(n_groups, N_FOLDS)
    others = counts.sum(axis=1, keepdims=True) - counts
    n_others = others.sum(axis=0)
    errors = []
    for target in y.T:
        sums = np.bincount(cell, target, n_groups * N_FOLDS).reshape(n_groups, N_FOLDS)
        other_sums = sums.sum(axis=1, keepdims=True) - sums
        overall = other_sums.sum(axis=0) / n_others
        means = np.where(others > 0, other_sums / np.maximum(others, 1), overall)
        errors.append(((target - means[group, fold]) ** 2).sum())
    return np.array(errors)
