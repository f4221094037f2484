"""Metrics of predicted intervals."""

import numpy as np

from mlpkit.metrics.classification import mean
from mlpkit.metrics.regression import REAL
from mlpkit.plugin import Array, Metric, Predictions


def _intervals(predictions: Predictions) -> Array:
    assert predictions.y_interval is not None
    return predictions.y_interval


def in_interval(predictions: Predictions) -> Array:
    """1 where the target is in the interval, bounds included, else 0; shape (n,)."""
    bounds, y = _intervals(predictions), predictions.y_true[:, 0]
    return ((bounds[:, 0] <= y) & (y <= bounds[:, 1])).astype(np.float64)


def widths(predictions: Predictions) -> Array:
    """Upper minus lower bounds, shape (n,)."""
    bounds = _intervals(predictions)
    return np.asarray(bounds[:, 1] - bounds[:, 0], dtype=np.float64)


def interval_coverage() -> Metric:
    """Fraction of the targets that are in their predicted intervals.

    The intervals are those of ``estimator.predict_interval(X, coverage)``, with the `coverage` of
    `mlpkit.evaluate`, or those that are passed as ``y_interval``.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> bounds = [[0.0, 1.0], [0.0, 1.0]]
    >>> report = evaluate(None, None, [0.5, 2.0], y_pred=[0.5, 0.5], y_interval=bounds,
    ...                   metrics=interval_coverage())
    >>> report["interval_coverage"]
    0.5
    """
    return Metric(
        "interval_coverage",
        REAL,
        True,
        "intervals",
        row_statistics=in_interval,
        ratio=mean,
        interval="wilson",
    )


def interval_width() -> Metric:
    """Mean width of the predicted intervals, in the units of y; see `interval_coverage`.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> bounds = [[0.0, 1.0], [0.0, 3.0]]
    >>> report = evaluate(None, None, [0.5, 2.0], y_pred=[0.5, 0.5], y_interval=bounds,
    ...                   metrics=interval_width())
    >>> report["interval_width"]
    2.0
    """
    return Metric(
        "interval_width",
        REAL,
        False,
        "intervals",
        row_statistics=widths,
        ratio=mean,
        interval="normal",
    )
