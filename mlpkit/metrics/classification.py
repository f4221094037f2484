"""Metrics of predicted classes, computed from sums over rows.

Formulas and conventions are those of `sklearn.metrics`. A fraction whose denominator is 0, such as
the recall of a group without positives, is NaN (``zero_division=np.nan`` in scikit-learn); an
average over classes counts it as 0, as scikit-learn does by default.
"""

import math
from functools import partial
from typing import Any, Literal

import numpy as np

from mlpkit.messages import plain_repr
from mlpkit.metrics.intervals import wilson
from mlpkit.plugin import Array, CellCounts, Metric, Predictions, Task

Average = Literal["binary", "macro", "micro", "weighted"]
Fraction = Literal["precision", "recall", "f1"]
BINARY: tuple[Task, ...] = ("binary",)
CLASSES: tuple[Task, ...] = ("binary", "multiclass")
LABELS: tuple[Task, ...] = ("binary", "multiclass", "multilabel")
TN, FP, FN, TP = 1, 2, 3, 4  # indices in the sums of `outcomes`
MAX_CONFUSION = 16  # classes; with more of them, a confusion matrix would be too large


def correct(predictions: Predictions) -> Array:
    """1 where all labels of a row are predicted correctly, else 0; shape (n,)."""
    equal = predictions.y_true == predictions.y_pred
    rows: Array = equal.all(axis=1) if equal.ndim == 2 else equal
    return rows.astype(np.float64)


def wrong_labels(predictions: Predictions) -> Array:
    """The fraction of wrong labels of each row, shape (n,)."""
    wrong: Array = predictions.y_true != predictions.y_pred
    return wrong.mean(axis=1) if wrong.ndim == 2 else wrong.astype(np.float64)


def mean(s: Array) -> tuple[Array, Array]:
    """The weighted mean of one row statistic, as a ratio."""
    return s[..., 1], s[..., 0]


def divided(above: Array, below: Array) -> Array:
    """above / below; 0 where the denominator is 0."""
    return np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)


def accuracy() -> Metric:
    """Fraction of correct predictions.

    For multilabel targets, a prediction is correct if all labels of the row are.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 1, 1, 1], [0, 1, 0, 1]
    >>> evaluate(None, None, y_true, y_pred=y_pred, metrics=accuracy())["accuracy"]
    0.75
    """
    return Metric("accuracy", LABELS, True, row_statistics=correct, ratio=mean, interval="wilson")


def hamming_loss() -> Metric:
    """Fraction of wrong labels.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = np.array([[0, 1], [1, 1]]), np.array([[0, 1], [0, 1]])
    >>> evaluate(None, None, y_true, y_pred=y_pred, metrics=hamming_loss())["hamming_loss"]
    0.25
    """
    return Metric(
        "hamming_loss", LABELS, False, row_statistics=wrong_labels, ratio=mean, interval="normal"
    )


def outcomes(predictions: Predictions, pos_label: Any = None) -> CellCounts:
    """One cell each for true negatives, false positives, false negatives and true positives."""
    code = _positive_code(predictions, pos_label)
    return CellCounts(2 * (predictions.y_true == code) + (predictions.y_pred == code), 4)


def _positive_code(predictions: Predictions, pos_label: Any) -> int:
    """The code of the positive class, by default the second one."""
    assert predictions.classes is not None
    if pos_label is None:
        return 1
    codes = np.flatnonzero(predictions.classes == pos_label)
    if not len(codes):
        raise ValueError(
            f"pos_label must be one of the classes {predictions.classes.tolist()}, got"
            f" {plain_repr(pos_label)}."
        )
    return int(codes[0])


def _fraction(above: tuple[int, ...], below: tuple[int, ...], s: Array) -> tuple[Array, Array]:
    return s[..., above].sum(axis=-1), s[..., below].sum(axis=-1)


def _of_outcomes(
    name: str,
    higher_is_better: bool | None,
    above: tuple[int, ...],
    below: tuple[int, ...],
    pos_label: Any = None,
    interval: str = "wilson",
) -> Metric:
    """A ratio of counts of outcomes."""
    return Metric(
        name,
        BINARY,
        higher_is_better,
        row_statistics=_outcomes_of(pos_label),
        ratio=partial(_fraction, above, below),
        interval=interval,
    )


def _outcomes_of(pos_label: Any) -> Any:
    """The same function for the default label, so that metrics share their sums."""
    return outcomes if pos_label is None else partial(outcomes, pos_label=pos_label)


