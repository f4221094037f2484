"""Predictions of held-out rows from means of groups, and whether one is better than another."""

import numpy as np

from mlpkit.plugin import Array

N_FOLDS = 5
MIN_GAIN = 0.002  # explained share of the variance of the targets, to which is added:
GAIN_OF_ROWS = 10.0  # divided by the number of rows, since small samples show gains by chance


def held_out_means(group: Array, y: Array, smoothing: float = 0.0) -> Array:
    """Return the mean of the targets in each row's group over the rows of other folds.

    Parameters
    ----------
    group : ndarray of shape (n,)
        The number of the group of each row.
    y : ndarray of shape (n, n_outputs)
        The targets.
    smoothing : float, default=0
        How many rows with the overall mean are added to each group. A group without rows in the
        other folds has the overall mean.

    Returns
    -------
    ndarray of shape (n, n_outputs)
    """
    fold = np.random.default_rng(0).permutation(len(group)) % N_FOLDS
    shape = (int(group.max()) + 1, N_FOLDS)
    cell = group * N_FOLDS + fold

    def of_other_folds(weights: Array | None) -> Array:
        sums = np.bincount(cell, weights, shape[0] * N_FOLDS).reshape(shape)
        return np.asarray(sums.sum(axis=1, keepdims=True) - sums, dtype=np.float64)

    counts = of_other_folds(None)
    result = np.empty(y.shape)
    for output, target in zip(result.T, y.T, strict=True):
        sums = of_other_folds(target)
        overall = sums.sum(axis=0) / counts.sum(axis=0)
        size = counts + smoothing
        means = np.where(size > 0, (sums + smoothing * overall) / np.maximum(size, 1e-9), overall)
        output[:] = means[group, fold]
    return result


def explains_more(y: Array, better: Array, than: Array) -> bool:
    """Whether predictions explain more of the targets' variance than others, beyond chance.

    Parameters
    ----------
    y, better, than : ndarray of shape (n, n_outputs)
        The targets, and two predictions of them. The mean over the outputs that vary decides.
    """
    total, gain = ((y - y.mean(axis=0)) ** 2).sum(axis=0), (y - than) ** 2 - (y - better) ** 2
    varying = total > 0
    if not varying.any():
        return False
    explained = gain.sum(axis=0)[varying] / total[varying]
    return bool(explained.mean() > MIN_GAIN + GAIN_OF_ROWS / len(y))
