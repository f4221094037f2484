"""`Predictions` for chunks of data, from an estimator or from plain predictions."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from mlpkit.metrics.predictions import codes_of
from mlpkit.plugin import Array, Dataset, PredictionKind, Predictions, Task


class Predictor:
    """Predictions of an estimator; the first chunk determines task and classes.

    If `estimator` is None, the predictions in each chunk are used. ``coverage`` is that of the
    predicted intervals.
    """

    def __init__(
        self,
        estimator: Any,
        first: Dataset,
        classes: Any,
        task: Task | None,
        coverage: float = 0.9,
    ) -> None:
        self.estimator, self.coverage = estimator, coverage
        if estimator is None and first.y_pred is None and first.y_proba is None:
            raise ValueError("evaluate needs a fitted estimator, y_pred or y_proba.")
        self.task = task or _task(estimator, first)
        self.classes: Array | None = None
        self.known_classes: Array | None = None  # those of the columns of probabilities
        if self.task in ("binary", "multiclass"):
            self.classes, self.known_classes = _classes(estimator, first, classes)
            self.task = "binary" if len(self.classes) <= 2 else "multiclass"
        elif self.task == "multilabel":
            self.classes = np.arange(_indicators(first.y).shape[1])
        self.available: set[PredictionKind] = {"labels"}
        if estimator is None:
            has_proba, has_score = first.y_proba is not None, first.y_score is not None
            has_interval = first.y_interval is not None
        else:
            has_proba = hasattr(estimator, "predict_proba")
            has_score = hasattr(estimator, "decision_function")
            has_interval = hasattr(estimator, "predict_interval")
        if has_proba:
            self.available |= {"scores", "probabilities"}
        if has_score and self.task != "regression":
            self.available.add("scores")
        if has_interval and self.task == "regression":
            self.available.add("intervals")

    def predictions(self, chunk: Dataset, needs: set[PredictionKind]) -> Predictions:
        """The predictions for a chunk; probabilities and scores only if metrics need them."""
        y_pred, y_proba, y_score = chunk.y_pred, chunk.y_proba, chunk.y_score
        if self.estimator is not None:
            use_proba = "probabilities" in needs or (
                "scores" in needs and "probabilities" in self.available
            )
            y_proba = self.estimator.predict_proba(chunk.X) if use_proba else None
            if "scores" in needs and y_proba is None:
                y_score = self.estimator.decision_function(chunk.X)
            y_pred = self.estimator.predict(chunk.X)
        n = len(np.asarray(chunk.y))
        for name, array in (("y_pred", y_pred), ("y_proba", y_proba), ("y_score", y_score)):
            if array is not None and not isinstance(array, list) and len(array) != n:
                raise ValueError(f"{name} must have as many rows as y, {n}, got {len(array)}.")
        if self.task == "regression":
            y_true, y_pred = _reals(chunk.y, "y"), _reals(y_pred, "y_pred")
            if y_true.shape != y_pred.shape:
                raise ValueError(
                    f"Predictions must have the shape of y, {y_true.shape}, got {y_pred.shape}."
                )
            intervals = self._intervals(chunk, y_true) if "intervals" in needs else None
            return Predictions(self.task, None, y_true, y_pred, y_interval=intervals)
        if self.task == "multilabel":
            y_proba = None if y_proba is None else _stacked(y_proba)
            y_pred = _indicators(_stacked(y_proba) > 0.5 if y_pred is None else y_pred)
            return Predictions(self.task, self.classes, _indicators(chunk.y), y_pred, y_proba)
        return self._classified(chunk.y, y_pred, y_proba, y_score)

    def _intervals(self, chunk: Dataset, y_true: Array) -> Array:
        """Lower and upper bounds, float64 (n, 2)."""
        if self.estimator is None:
            y_interval = chunk.y_interval
        else:
            y_interval = self.estimator.predict_interval(chunk.X, self.coverage)
        bounds = np.asarray(y_interval, dtype=np.float64)
        if bounds.shape != (len(y_true), 2) or y_true.shape[1] != 1:
            raise ValueError(
                f"Intervals must have the shape ({len(y_true)}, 2), for one target, got"
                f" {bounds.shape} for {y_true.shape[1]}."
            )
        return bounds

    def _classified(self, y: Any, y_pred: Any, y_proba: Any, y_score: Any) -> Predictions:
        assert self.classes is not None
        y_true = codes_of(column_or_1d(y), self.classes, "y")
        p = None if y_proba is None else self._aligned(np.asarray(y_proba))
        if y_pred is not None:
            codes = codes_of(column_or_1d(y_pred), self.classes, "y_pred")
        else:
            assert p is not None
            codes = (p[:, 1] > 0.5).astype(np.intp) if p.shape[1] == 2 else p.argmax(axis=1)
        score = None if y_score is None else np.asarray(y_score, dtype=np.float64)
        return Predictions(self.task, self.classes, y_true, codes, p, score)

    def _aligned(self, p: Array) -> Array:
        """Probabilities with a column for each class, 0 for those that the model does not have."""
        assert self.classes is not None and self.known_classes is not None
        known = self.known_classes
        if p.ndim == 1 or (p.shape[1] == 1 and len(known) == 2):
            p = np.column_stack([1 - p.ravel(), p.ravel()])
        if p.shape[1] != len(known):
            raise ValueError(
                f"y_proba must have a column for each of the {len(known)} classes"
                f" {known.tolist()[:20]}, got {p.shape[1]} columns. Pass all classes as"
                " classes=[...]."
            )
        if len(known) == len(self.classes):
            return p
        wide = np.zeros((len(p), max(len(self.classes), 2)), dtype=p.dtype)
        wide[:, np.searchsorted(self.classes, known)] = p
        return wide


def validated_weight(weight: Any) -> Array | None:
    """Sample weights as float64 (n,), finite and not negative."""
    if weight is None:
        return None
    array = np.asarray(weight, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"sample_weight must have shape (n_samples,), got {array.shape}.")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("sample_weight contains negative, infinite or missing values.")
    return array


def with_errors(chunk: Dataset, predictions: Predictions) -> Dataset:
    """The rows for partitioners, with the error of each prediction."""
    y_true, y_pred = predictions.y_true, predictions.y_pred
    if predictions.task == "regression":
        error = np.abs(y_true - y_pred).mean(axis=1)
    else:
        wrong = y_true != y_pred
        error = (wrong.any(axis=1) if wrong.ndim == 2 else wrong).astype(np.float64)
    y = np.asarray(chunk.y)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    return Dataset(chunk.X, y, labels=chunk.labels, error=error)


def _task(estimator: Any, first: Dataset) -> Task:
    """The task, from the estimator or else from targets and predictions."""
    kind = type_of_target(first.y)
    tagged = hasattr(estimator, "__sklearn_tags__")
    if kind == "multilabel-indicator" and not (tagged and is_regressor(estimator)):
        return "multilabel"
    if estimator is not None:
        if hasattr(estimator, "classes_") or (tagged and is_classifier(estimator)):
            return "multiclass"  # becomes "binary" for two classes
        return "regression"
    predicted = "binary" if first.y_pred is None else type_of_target(first.y_pred)
    discrete = ("binary", "multiclass")
    return "multiclass" if kind in discrete and predicted in discrete else "regression"


def _classes(estimator: Any, first: Dataset, classes: Any) -> tuple[Array, Array]:
    """All classes, and those that the model has probabilities for; both sorted."""
    y = np.unique(column_or_1d(first.y))
    known = getattr(estimator, "classes_", None)
    if estimator is not None and classes is None:
        if known is None:
            known = np.unique(np.concatenate([y, np.unique(estimator.predict(first.X))]))
        known = np.asarray(known)
        return np.union1d(known, y), known
    if classes is None:
        classes = y if first.y_pred is None else np.union1d(y, column_or_1d(first.y_pred))
        if first.y_proba is not None and np.ndim(first.y_proba) == 1 and len(classes) < 2:
            raise ValueError(
                f"y contains only the class {classes.tolist()}. Pass both classes as classes=[...]."
            )
    every = np.unique(np.asarray(classes))
    return every, every if known is None else np.asarray(known)


def _reals(values: Any, name: str) -> Array:
    """Numbers as float64 (n, n_outputs)."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must contain numbers for regression ({error}). Pass task='multiclass' if it"
            " contains classes."
        ) from error
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _indicators(values: Any) -> Array:
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return np.asarray(dense, dtype=bool)


def _stacked(y_proba: Any) -> Array:
    """Probabilities (n, n_labels), from an array or a list with (n, 2) for each label."""
    if isinstance(y_proba, list):
        return np.column_stack([p[:, 1] for p in y_proba])
    return np.asarray(y_proba)