def selection_rate(pos_label: Any = None) -> Metric:
    """Fraction of rows that are predicted positive.

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 1, 1, 1], [0, 1, 0, 0]
    >>> evaluate(None, None, y_true, y_pred=y_pred, metrics=selection_rate())["selection_rate"]
    0.25
    """
    return _of_outcomes("selection_rate", None, (FP, TP), (TN, FP, FN, TP), pos_label)


def true_positive_rate(pos_label: Any = None) -> Metric:
    """Fraction of the positives that are predicted positive, also called recall.

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 1, 1, 1, 1], [0, 1, 0, 0, 0]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=true_positive_rate())
    >>> report["true_positive_rate"]
    0.25
    """
    return _of_outcomes("true_positive_rate", True, (TP,), (TP, FN), pos_label)


def false_positive_rate(pos_label: Any = None) -> Metric:
    """Fraction of the negatives that are predicted positive.

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 0, 0, 0, 1], [0, 1, 0, 0, 1]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=false_positive_rate())
    >>> report["false_positive_rate"]
    0.25
    """
    return _of_outcomes("false_positive_rate", False, (FP,), (FP, TN), pos_label)


def true_negative_rate(pos_label: Any = None) -> Metric:
    """Fraction of the negatives that are predicted negative, also called specificity.

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 0, 0, 0, 1], [0, 1, 0, 0, 1]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=true_negative_rate())
    >>> report["true_negative_rate"]
    0.75
    """
    return _of_outcomes("true_negative_rate", True, (TN,), (FP, TN), pos_label)


def false_negative_rate(pos_label: Any = None) -> Metric:
    """Fraction of the positives that are predicted negative.

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 1, 1, 1, 1], [0, 1, 0, 0, 0]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=false_negative_rate())
    >>> report["false_negative_rate"]
    0.75
    """
    return _of_outcomes("false_negative_rate", False, (FN,), (TP, FN), pos_label)


def _sum(index: int, s: Array) -> Array:
    return s[..., index]


def _count(name: str, index: int, pos_label: Any = None) -> Metric:
    """The summed weight of the rows with one outcome."""
    return Metric(
        name,
        BINARY,
        None,
        row_statistics=_outcomes_of(pos_label),
        value=partial(_sum, index),
        interval="bootstrap",
    )


# factories with the option pos_label
true_negatives = partial(_count, "true_negatives", TN)
false_positives = partial(_count, "false_positives", FP)
false_negatives = partial(_count, "false_negatives", FN)
true_positives = partial(_count, "true_positives", TP)


def label_counts(predictions: Predictions) -> Array | CellCounts:
    """The confusion matrix, or counts by class if there are many classes or several labels.

    The counts by class are correct predictions, rows, predictions, and rows to which the class
    applies. Their width is 3 mod 4, unlike that of any confusion matrix.
    """
    y_true, y_pred = predictions.y_true, predictions.y_pred
    if y_true.ndim == 2:
        counts = np.concatenate([y_true & y_pred, y_true, y_pred, np.ones_like(y_true)], axis=1)
        return np.pad(counts.astype(np.float64), ((0, 0), (0, 3)))
    assert predictions.classes is not None
    k = len(predictions.classes)
    if k <= MAX_CONFUSION:
        return CellCounts(k * y_true + y_pred, k**2)
    right = y_true == y_pred
    codes = [np.where(right, y_true, -1), k + y_true, 2 * k + y_pred, 3 * k + y_true]
    return CellCounts(np.stack([*codes, np.where(right, -1, 3 * k + y_pred)], axis=1), 4 * k + 3)


def _counts(s: Array) -> tuple[Array, Array, Array, Array]:
    """Correct, true and predicted rows of each class (..., n_classes), and if it is present."""
    width = s.shape[-1] - 1
    if width % 4 == 3:
        right, true, predicted, applies = np.split(s[..., 1:-3], 4, axis=-1)
        return right, true, predicted, applies > 0
    matrix = s[..., 1:].reshape(*s.shape[:-1], math.isqrt(width), -1)
    true, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return matrix.diagonal(axis1=-2, axis2=-1), true, predicted, true + predicted > 0


def _by_class(fraction: Fraction, s: Array) -> tuple[Array, Array, Array, Array]:
    """Numerator and denominator by class, rows of the class, and whether it is present."""
    right, true, predicted, present = _counts(s)
    below = {"precision": predicted, "recall": true, "f1": (true + predicted) / 2}[fraction]
    return right, below, true, present


