"""Metrics of predicted real values; several outputs are averaged, as in scikit-learn."""

import math
from functools import partial

import numpy as np
from scipy.special import ndtri, xlogy
from sklearn.metrics import median_absolute_error as exact_median

from mlpkit.messages import plain_repr
from mlpkit.metrics.classification import mean
from mlpkit.plugin import Array, CellCounts, Metric, Predictions, Task

REAL: tuple[Task, ...] = ("regression",)
OCTAVES, BINS_PER_OCTAVE = 32, 32  # the histogram of absolute errors, from 2**-32 to 2**32
N_BINS = 2 * OCTAVES * BINS_PER_OCTAVE + 1


def squared_errors(predictions: Predictions) -> Array:
    """Squared errors, (n, n_outputs)."""
    return np.square(np.subtract(predictions.y_true, predictions.y_pred))


def absolute_errors(predictions: Predictions) -> Array:
    """Absolute errors, averaged over the outputs, (n,)."""
    return np.abs(predictions.y_true - predictions.y_pred).mean(axis=1)


def signed_errors(predictions: Predictions) -> Array:
    """Prediction minus target, averaged over the outputs, (n,)."""
    return (predictions.y_pred - predictions.y_true).mean(axis=1)


def poisson_deviances(predictions: Predictions) -> Array:
    """2 (y log(y / p) - y + p), averaged over the outputs, (n,)."""
    y, p = predictions.y_true, predictions.y_pred
    with np.errstate(all="ignore"):
        return (2 * (xlogy(y, y / p) - y + p)).mean(axis=1)


def pinball_losses(alpha: float, predictions: Predictions) -> Array:
    """alpha max(y - p, 0) + (1 - alpha) max(p - y, 0), averaged over the outputs, (n,)."""
    gap = predictions.y_true - predictions.y_pred
    return np.where(gap > 0, alpha * gap, (alpha - 1) * gap).mean(axis=1)


def targets(predictions: Predictions) -> Array:
    """Targets y, (n, n_outputs)."""
    return predictions.y_true


def targets_and_errors(predictions: Predictions) -> Array:
    """Targets y and errors y - p, (n, 2 n_outputs)."""
    y, p = predictions.y_true, predictions.y_pred
    return np.concatenate([y, y - p], axis=1)


def _mean_over_outputs(s: Array) -> tuple[Array, Array]:
    return s[..., 1:].mean(axis=-1), s[..., 0]


def mse() -> Metric:
    """Mean squared error.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> evaluate(None, None, [1.5, 2.0], y_pred=[2.5, 2.0], metrics=mse())["mse"]
    0.5
    """
    return Metric(
        "mse",
        REAL,
        False,
        row_statistics=squared_errors,
        ratio=_mean_over_outputs,
        interval="normal",
    )


def _root(s: Array) -> Array:
    return np.sqrt(s[..., 1:] / s[..., :1]).mean(axis=-1)


def rmse() -> Metric:
    """Root mean squared error; of several outputs, the mean of their root mean squared errors.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> evaluate(None, None, [1.5, 2.0], y_pred=[3.5, 4.0], metrics=rmse())["rmse"]
    2.0
    """
    return Metric(
        "rmse", REAL, False, row_statistics=squared_errors, value=_root, interval="bootstrap"
    )


def mae() -> Metric:
    """Mean absolute error.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> evaluate(None, None, [1.5, 2.0], y_pred=[2.5, 2.0], metrics=mae())["mae"]
    0.5
    """
    return Metric("mae", REAL, False, row_statistics=absolute_errors, ratio=mean, interval="normal")


def mean_bias() -> Metric:
    """Mean of prediction minus target.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> evaluate(None, None, [1.5, 2.0], y_pred=[2.5, 1.5], metrics=mean_bias())["mean_bias"]
    0.25
    """
    return Metric(
        "mean_bias", REAL, None, row_statistics=signed_errors, ratio=mean, interval="normal"
    )


def poisson_deviance() -> Metric:
    """Mean Poisson deviance, 2 (y log(y / p) - y + p).

    Targets must not be negative, and predictions must be positive.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [0.0, 1.5], y_pred=[0.5, 1.5], metrics=poisson_deviance())
    >>> report["poisson_deviance"]
    0.5
    """
    return Metric(
        "poisson_deviance",
        REAL,
        False,
        row_statistics=poisson_deviances,
        ratio=mean,
        interval="normal",
    )


