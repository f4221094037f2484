"""Random rows with weights and groups, and scikit-learn's metrics of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics as sk

NAN = np.nan


class Rows(NamedTuple):
    """Targets, predictions, probabilities, weights and groups."""

    y: Any
    label: Any
    p: Any
    w: Any
    groups: Any


def rows(task: str, n: int = 400, seed: int = 0, shift: float = 0.0) -> Rows:
    """Rows of a task with groups "a" to "d" of different sizes."""
    rng = np.random.default_rng(seed)
    groups = rng.choice(list("abcd"), n, p=[0.5, 0.3, 0.15, 0.05])
    w = rng.gamma(1.0, size=n) + 0.01
    if task == "regression":
        y = rng.gamma(2.0, size=n) + shift
        return Rows(y, y + rng.normal(size=n) * 0.3 + 0.1, None, w, groups)
    if task == "several":
        y = rng.gamma(2.0, size=(n, 3)) + shift
        return Rows(y, y + rng.normal(size=(n, 3)), None, w, groups)
    if task == "multilabel":
        y = rng.random((n, 3)) < 0.4
        p = np.clip(0.6 * y + 0.5 * rng.random((n, 3)), 0, 1)
        return Rows(y.astype(int), (p > 0.5).astype(int), p, w, groups)
    classes = np.array(["no", "yes"] if task == "binary" else ["x", "y", "z"])
    codes = rng.integers(len(classes), size=n)
    p = rng.dirichlet(np.ones(len(classes)), n) + 0.7 * np.eye(len(classes))[codes] * rng.random(
        (n, 1)
    )
    p /= p.sum(axis=1, keepdims=True)
    return Rows(classes[codes], classes[p.argmax(axis=1)], p, w, groups)


def _confusion(cell: int) -> Callable[..., float]:
    def count(y: Any, label: Any, p: Any, w: Any) -> float:
        cells = sk.confusion_matrix(y, label, labels=["no", "yes"], sample_weight=w)
        return float(cells.ravel()[cell])

    return count


def _ratio(numerator: int, *denominator: int) -> Callable[..., float]:
    def ratio(y: Any, label: Any, p: Any, w: Any) -> float:
        cells = sk.confusion_matrix(y, label, labels=["no", "yes"], sample_weight=w).ravel()
        return float(cells[numerator] / sum(cells[list(denominator)]))

    return ratio


def _labels(function: Any, **options: Any) -> Callable[..., float]:
    return lambda y, label, p, w: float(function(y, label, sample_weight=w, **options))


def _averaged(function: Any) -> dict[str, Callable[..., float]]:
    name = function.__name__.removesuffix("_score")
    return {
        f"{name}_{average}": _labels(function, average=average, zero_division=0)
        for average in ("macro", "micro", "weighted")
    }


def _calibration(y: Any, label: Any, p: Any, w: Any) -> float:
    top, right = p.max(axis=1), (y == label).astype(float)
    w = np.ones(len(y)) if w is None else w
    total = 0.0
    for k in range(15):
        inside = (top > k / 15) & (top <= (k + 1) / 15)
        if inside.any():
            gap = np.average(right[inside], weights=w[inside])
            gap -= np.average(top[inside], weights=w[inside])
            total += abs(gap) * w[inside].sum()
    return float(total / w.sum())


AVERAGED = {
    **_averaged(sk.precision_score),
    **_averaged(sk.recall_score),
    **_averaged(sk.f1_score),
}
CLASSES = {
    "accuracy": _labels(sk.accuracy_score),
    "balanced_accuracy": _labels(sk.balanced_accuracy_score),
    "hamming_loss": _labels(sk.hamming_loss),
    **AVERAGED,
    "expected_calibration_error": _calibration,
}
POSITIVE: dict[str, Any] = {"pos_label": "yes", "zero_division": NAN}
REFERENCES: dict[str, dict[str, Callable[..., float]]] = {
    "binary": {
        **CLASSES,
        "precision": _labels(sk.precision_score, **POSITIVE),
        "recall": _labels(sk.recall_score, **POSITIVE),
        "f1": _labels(sk.f1_score, **POSITIVE),
        "true_positive_rate": _ratio(3, 2, 3),
        "false_positive_rate": _ratio(1, 0, 1),
        "true_negative_rate": _ratio(0, 0, 1),
        "false_negative_rate": _ratio(2, 2, 3),
        "selection_rate": lambda y, label, p, w: float(np.average(label == "yes", weights=w)),
        "true_negatives": _confusion(0),
        "false_positives": _confusion(1),
        "false_negatives": _confusion(2),
        "true_positives": _confusion(3),
        "log_loss": lambda y, label, p, w: sk.log_loss(y, p, sample_weight=w),
        "brier_score": lambda y, label, p, w: sk.brier_score_loss(
            y, p[:, 1], sample_weight=w, pos_label="yes"
        ),
        "roc_auc": lambda y, label, p, w: sk.roc_auc_score(y, p[:, 1], sample_weight=w),
        "average_precision": lambda y, label, p, w: sk.average_precision_score(
            y, p[:, 1], sample_weight=w, pos_label="yes"
        ),
    },
    "multiclass": {
        **CLASSES,
        "log_loss": lambda y, label, p, w: sk.log_loss(y, p, sample_weight=w),
        "brier_score": lambda y, label, p, w: sk.brier_score_loss(y, p, sample_weight=w),
        "roc_auc": lambda y, label, p, w: sk.roc_auc_score(
            y, p, sample_weight=w, multi_class="ovr"
        ),
        "average_precision": lambda y, label, p, w: sk.average_precision_score(
            y, p, sample_weight=w
        ),
    },
    "multilabel": {
        "accuracy": _labels(sk.accuracy_score),
        "hamming_loss": _labels(sk.hamming_loss),
        **AVERAGED,
    },
    "several": {
        "r2": _labels(sk.r2_score),
        "explained_variance": _labels(sk.explained_variance_score),
        "mse": _labels(sk.mean_squared_error),
        "rmse": _labels(sk.root_mean_squared_error),
        "mae": _labels(sk.mean_absolute_error),
        "median_absolute_error": _labels(sk.median_absolute_error),
        "pinball_loss": _labels(sk.mean_pinball_loss),
        "mean_bias": lambda y, label, p, w: float(
            np.mean(np.average(label - y, axis=0, weights=w))
        ),
    },
}
REFERENCES["regression"] = {
    **REFERENCES["several"],
    "poisson_deviance": lambda y, label, p, w: sk.mean_poisson_deviance(
        y, np.abs(label) + 0.1, sample_weight=w
    ),
}


def reference(task: str, name: str, data: Rows, selection: Any, w: Any) -> float:
    """scikit-learn's value of a metric for the selected rows."""
    p = None if data.p is None else data.p[selection]
    w = None if w is None else w[selection]
    return float(REFERENCES[task][name](data.y[selection], data.label[selection], p, w))


HISTOGRAMS = {
    "roc_auc_histogram": "roc_auc",
    "average_precision_histogram": "average_precision",
    "median_absolute_error_histogram": "median_absolute_error",
}


def close(expected: float, actual: float, tolerance: float = 1e-12) -> None:
    """Assert equality within a tolerance; NaN equals NaN."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
