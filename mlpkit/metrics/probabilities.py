"""Metrics of predicted probabilities and scores: sums over rows, histograms, or kept rows."""

import math
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.metrics import average_precision_score, roc_auc_score

from mlpkit.metrics.classification import BINARY, CLASSES, divided, mean
from mlpkit.plugin import Array, CellCounts, Metric, Predictions


def _p(scored: Predictions) -> Array:
    assert scored.y_proba is not None
    return scored.y_proba


def surprises(scored: Predictions) -> Array:
    """Minus the logarithm of the probability of the true class, shape (n,)."""
    p = _p(scored)
    eps = np.finfo(p.dtype).eps  # as scikit-learn clips
    true = p.reshape(-1)[np.arange(len(p)) * p.shape[1] + scored.y_true]
    return -np.log(np.clip(true, eps, 1 - eps).astype(np.float64))  # type: ignore[no-any-return]


def log_loss() -> Metric:
    """The mean of minus the logarithm of the true class's probability (natural logarithm)."""
    return Metric(
        "log_loss",
        CLASSES,
        False,
        "probabilities",
        row_statistics=surprises,
        ratio=mean,
        interval="normal",
    )


def squared_gaps(scored: Predictions) -> Array:
    """Squared distance of the probabilities from the truth, shape (n,)."""
    p = _p(scored)
    if p.shape[1] == 2:
        return np.square(p[:, 1] - scored.y_true, dtype=np.float64)  # type: ignore[no-any-return]
    gaps = p.astype(np.float64)
    gaps[np.arange(len(p)), scored.y_true] -= 1
    return np.einsum("ij,ij->i", gaps, gaps)  # type: ignore[no-any-return]


def brier_score() -> Metric:
    """Mean squared distance of the probabilities from the truth: of the positive class for two
    classes, summed over the classes for more, as scikit-learn's ``brier_score_loss``.
    """
    return Metric(
        "brier_score",
        CLASSES,
        False,
        "probabilities",
        row_statistics=squared_gaps,
        ratio=mean,
        interval="normal",
    )


def confidence_gaps(bins: int, scored: Predictions) -> CellCounts:
    """By bin of the highest probability, (k / bins, (k + 1) / bins]: right minus probability."""
    p = _p(scored)
    top = p.max(axis=1).astype(np.float64)
    codes = np.clip(np.ceil(top * bins) - 1, 0, bins - 1).astype(np.intp)
    return CellCounts(codes, bins, (scored.y_true == scored.y_pred) - top)


def _calibration(s: Array) -> Array:
    return np.abs(s[..., 1:]).sum(axis=-1) / s[..., 0]  # type: ignore[no-any-return]


def expected_calibration_error(bins: int = 15) -> Metric:
    """Mean gap between the highest probability and accuracy, over bins of equal width.

    Guo et al., "On calibration of modern neural networks", 2017, equation 3.
    """
    return Metric(
        "expected_calibration_error",
        CLASSES,
        False,
        "probabilities",
        row_statistics=partial(confidence_gaps, bins),
        value=_calibration,
        interval="bootstrap",
        note=f"{bins} bins of equal width",
    )


def ranks(scored: Predictions) -> Array:
    """What to rank by: (n,) for two classes, probabilities (n, n_classes) for more."""
    given = scored.y_proba if scored.y_proba is not None else scored.y_score
    assert given is not None
    return given[:, 1] if scored.task == "binary" and given.ndim == 2 else given


def _placements(scored: Predictions, w: Array | None) -> list[tuple[Array, Array]]:
    """Of the rows of each of two classes, negatives first: the fraction of the other class that
    scores lower, ties counting half, and the weights.
    """
    score, w = ranks(scored), np.ones(len(scored.y_true)) if w is None else w
    sides = [(score[scored.y_true == c], w[scored.y_true == c]) for c in (0, 1)]
    found = []
    for (own, weight), (other, other_weight) in (sides, sides[::-1]):
        order = np.argsort(other)
        below = np.concatenate([[0.0], np.cumsum(other_weight[order])])
        first, last = (np.searchsorted(other[order], own, side) for side in ("left", "right"))
        found.append(((below[first] + below[last]) / 2 / below[-1], weight))
    return found


