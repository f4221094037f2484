"""Metrics of predicted probabilities and scores, from sums over rows or from kept rows."""

import math
from functools import partial

import numpy as np
from scipy.special import ndtri
from sklearn.metrics import average_precision_score, roc_auc_score

from mlpkit.metrics.classification import BINARY, CLASSES, divided, mean
from mlpkit.plugin import Array, CellCounts, Metric, Predictions


def _probabilities(predictions: Predictions) -> Array:
    assert predictions.y_proba is not None
    return predictions.y_proba


def log_losses(predictions: Predictions) -> Array:
    """Minus the logarithm of the probability of the true class, shape (n,)."""
    p = _probabilities(predictions)
    eps = np.finfo(p.dtype).eps  # probabilities are clipped as in scikit-learn
    true = p.reshape(-1)[np.arange(len(p)) * p.shape[1] + predictions.y_true]
    return -np.log(np.clip(true, eps, 1 - eps).astype(np.float64))


def log_loss() -> Metric:
    """Mean of minus the natural logarithm of the probability of the true class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [0, 1], y_proba=[0.5, 0.5], metrics=log_loss())
    >>> round(report["log_loss"], 4)
    0.6931
    """
    return Metric(
        "log_loss",
        CLASSES,
        False,
        "probabilities",
        row_statistics=log_losses,
        ratio=mean,
        interval="normal",
    )


def squared_distances(predictions: Predictions) -> Array:
    """Squared distance between the probabilities and the true class, shape (n,)."""
    p = _probabilities(predictions)
    if p.shape[1] == 2:
        return np.square(p[:, 1] - predictions.y_true, dtype=np.float64)
    gaps = p.astype(np.float64)
    gaps[np.arange(len(p)), predictions.y_true] -= 1
    return np.einsum("ij,ij->i", gaps, gaps)


def brier_score() -> Metric:
    """Mean squared distance between the probabilities and the true class.

    As in scikit-learn's ``brier_score_loss``, it is computed for the positive class if there are
    two classes, and summed over the classes if there are more.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [0, 1], y_proba=[0.5, 0.5], metrics=brier_score())
    >>> report["brier_score"]
    0.25
    """
    return Metric(
        "brier_score",
        CLASSES,
        False,
        "probabilities",
        row_statistics=squared_distances,
        ratio=mean,
        interval="normal",
    )


def confidence_gaps(bins: int, predictions: Predictions) -> CellCounts:
    """Correctness (0 or 1) minus the highest probability, by bin of the highest probability.

    Bin k contains the probabilities in (k / bins, (k + 1) / bins].
    """
    p = _probabilities(predictions)
    highest = p.max(axis=1).astype(np.float64)
    codes = np.clip(np.ceil(highest * bins) - 1, 0, bins - 1).astype(np.intp)
    return CellCounts(codes, bins, (predictions.y_true == predictions.y_pred) - highest)


def _calibration_error(s: Array) -> Array:
    return np.abs(s[..., 1:]).sum(axis=-1) / s[..., 0]


def expected_calibration_error(bins: int = 15) -> Metric:
    """Mean absolute gap between the highest probability and the accuracy, over bins.

    The bins of the highest probability have equal width and are weighted by their rows: Guo et
    al., "On calibration of modern neural networks", 2017, equation 3.

    Parameters
    ----------
    bins : int, default=15
        Number of bins.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> metric = expected_calibration_error(bins=10)
    >>> report = evaluate(None, None, [0, 1], y_proba=[0.25, 0.75], metrics=metric)
    >>> report["expected_calibration_error"]
    0.25
    """
    return Metric(
        "expected_calibration_error",
        CLASSES,
        False,
        "probabilities",
        row_statistics=partial(confidence_gaps, bins),
        value=_calibration_error,
        interval="bootstrap",
        note=f"{bins} bins of equal width",
    )


def ranking_scores(predictions: Predictions) -> Array:
    """Probabilities or scores: (n,) for two classes, else (n, n_classes)."""
    scores = predictions.y_score if predictions.y_proba is None else predictions.y_proba
    assert scores is not None
    return scores[:, 1] if predictions.task == "binary" and scores.ndim == 2 else scores


def _placements(predictions: Predictions, w: Array | None) -> list[tuple[Array, Array]]:
    """Placement values and weights of the rows of both classes, negatives first.

    The placement value of a row is the weighted fraction of the other class with a lower score,
    where ties count half.
    """
    score, y_true = ranking_scores(predictions), predictions.y_true
    w = np.ones(len(y_true)) if w is None else w
    sides = [(score[y_true == c], w[y_true == c]) for c in (0, 1)]
    placements = []
    for (own, weight), (other, other_weight) in (sides, sides[::-1]):
        order = np.argsort(other)
        below = np.concatenate([[0.0], np.cumsum(other_weight[order])])
        first, last = (np.searchsorted(other[order], own, side) for side in ("left", "right"))
        placements.append(((below[first] + below[last]) / 2 / below[-1], weight))
    return placements


def _lacks_classes(predictions: Predictions) -> bool:
    n_classes = 2 if predictions.classes is None else len(predictions.classes)
    return len(np.unique(predictions.y_true)) < n_classes


def _exact_auc(predictions: Predictions, w: Array | None) -> float:
    if predictions.task == "binary":
        n_positive = int(np.count_nonzero(predictions.y_true))
        if not 0 < n_positive < len(predictions.y_true):
            return math.nan
        placement, weight = _placements(predictions, w)[1]
        return float(np.average(placement, weights=weight))
    if _lacks_classes(predictions):
        return math.nan
    return float(
        roc_auc_score(
            predictions.y_true,
            ranking_scores(predictions),
            sample_weight=w,
            multi_class="ovr",
            average="macro",
        )
    )


