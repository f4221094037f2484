"""Chunks of data with an estimator, or with plain predictions, into `Scored` rows."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from mlpkit.metrics import predictions as scored
from mlpkit.plugin import Array, Dataset, PredictionKind, Predictions, Task


class Predictor:
    """What a model says of rows; task and classes are settled by the first chunk.

    ``estimator`` None takes the predictions that come with a chunk.
    """

    def __init__(self, estimator: Any, first: Dataset, classes: Any, task: Task | None) -> None:
        self.estimator = estimator
        if estimator is None and first.y_pred is None and first.y_proba is None:
            raise ValueError("evaluate needs a fitted estimator, or y_pred or y_proba.")
        self.task = task or _task(estimator, first)
        self.classes: Array | None = None
        self.known: Array | None = None  # the classes that probabilities are of
        if self.task in ("binary", "multiclass"):
            self.classes, self.known = _classes(estimator, first, classes)
            self.task = "binary" if len(self.classes) <= 2 else "multiclass"
        elif self.task == "multilabel":
            self.classes = np.arange(_indicators(first.y).shape[1])
        self.available: set[PredictionKind] = {"labels"}
        if estimator is None:
            there = first.y_proba is not None, first.y_score is not None
        else:
            there = hasattr(estimator, "predict_proba"), hasattr(estimator, "decision_function")
        if there[0]:
            self.available |= {"scores", "probabilities"}
        if there[1] and self.task != "regression":
            self.available.add("scores")

    def scored(self, chunk: Dataset, needs: set[PredictionKind]) -> Predictions:
        """Rows with predictions; probabilities and scores only where metrics need them."""
        label, p, score = chunk.y_pred, chunk.y_proba, chunk.y_score
        if self.estimator is not None:
            wants_p = "probabilities" in needs or (
                "scores" in needs and "probabilities" in self.available
            )
            p = self.estimator.predict_proba(chunk.X) if wants_p else None
            if "scores" in needs and p is None:
                score = self.estimator.decision_function(chunk.X)
            label = self.estimator.predict(chunk.X)
        n = len(np.asarray(chunk.y))
        for name, given in (("y_pred", label), ("y_proba", p), ("y_score", score)):
            if given is not None and not isinstance(given, list) and len(given) != n:
                raise ValueError(f"{name} has {len(given)} rows, y has {n}.")
        if self.task == "regression":
            y, label = _reals(chunk.y, "y"), _reals(label, "y_pred")
            if y.shape != label.shape:
                raise ValueError(f"y is {y.shape}, the predictions are {label.shape}.")
            return Predictions(self.task, None, y, label)
        if self.task == "multilabel":
            p = None if p is None else _stacked(p)
            said = _indicators(_stacked(p) > 0.5 if label is None else label)
            return Predictions(self.task, self.classes, _indicators(chunk.y), said, p)
        return self._classified(chunk.y, label, p, score)

    def _classified(self, y: Any, label: Any, p: Any, score: Any) -> Predictions:
        assert self.classes is not None
        codes = scored.codes_of(column_or_1d(y), self.classes, "y")
        p = None if p is None else self._aligned(np.asarray(p))
        if label is None:
            said = (p[:, 1] > 0.5).astype(np.intp) if p.shape[1] == 2 else p.argmax(axis=1)
        else:
            said = scored.codes_of(column_or_1d(label), self.classes, "y_pred")
        score = None if score is None else np.asarray(score, dtype=np.float64)
        return Predictions(self.task, self.classes, codes, said, p, score)

    def _aligned(self, p: Array) -> Array:
        """Probabilities with a column for each class, 0 for those that the model has not seen."""
        assert self.classes is not None and self.known is not None
        if p.ndim == 1 or (p.shape[1] == 1 and len(self.known) == 2):
            p = np.column_stack([1 - p.ravel(), p.ravel()])
        if p.shape[1] != len(self.known):
            raise ValueError(
                f"y_proba has {p.shape[1]} columns for {len(self.known)} classes"
                f" {self.known.tolist()[:20]}. Name all classes in classes=[...]."
            )
        if len(self.known) == len(self.classes):
            return p
        wide = np.zeros((len(p), max(len(self.classes), 2)), dtype=p.dtype)
        wide[:, np.searchsorted(self.classes, self.known)] = p
        return wide


def sample_of(chunk: Dataset, found: Predictions) -> Dataset:
    """The rows for partitioners."""
    if found.task == "regression":
        error = np.abs(found.y_true - found.y_pred).mean(axis=1)
    else:
        wrong = found.y_true != found.y_pred
        error = (wrong.any(axis=1) if wrong.ndim == 2 else wrong).astype(np.float64)
    y = np.asarray(chunk.y)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    return Dataset(chunk.X, y, labels=chunk.labels, error=error)


def _task(estimator: Any, first: Dataset) -> Task:
    """Classes or reals, from the estimator, or else from the targets and predictions."""
    kind = type_of_target(first.y)
    tagged = hasattr(estimator, "__sklearn_tags__")
    if kind == "multilabel-indicator" and not (tagged and is_regressor(estimator)):
        return "multilabel"
    if estimator is not None:
        if hasattr(estimator, "classes_") or (tagged and is_classifier(estimator)):
            return "multiclass"  # how many classes is told later
        return "regression"
    said = "binary" if first.y_pred is None else type_of_target(first.y_pred)
    discrete = ("binary", "multiclass")
    return "multiclass" if kind in discrete and said in discrete else "regression"


def _classes(estimator: Any, first: Dataset, classes: Any) -> tuple[Array, Array]:
    """All classes, and those that the model has probabilities for; both sorted."""
    y = np.unique(column_or_1d(first.y))
    if estimator is not None and classes is None:
        known = getattr(estimator, "classes_", None)
        if known is None:
            said = [y, np.unique(estimator.predict(first.X))]
            known = np.unique(np.concatenate(said))
        known = np.asarray(known)
        return np.union1d(known, y), known
    if classes is None:
        classes = y if first.y_pred is None else np.union1d(y, column_or_1d(first.y_pred))
        if first.y_proba is not None and np.ndim(first.y_proba) == 1 and len(classes) < 2:
            raise ValueError(f"y has the one class {classes.tolist()}: name both in classes=[...].")
    found = np.unique(np.asarray(classes))
    known = getattr(estimator, "classes_", None)
    return found, found if known is None else np.asarray(known)


def _reals(values: Any, name: str) -> Array:
    """Finite or not, float64 (n, n_outputs)."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not numbers ({error}): task='multiclass'?") from error
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _indicators(values: Any) -> Array:
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return np.asarray(dense, dtype=bool)


def _stacked(p: Any) -> Array:
    """Probabilities of each label, from an array or a list of one (n, 2) for each label."""
    if isinstance(p, list):
        return np.column_stack([each[:, 1] for each in p])
    return np.asarray(p)