def _auc(scored: Predictions, w: Array | None) -> float:
    if scored.task == "binary":
        n_positive = int(np.count_nonzero(scored.y_true))
        if not 0 < n_positive < len(scored.y_true):
            return math.nan
        fraction, weight = _placements(scored, w)[1]
        return float(np.average(fraction, weights=weight))
    if len(np.unique(scored.y_true)) < (2 if scored.classes is None else len(scored.classes)):
        return math.nan
    return float(
        roc_auc_score(
            scored.y_true, ranks(scored), sample_weight=w, multi_class="ovr", average="macro"
        )
    )


def delong(scored: Predictions, w: Array | None, confidence: float) -> tuple[float, float]:
    """An interval for the area under the ROC curve of two classes, from the variance of ranks.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves", 1988; weights as in sums of weighted rows.
    """
    if scored.task != "binary" or len(np.unique(scored.y_true)) < 2:
        return math.nan, math.nan
    auc, variance = 0.0, 0.0
    for fraction, weight in _placements(scored, w):
        auc, n = float(np.average(fraction, weights=weight)), len(weight)
        if n < 2:
            return math.nan, math.nan
        spread = np.sum((weight * (fraction - auc)) ** 2) / weight.sum() ** 2
        variance += float(spread) * n / (n - 1)
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    return max(auc - half, 0.0), min(auc + half, 1.0)


def roc_auc() -> Metric:
    """Area under the ROC curve; the mean of one class against the rest for more than two."""
    return Metric(
        "roc_auc",
        CLASSES,
        True,
        "scores",
        exact=_auc,
        interval=delong,
        note="exact, from kept scores; NaN where a class is absent",
    )


def _precision(scored: Predictions, w: Array | None) -> float:
    if len(np.unique(scored.y_true)) < (2 if scored.classes is None else len(scored.classes)):
        return math.nan
    return float(average_precision_score(scored.y_true, ranks(scored), sample_weight=w))


def average_precision() -> Metric:
    """Mean precision over the steps of recall; the mean over classes for more than two."""
    return Metric(
        "average_precision",
        CLASSES,
        True,
        "scores",
        exact=_precision,
        interval="jackknife",
        note="exact, from kept scores; NaN where a class is absent",
    )


def binned_scores(bins: int, scored: Predictions) -> CellCounts:
    """Negatives and positives by bin of the positive class's probability."""
    p = _p(scored)[:, 1].astype(np.float64)
    codes = np.clip((p * bins).astype(np.intp), 0, bins - 1)
    return CellCounts(codes + bins * scored.y_true, 2 * bins)


def _descending(s: Array) -> tuple[Array, Array]:
    """Negatives and positives by bin, from the highest probability down."""
    negatives, positives = np.split(s[..., 1:], 2, axis=-1)
    return negatives[..., ::-1], positives[..., ::-1]


def _binned_auc(s: Array) -> Array:
    negatives, positives = _descending(s)
    above = np.cumsum(positives, axis=-1) - positives / 2
    total = negatives.sum(axis=-1) * positives.sum(axis=-1)
    return (negatives * above).sum(axis=-1) / total  # type: ignore[no-any-return]


def _binned_precision(s: Array) -> Array:
    negatives, positives = _descending(s)
    right = np.cumsum(positives, axis=-1)
    total = right + np.cumsum(negatives, axis=-1)
    return (divided(right, total) * positives).sum(axis=-1) / positives.sum(axis=-1)  # type: ignore[no-any-return]


def _binned(name: str, value: Any, bins: int = 1000) -> Metric:
    return Metric(
        name,
        BINARY,
        True,
        "probabilities",
        row_statistics=partial(binned_scores, bins),
        value=value,
        interval="bootstrap",
        note=f"from a histogram of {bins} bins: scores within a bin count as tied",
    )


roc_auc_histogram = partial(_binned, "roc_auc_histogram", _binned_auc)
average_precision_histogram = partial(_binned, "average_precision_histogram", _binned_precision)