def delong(predictions: Predictions, w: Array | None, confidence: float) -> tuple[float, float]:
    """An interval for the area under the ROC curve of two classes, from placement values.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988, with the variance of a weighted mean.
    """
    if predictions.task != "binary" or len(np.unique(predictions.y_true)) < 2:
        return math.nan, math.nan
    auc, variance = 0.0, 0.0
    for placement, weight in _placements(predictions, w):
        auc, n = float(np.average(placement, weights=weight)), len(weight)
        if n < 2:
            return math.nan, math.nan
        squares = np.sum((weight * (placement - auc)) ** 2) / weight.sum() ** 2
        variance += float(squares) * n / (n - 1)
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    return max(auc - half, 0.0), min(auc + half, 1.0)


def roc_auc() -> Metric:
    """Area under the ROC curve.

    For more than two classes, the mean over one class against the rest. NaN for groups without
    one of the classes.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_proba = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9]
    >>> evaluate(None, None, y_true, y_proba=y_proba, metrics=roc_auc())["roc_auc"]
    0.75
    """
    return Metric(
        "roc_auc",
        CLASSES,
        True,
        "scores",
        exact=_exact_auc,
        interval=delong,
        note="exact, from kept scores; NaN where a class is absent",
    )


def _exact_precision(predictions: Predictions, w: Array | None) -> float:
    y_true, scores = predictions.y_true, ranking_scores(predictions)
    if predictions.task == "binary":
        if not 0 < np.count_nonzero(y_true) < len(y_true):
            return math.nan
        return _binary_precision(y_true, scores, w)
    if _lacks_classes(predictions):
        return math.nan
    return float(average_precision_score(y_true, scores, sample_weight=w))


def _binary_precision(y_true: Array, scores: Array, w: Array | None) -> float:
    """The average precision of two classes, which scikit-learn computes 20 times slower."""
    order = np.argsort(-scores)
    weight = np.ones(len(order)) if w is None else w[order]
    thresholds = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    positive = np.cumsum(weight * y_true[order])[thresholds]
    predicted = np.cumsum(weight)[thresholds]
    return float((np.diff(positive, prepend=0.0) * positive / predicted).sum() / positive[-1])


def average_precision() -> Metric:
    """Average precision: the sum over thresholds of the increase in recall times the precision.

    For more than two classes, the mean over classes. NaN for groups without one of the classes.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_proba = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9]
    >>> report = evaluate(None, None, y_true, y_proba=y_proba, metrics=average_precision())
    >>> round(report["average_precision"], 4)
    0.8333
    """
    return Metric(
        "average_precision",
        CLASSES,
        True,
        "scores",
        exact=_exact_precision,
        interval="jackknife",
        note="exact, from kept scores; NaN where a class is absent",
    )


def binned_scores(bins: int, predictions: Predictions) -> CellCounts:
    """Negatives, then positives, by bin of the probability of the positive class."""
    p = _probabilities(predictions)[:, 1].astype(np.float64)
    codes = np.clip((p * bins).astype(np.intp), 0, bins - 1)
    return CellCounts(codes + bins * predictions.y_true, 2 * bins)


def _descending(s: Array) -> tuple[Array, Array]:
    """Negatives and positives by bin, from the highest probability to the lowest."""
    negatives, positives = np.split(s[..., 1:], 2, axis=-1)
    return negatives[..., ::-1], positives[..., ::-1]


def _binned_auc(s: Array) -> Array:
    negatives, positives = _descending(s)
    above = np.cumsum(positives, axis=-1) - positives / 2
    total = negatives.sum(axis=-1) * positives.sum(axis=-1)
    return (negatives * above).sum(axis=-1) / total


def _binned_precision(s: Array) -> Array:
    negatives, positives = _descending(s)
    right = np.cumsum(positives, axis=-1)
    total = right + np.cumsum(negatives, axis=-1)
    return (divided(right, total) * positives).sum(axis=-1) / positives.sum(axis=-1)


def roc_auc_histogram(bins: int = 1000) -> Metric:
    """Area under the ROC curve of two classes, from a histogram of the probabilities.

    It keeps no rows. Probabilities in the same bin count as tied.

    Parameters
    ----------
    bins : int, default=1000
        Number of bins of equal width.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_proba = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9]
    >>> report = evaluate(None, None, y_true, y_proba=y_proba, metrics=roc_auc_histogram())
    >>> report["roc_auc_histogram"]
    0.75
    """
    return Metric(
        "roc_auc_histogram",
        BINARY,
        True,
        "probabilities",
        row_statistics=partial(binned_scores, bins),
        value=_binned_auc,
        interval="bootstrap",
        note=f"from a histogram of {bins} bins: scores in the same bin count as tied",
    )


def average_precision_histogram(bins: int = 1000) -> Metric:
    """Average precision of two classes, from a histogram of the probabilities.

    It keeps no rows. Probabilities in the same bin count as tied.

    Parameters
    ----------
    bins : int, default=1000
        Number of bins of equal width.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_proba = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9]
    >>> metric = average_precision_histogram()
    >>> report = evaluate(None, None, y_true, y_proba=y_proba, metrics=metric)
    >>> round(report["average_precision_histogram"], 4)
    0.8333
    """
    return Metric(
        "average_precision_histogram",
        BINARY,
        True,
        "probabilities",
        row_statistics=partial(binned_scores, bins),
        value=_binned_precision,
        interval="bootstrap",
        note=f"from a histogram of {bins} bins: scores in the same bin count as tied",
    )
