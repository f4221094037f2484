"""Accuracy and R2 of scikit-learn without its checks, which take longer than a small epoch."""

import numpy as np

from mlpkit.plugin import Array


def accuracy(is_correct: Array, w: Array | None) -> float:
    """The weighted fraction of correct rows, for booleans (n,) and row weights w or None.

    >>> accuracy(np.array([True, False]), np.array([3.0, 1.0]))
    0.75
    """
    return float(np.average(is_correct, weights=w))


def r2(y: Array, p: Array, w: Array | None) -> float:
    """R2 of finite predictions p for targets y, both (n, n_outputs), the mean over the outputs.

    As in scikit-learn, it is 0 for an output that is constant, or 1 if the predictions are exact.

    >>> r2(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]), None)
    0.5
    """
    if len(y) < 2:
        from sklearn.metrics import r2_score

        return float(r2_score(y, p, sample_weight=w))  # warns that it is undefined
    y, p = np.asarray(y, np.float64), np.asarray(p, np.float64)
    weight = 1.0 if w is None else w[:, np.newaxis]
    errors = (weight * (y - p) ** 2).sum(axis=0)
    deviations = (weight * (y - np.average(y, axis=0, weights=w)) ** 2).sum(axis=0)
    scores = np.where(errors == 0, 1.0, 0.0)
    varies = (errors != 0) & (deviations != 0)
    scores[varies] = 1 - errors[varies] / deviations[varies]
    return float(np.average(scores))
