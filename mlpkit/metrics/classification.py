"""Metrics of predicted classes and probabilities, as sums over rows.

Formulas and conventions are those of `sklearn.metrics`. A fraction of nothing, such as the
recall of a group without positives, is NaN (scikit-learn's ``zero_division=np.nan``); an
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
Part = Literal["precision", "recall", "f1"]
BINARY: tuple[Task, ...] = ("binary",)
CLASSES: tuple[Task, ...] = ("binary", "multiclass")
LABELS: tuple[Task, ...] = ("binary", "multiclass", "multilabel")
TN, FP, FN, TP = 1, 2, 3, 4  # places in the sums of `outcomes`
FEW = 16  # classes whose confusion matrix is kept


def hits(scored: Predictions) -> Array:
    """1 where the prediction is right, in all labels; shape (n,)."""
    same = scored.y_true == scored.y_pred
    right: Array = same.all(axis=1) if same.ndim == 2 else same
    return right.astype(np.float64)


def wrong_labels(scored: Predictions) -> Array:
    """The fraction of labels that are wrong, shape (n,)."""
    wrong: Array = scored.y_true != scored.y_pred
    return wrong.mean(axis=1) if wrong.ndim == 2 else wrong.astype(np.float64)


def mean(s: Array) -> tuple[Array, Array]:
    """The one term, over the weight."""
    return s[..., 1], s[..., 0]


def divided(above: Array, below: Array) -> Array:
    """above / below; 0 where there is nothing below."""
    return np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)


def accuracy() -> Metric:
    """The fraction of right predictions; of rows with all labels right for multilabel."""
    return Metric("accuracy", LABELS, True, row_statistics=hits, ratio=mean, interval="wilson")


def hamming_loss() -> Metric:
    """The fraction of wrong labels."""
    return Metric(
        "hamming_loss", LABELS, False, row_statistics=wrong_labels, ratio=mean, interval="normal"
    )


def outcomes(scored: Predictions, pos_label: Any = None) -> CellCounts:
    """True negatives, false positives, false negatives, true positives: one cell each."""
    positive = _positive(scored, pos_label)
    return CellCounts(2 * (scored.y_true == positive) + (scored.y_pred == positive), 4)


def _positive(scored: Predictions, pos_label: Any) -> int:
    """The code of the positive class: the last one, unless it is named."""
    assert scored.classes is not None
    if pos_label is None:
        return 1
    found = np.flatnonzero(scored.classes == pos_label)
    if not len(found):
        raise ValueError(
            f"pos_label={plain_repr(pos_label)} is not one of the classes"
            f" {scored.classes.tolist()}."
        )
    return int(found[0])


def _fraction(above: tuple[int, ...], below: tuple[int, ...], s: Array) -> tuple[Array, Array]:
    return s[..., above].sum(axis=-1), s[..., below].sum(axis=-1)


def _outcome(
    name: str,
    better: bool | None,
    above: tuple[int, ...],
    below: tuple[int, ...],
    pos_label: Any = None,
    interval: str = "wilson",
) -> Metric:
    terms = outcomes if pos_label is None else partial(outcomes, pos_label=pos_label)
    ratio = partial(_fraction, above, below)
    return Metric(name, BINARY, better, row_statistics=terms, ratio=ratio, interval=interval)


def selection_rate(pos_label: Any = None) -> Metric:
    """The fraction of rows that are predicted positive."""
    return _outcome("selection_rate", None, (FP, TP), (TN, FP, FN, TP), pos_label)


def true_positive_rate(pos_label: Any = None) -> Metric:
    """The fraction of positives that are predicted positive: recall."""
    return _outcome("true_positive_rate", True, (TP,), (TP, FN), pos_label)


def false_positive_rate(pos_label: Any = None) -> Metric:
    """The fraction of negatives that are predicted positive."""
    return _outcome("false_positive_rate", False, (FP,), (FP, TN), pos_label)


def true_negative_rate(pos_label: Any = None) -> Metric:
    """The fraction of negatives that are predicted negative: specificity."""
    return _outcome("true_negative_rate", True, (TN,), (FP, TN), pos_label)


def false_negative_rate(pos_label: Any = None) -> Metric:
    """The fraction of positives that are predicted negative."""
    return _outcome("false_negative_rate", False, (FN,), (TP, FN), pos_label)


def _cell(cell: int, s: Array) -> Array:
    return s[..., cell]


def _count(name: str, cell: int, pos_label: Any = None) -> Metric:
    terms = outcomes if pos_label is None else partial(outcomes, pos_label=pos_label)
    value = partial(_cell, cell)
    return Metric(name, BINARY, None, row_statistics=terms, value=value, interval="bootstrap")


true_negatives = partial(_count, "true_negatives", TN)
false_positives = partial(_count, "false_positives", FP)
false_negatives = partial(_count, "false_negatives", FN)
true_positives = partial(_count, "true_positives", TP)


def label_counts(scored: Predictions) -> Array | CellCounts:
    """The confusion matrix of few classes. For more, or for labels, by class: right predictions,
    rows, predictions, and rows to which it applies; a width of 3 mod 4, which no square has.
    """
    y, label = scored.y_true, scored.y_pred
    if y.ndim == 2:
        counts = np.concatenate([y & label, y, label, np.ones_like(y)], axis=1)
        return np.pad(counts.astype(np.float64), ((0, 0), (0, 3)))
    assert scored.classes is not None
    k = len(scored.classes)
    if k <= FEW:
        return CellCounts(k * y + label, k**2)
    right = y == label
    codes = [np.where(right, y, -1), k + y, 2 * k + label, 3 * k + y]
    return CellCounts(np.stack([*codes, np.where(right, -1, 3 * k + label)], axis=1), 4 * k + 3)


def _counts(s: Array) -> tuple[Array, Array, Array, Array]:
    """Of each class (..., n_classes): right, true, predicted, whether it is present."""
    width = s.shape[-1] - 1
    if width % 4 == 3:
        right, true, predicted, applies = np.split(s[..., 1:-3], 4, axis=-1)
        return right, true, predicted, applies > 0
    matrix = s[..., 1:].reshape(*s.shape[:-1], math.isqrt(width), -1)
    true, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return matrix.diagonal(axis1=-2, axis2=-1), true, predicted, true + predicted > 0


def _parts(part: Part, s: Array) -> tuple[Array, Array, Array, Array]:
    """Numerator and denominator by class, rows of the class, whether it is present."""
    right, true, predicted, present = _counts(s)
    below = {"precision": predicted, "recall": true, "f1": (true + predicted) / 2}[part]
    return right, below, true, present


def _micro(part: Part, s: Array) -> tuple[Array, Array]:
    above, below, _, _ = _parts(part, s)
    return above.sum(axis=-1), below.sum(axis=-1)


def _over_classes(part: Part, weighted: bool, s: Array) -> Array:
    above, below, true, present = _parts(part, s)
    weight = true if weighted else present
    return divided((divided(above, below) * weight).sum(axis=-1), weight.sum(axis=-1))


BINARY_PARTS: dict[Part, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "precision": ((TP,), (TP, FP)),
    "recall": ((TP,), (TP, FN)),
    "f1": ((TP, TP), (TP, TP, FP, FN)),
}


def _part(part: Part, average: Average = "binary", pos_label: Any = None) -> Metric:
    """Precision, recall or F1, of the positive class or averaged over classes."""
    if average == "binary":
        interval = "normal" if part == "f1" else "wilson"
        return _outcome(part, True, *BINARY_PARTS[part], pos_label, interval)
    name = f"{part}_{average}"
    if pos_label is not None:
        raise ValueError(f"{name} is over all classes: leave pos_label away.")
    if average == "micro":
        ratio = partial(_micro, part)
        return Metric(
            name, LABELS, True, row_statistics=label_counts, ratio=ratio, interval="normal"
        )
    if average not in ("macro", "weighted"):
        raise ValueError(f"average={average!r}; possible: binary, macro, micro, weighted.")
    value = partial(_over_classes, part, average == "weighted")
    return Metric(
        name, LABELS, True, row_statistics=label_counts, value=value, interval="bootstrap"
    )


precision = partial(_part, "precision")
recall = partial(_part, "recall")
f1 = partial(_part, "f1")
precision_macro, precision_micro, precision_weighted = (
    partial(_part, "precision", average) for average in ("macro", "micro", "weighted")
)
recall_macro, recall_micro, recall_weighted = (
    partial(_part, "recall", average) for average in ("macro", "micro", "weighted")
)
f1_macro, f1_micro, f1_weighted = (
    partial(_part, "f1", average) for average in ("macro", "micro", "weighted")
)


def _balanced(s: Array) -> Array:
    right, true, _, _ = _counts(s)
    return divided(divided(right, true).sum(axis=-1), (true > 0).sum(axis=-1))


def _balanced_interval(s: Array, confidence: float) -> tuple[Array, Array]:
    """From Wilson's interval of each recall: the squares of the distances of the ends add up.

    Zou and Donner, "Construction of confidence limits about effect measures", 2008.
    """
    right, true, _, _ = _counts(s)
    recall, n_classes = divided(right, true), (true > 0).sum(axis=-1)
    with np.errstate(all="ignore"):
        middle = recall.sum(axis=-1) / n_classes
        ends = []
        for sign, end in zip((-1, 1), wilson(right, true, confidence), strict=True):
            gaps = np.where(true > 0, end - recall, 0.0)
            ends.append(middle + sign * np.sqrt(np.square(gaps).sum(axis=-1)) / n_classes)
    return ends[0], ends[1]


def balanced_accuracy() -> Metric:
    """The mean recall of the classes that a group has."""
    return Metric(
        "balanced_accuracy",
        CLASSES,
        True,
        row_statistics=label_counts,
        value=_balanced,
        interval=_balanced_interval,
    )