def _micro(fraction: Fraction, s: Array) -> tuple[Array, Array]:
    above, below, _, _ = _by_class(fraction, s)
    return above.sum(axis=-1), below.sum(axis=-1)


def _over_classes(fraction: Fraction, weighted: bool, s: Array) -> Array:
    above, below, true, present = _by_class(fraction, s)
    weight = true if weighted else present
    return divided((divided(above, below) * weight).sum(axis=-1), weight.sum(axis=-1))


def _averaged(fraction: Fraction, average: Average) -> Metric:
    """Precision, recall or F1, averaged over all classes."""
    name = f"{fraction}_{average}"
    if average == "micro":
        ratio = partial(_micro, fraction)
        return Metric(
            name, LABELS, True, row_statistics=label_counts, ratio=ratio, interval="normal"
        )
    value = partial(_over_classes, fraction, average == "weighted")
    return Metric(
        name, LABELS, True, row_statistics=label_counts, value=value, interval="bootstrap"
    )


def precision(pos_label: Any = None) -> Metric:
    """Fraction of correct predictions among those of the positive class: TP / (TP + FP).

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 0, 1, 1], [0, 1, 0, 1]
    >>> evaluate(None, None, y_true, y_pred=y_pred, metrics=precision())["precision"]
    0.5
    """
    return _of_outcomes("precision", True, (TP,), (TP, FP), pos_label)


def recall(pos_label: Any = None) -> Metric:
    """Fraction of the positives that are predicted positive: TP / (TP + FN).

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = ["no", "yes", "yes", "yes"], ["no", "yes", "no", "no"]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=recall(pos_label="no"))
    >>> report["recall"]
    1.0
    """
    return _of_outcomes("recall", True, (TP,), (TP, FN), pos_label)


def f1(pos_label: Any = None) -> Metric:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Parameters
    ----------
    pos_label : object, default=None
        The positive class; None is the second class.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 0, 1, 1], [0, 1, 0, 1]
    >>> evaluate(None, None, y_true, y_pred=y_pred, metrics=f1())["f1"]
    0.5
    """
    return _of_outcomes("f1", True, (TP, TP), (TP, TP, FP, FN), pos_label, "normal")


# averages over classes: the unweighted mean, from the summed counts, weighted by class size
precision_macro, precision_micro, precision_weighted = (
    partial(_averaged, "precision", average) for average in ("macro", "micro", "weighted")
)
recall_macro, recall_micro, recall_weighted = (
    partial(_averaged, "recall", average) for average in ("macro", "micro", "weighted")
)
f1_macro, f1_micro, f1_weighted = (
    partial(_averaged, "f1", average) for average in ("macro", "micro", "weighted")
)


def _mean_recall(s: Array) -> Array:
    right, true, _, _ = _counts(s)
    return divided(divided(right, true).sum(axis=-1), (true > 0).sum(axis=-1))


def mean_recall_interval(s: Array, confidence: float) -> tuple[Array, Array]:
    """The interval of a mean of recalls, from Wilson's interval of each of them.

    The squared distances between a recall and the ends of its interval are added, as in Zou and
    Donner, "Construction of confidence limits about effect measures", 2008.
    """
    right, true, _, _ = _counts(s)
    recalls, n_classes = divided(right, true), (true > 0).sum(axis=-1)
    with np.errstate(all="ignore"):
        middle = recalls.sum(axis=-1) / n_classes
        ends = []
        for sign, end in zip((-1, 1), wilson(right, true, confidence), strict=True):
            gaps = np.where(true > 0, end - recalls, 0.0)
            ends.append(middle + sign * np.sqrt(np.square(gaps).sum(axis=-1)) / n_classes)
    return ends[0], ends[1]


def balanced_accuracy() -> Metric:
    """Mean recall of the classes that a group has.

    Returns
    -------
    Metric

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_true, y_pred = [0, 0, 0, 1], [0, 0, 0, 0]
    >>> report = evaluate(None, None, y_true, y_pred=y_pred, metrics=balanced_accuracy())
    >>> report["balanced_accuracy"]
    0.5
    """
    return Metric(
        "balanced_accuracy",
        CLASSES,
        True,
        row_statistics=label_counts,
        value=_mean_recall,
        interval=mean_recall_interval,
    )
