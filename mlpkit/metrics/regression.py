"""Metrics of predicted real values; several outputs a row are averaged, as scikit-learn does."""

import math
from functools import partial

import numpy as np
from scipy.special import ndtri, xlogy
from sklearn.metrics import median_absolute_error as exact_median

from mlpkit.messages import plain_repr
from mlpkit.metrics.classification import mean
from mlpkit.plugin import Array, CellCounts, Metric, Predictions, Task

REAL: tuple[Task, ...] = ("regression",)
OCTAVES, FINENESS = 32, 32  # the histogram of absolute errors: 2**-32 to 2**32, 32 bins an octave


def squares(scored: Predictions) -> Array:
    """Squared errors, (n, n_outputs)."""
    return np.square(np.subtract(scored.y_true, scored.y_pred))


def absolutes(scored: Predictions) -> Array:
    """Absolute errors, the mean over the outputs, (n,)."""
    return np.abs(scored.y_true - scored.y_pred).mean(axis=1)  # type: ignore[no-any-return]


def biases(scored: Predictions) -> Array:
    """Prediction minus truth, the mean over the outputs, (n,)."""
    return (scored.y_pred - scored.y_true).mean(axis=1)  # type: ignore[no-any-return]


def poisson_deviances(scored: Predictions) -> Array:
    """2 (y log(y / p) - y + p), the mean over the outputs, (n,)."""
    y, p = scored.y_true, scored.y_pred
    with np.errstate(all="ignore"):
        return (2 * (xlogy(y, y / p) - y + p)).mean(axis=1)  # type: ignore[no-any-return]


def pinballs(alpha: float, scored: Predictions) -> Array:
    """alpha max(y - p, 0) + (1 - alpha) max(p - y, 0), the mean over the outputs, (n,)."""
    gap = scored.y_true - scored.y_pred
    return np.where(gap > 0, alpha * gap, (alpha - 1) * gap).mean(axis=1)  # type: ignore[no-any-return]


def targets(scored: Predictions) -> Array:
    """y, (n, n_outputs)."""
    return scored.y_true


def targets_and_errors(scored: Predictions) -> Array:
    """y and y - p, (n, 2 n_outputs)."""
    return np.concatenate([scored.y_true, scored.y_true - scored.y_pred], axis=1)


def _over_outputs(s: Array) -> tuple[Array, Array]:
    return s[..., 1:].mean(axis=-1), s[..., 0]


def mse() -> Metric:
    """Mean squared error."""
    return Metric(
        "mse", REAL, False, row_statistics=squares, ratio=_over_outputs, interval="normal"
    )


def _root(s: Array) -> Array:
    return np.sqrt(s[..., 1:] / s[..., :1]).mean(axis=-1)  # type: ignore[no-any-return]


def rmse() -> Metric:
    """Root mean squared error, the mean over the outputs' roots."""
    return Metric("rmse", REAL, False, row_statistics=squares, value=_root, interval="bootstrap")


def mae() -> Metric:
    """Mean absolute error."""
    return Metric("mae", REAL, False, row_statistics=absolutes, ratio=mean, interval="normal")


def mean_bias() -> Metric:
    """Mean of prediction minus truth."""
    return Metric("mean_bias", REAL, None, row_statistics=biases, ratio=mean, interval="normal")


def poisson_deviance() -> Metric:
    """Mean Poisson deviance; targets are not negative, predictions positive."""
    return Metric(
        "poisson_deviance",
        REAL,
        False,
        row_statistics=poisson_deviances,
        ratio=mean,
        interval="normal",
    )