def pinball_loss(alpha: float = 0.5) -> Metric:
    """Mean pinball loss, alpha max(y - p, 0) + (1 - alpha) max(p - y, 0).

    Parameters
    ----------
    alpha : float, default=0.5
        The quantile that is predicted, from 0 to 1.

    Returns
    -------
    Metric
        Its name contains `alpha`, unless this is 0.5.

    Raises
    ------
    ValueError
        If `alpha` is not from 0 to 1.

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [1.5, 2.0], y_pred=[2.5, 1.0], metrics=pinball_loss(0.75))
    >>> report["pinball_loss_0.75"]
    0.5
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, got {plain_repr(alpha)}.")
    name = "pinball_loss" if alpha == 0.5 else f"pinball_loss_{alpha:g}"
    return Metric(
        name,
        REAL,
        False,
        row_statistics=partial(pinball_losses, alpha),
        ratio=mean,
        interval="normal",
    )


def _explained(left: Array, total: Array) -> Array:
    """1 - left / total, averaged over outputs; for a constant target it is 1 or 0."""
    fraction = np.divide(left, total, out=np.ones_like(left), where=total > 0)
    return (1 - np.where((total == 0) & (left == 0), 0.0, fraction)).mean(axis=-1)


def _r2(s: Array) -> Array:
    left, total = np.split(s[..., 1:], 2, axis=-1)
    return _explained(left, total)


def r2() -> Metric:
    """Coefficient of determination: 1 - sum (y - p)^2 / sum (y - mean of y)^2.

    The mean of y is that of the group.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> evaluate(None, None, [0.5, 1.5, 2.5], y_pred=[0.5, 1.5, 1.5], metrics=r2())["r2"]
    0.5
    """
    return Metric(
        "r2",
        REAL,
        True,
        row_statistics=squared_errors,
        deviations=targets,
        value=_r2,
        interval="bootstrap",
        min_rows=2,
    )


def _explained_variance(s: Array) -> Array:
    total, left = np.split(s[..., 1:], 2, axis=-1)
    return _explained(left, total)


def explained_variance() -> Metric:
    """Explained variance: 1 - variance of the errors / variance of the targets.

    Both variances are those of the group.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0.5, 1.5, 2.5], [1.5, 2.5, 3.5]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=explained_variance())
    >>> report["explained_variance"]
    1.0
    """
    return Metric(
        "explained_variance",
        REAL,
        True,
        deviations=targets_and_errors,
        value=_explained_variance,
        interval="bootstrap",
    )


def _median(predictions: Predictions, w: Array | None) -> float:
    return float(exact_median(predictions.y_true, predictions.y_pred, sample_weight=w))


def woodruff(predictions: Predictions, w: Array | None, confidence: float) -> tuple[float, float]:
    """An interval for the median absolute error of one output.

    Its ends are the quantiles at the ends of an interval for the fraction 1/2: Woodruff,
    "Confidence intervals for medians and other position measures", 1952. The effective number of
    rows is (sum w)^2 / sum w^2. For several outputs the interval is NaN.
    """
    errors = np.abs(predictions.y_true - predictions.y_pred)
    if errors.shape[1] > 1:
        return math.nan, math.nan
    w = np.ones(len(errors)) if w is None else w
    size = w.sum() ** 2 / np.square(w).sum()
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(0.25 / size)
    order = np.argsort(errors[:, 0])
    below = np.cumsum(w[order]) / w.sum()
    indices = np.searchsorted(below, [max(0.5 - half, 0.0), min(0.5 + half, below[-1])])
    low, high = errors[order[indices], 0]
    return float(low), float(high)


def median_absolute_error() -> Metric:
    """Median of the absolute errors, averaged over the outputs.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0.5, 1.5, 2.5], [0.5, 2.0, 9.5]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=median_absolute_error())
    >>> report["median_absolute_error"]
    0.5
    """
    return Metric(
        "median_absolute_error",
        REAL,
        False,
        exact=_median,
        interval=woodruff,
        note="exact, from kept errors",
    )


def binned_errors(predictions: Predictions) -> CellCounts:
    """Absolute errors by bins of their logarithm, one histogram for each output."""
    errors = np.abs(predictions.y_true - predictions.y_pred)
    with np.errstate(divide="ignore"):
        octave = np.clip(np.log2(errors), -OCTAVES, OCTAVES)
    codes = np.where(np.isfinite(errors), np.rint((octave + OCTAVES) * BINS_PER_OCTAVE), -1)
    bins = codes.astype(np.intp)
    n_outputs = bins.shape[1]
    cells = np.where(bins < 0, -1, bins + N_BINS * np.arange(n_outputs))
    return CellCounts(cells, N_BINS * n_outputs)


def _binned_median(s: Array) -> Array:
    counts = s[..., 1:].reshape(*s.shape[:-1], -1, N_BINS)
    below = np.cumsum(counts, axis=-1)
    bins = (below >= below[..., -1:] / 2).argmax(axis=-1)
    errors = 2.0 ** (bins / BINS_PER_OCTAVE - OCTAVES)
    return np.where(bins == 0, 0.0, errors).mean(axis=-1)


def median_absolute_error_histogram() -> Metric:
    """Median of the absolute errors, from a histogram: within 1.1 percent of the exact value.

    It keeps no rows.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0.5, 1.5, 2.5], [0.5, 2.0, 9.5]
    >>> metric = median_absolute_error_histogram()
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=metric)
    >>> report["median_absolute_error_histogram"]
    0.5
    """
    return Metric(
        "median_absolute_error_histogram",
        REAL,
        False,
        row_statistics=binned_errors,
        value=_binned_median,
        interval="bootstrap",
        note=f"from a histogram of {BINS_PER_OCTAVE} bins per octave: within 1.1 percent",
    )