def pinball_loss(alpha: float = 0.5) -> Metric:
    """Mean pinball loss of a prediction of the quantile ``alpha``."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={plain_repr(alpha)}: a quantile is between 0 and 1.")
    name = "pinball_loss" if alpha == 0.5 else f"pinball_loss_{alpha:g}"
    return Metric(
        name, REAL, False, row_statistics=partial(pinballs, alpha), ratio=mean, interval="normal"
    )


def _explained(left: Array, total: Array) -> Array:
    """1 - left / total, the mean over outputs; of a constant target 1 or 0."""
    fraction = np.divide(left, total, out=np.ones_like(left), where=total > 0)
    return (1 - np.where((total == 0) & (left == 0), 0.0, fraction)).mean(axis=-1)  # type: ignore[no-any-return]


def _r2(s: Array) -> Array:
    left, total = np.split(s[..., 1:], 2, axis=-1)
    return _explained(left, total)


def r2() -> Metric:
    """Coefficient of determination, around the mean of the group."""
    return Metric(
        "r2",
        REAL,
        True,
        row_statistics=squares,
        deviations=targets,
        value=_r2,
        interval="bootstrap",
        min_rows=2,
    )


def _explained_variance(s: Array) -> Array:
    total, left = np.split(s[..., 1:], 2, axis=-1)
    return _explained(left, total)


def explained_variance() -> Metric:
    """1 - variance of the errors / variance of the targets, both of the group."""
    return Metric(
        "explained_variance",
        REAL,
        True,
        deviations=targets_and_errors,
        value=_explained_variance,
        interval="bootstrap",
    )


def _median(scored: Predictions, w: Array | None) -> float:
    return float(exact_median(scored.y_true, scored.y_pred, sample_weight=w))


def woodruff(scored: Predictions, w: Array | None, confidence: float) -> tuple[float, float]:
    """An interval for a median: the quantiles at the ends of the interval of the fraction 1/2.

    Woodruff, "Confidence intervals for medians and other position measures", 1952. The
    effective size is (sum w)^2 / sum w^2. Several outputs have none.
    """
    errors = np.abs(scored.y_true - scored.y_pred)
    if errors.shape[1] > 1:
        return math.nan, math.nan
    w = np.ones(len(errors)) if w is None else w
    size = w.sum() ** 2 / np.square(w).sum()
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(0.25 / size)
    order = np.argsort(errors[:, 0])
    below = np.cumsum(w[order]) / w.sum()
    places = np.searchsorted(below, [max(0.5 - half, 0.0), min(0.5 + half, below[-1])])
    low, high = errors[order[places], 0]
    return float(low), float(high)


def median_absolute_error() -> Metric:
    """Median of the absolute errors, the mean over the outputs."""
    return Metric(
        "median_absolute_error",
        REAL,
        False,
        exact=_median,
        interval=woodruff,
        note="exact, from kept errors",
    )


def binned_errors(scored: Predictions) -> CellCounts:
    """Absolute errors by bins of their logarithm, for each output in turn."""
    errors = np.abs(scored.y_true - scored.y_pred)
    with np.errstate(divide="ignore"):
        octave = np.clip(np.log2(errors), -OCTAVES, OCTAVES)
    bins = 2 * OCTAVES * FINENESS + 1
    codes = np.where(np.isfinite(errors), np.rint((octave + OCTAVES) * FINENESS), -1)
    at = codes.astype(np.intp)
    return CellCounts(np.where(at < 0, -1, at + bins * np.arange(at.shape[1])), bins * at.shape[1])


def _binned_median(s: Array) -> Array:
    bins = 2 * OCTAVES * FINENESS + 1
    counts = s[..., 1:].reshape(*s.shape[:-1], -1, bins)
    below = np.cumsum(counts, axis=-1)
    at = (below >= below[..., -1:] / 2).argmax(axis=-1)
    return np.where(at == 0, 0.0, 2.0 ** (at / FINENESS - OCTAVES)).mean(axis=-1)  # type: ignore[no-any-return]


def median_absolute_error_histogram() -> Metric:
    """Median of the absolute errors, to about 1 percent, from sums alone."""
    return Metric(
        "median_absolute_error_histogram",
        REAL,
        False,
        row_statistics=binned_errors,
        value=_binned_median,
        interval="bootstrap",
        note=f"from a histogram of {FINENESS} bins an octave: within 1.1 percent",
    )
