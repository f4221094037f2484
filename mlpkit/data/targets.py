"""Targets as the network sees them: encoded for training, decoded from its outputs."""

from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import _check_partial_fit_first_call, unique_labels

from mlpkit.plugin import Array, Task


def first_call(estimator: Any, classes: Any) -> bool:
    """Whether it is the first `partial_fit`; ValueError for other classes than in that one."""
    known: Any = getattr(estimator, "classes_", None)
    plain = known is not None and type(classes) is np.ndarray
    if plain and classes.dtype.kind == known.dtype.kind and np.array_equal(classes, known):
        return False  # without checks that take longer than a small step
    return _check_partial_fit_first_call(estimator, classes)  # type: ignore[no-any-return]


class ClassTargets:
    """Classes or label sets <-> indicator columns, one for two classes.

    >>> labels = ClassTargets(np.array(["b", "a", "b"]))
    >>> labels.task, labels.encode(np.array(["a", "b"])).tolist()
    ('binary', [[False], [True]])
    >>> labels.decode(np.array([[0.9], [0.2]])).tolist()
    ['b', 'a']
    """

    def __init__(self, y: Any) -> None:
        self.binarizer = LabelBinarizer().fit(y)

    @classmethod
    def of(cls, binarizer: LabelBinarizer) -> Self:
        """The labels of a fitted binarizer."""
        labels = cls.__new__(cls)
        labels.binarizer = binarizer
        return labels

    @property
    def classes(self) -> Array:
        """The class labels, sorted, shape (n_classes,)."""
        return self.binarizer.classes_  # type: ignore[no-any-return]

    @property
    def task(self) -> Task:
        """Two classes (or one), more, or several labels a row."""
        kind = self.binarizer.y_type_
        if kind.startswith("multilabel"):
            return "multilabel"
        return "multiclass" if kind == "multiclass" else "binary"

    @property
    def loss(self) -> str:
        """The name of the log-loss that fits the task."""
        return "log_loss" if self.task == "multiclass" else "binary_log_loss"

    def encode(self, y: Any) -> Array:
        """Indicators, bool, shape (n, n_outputs)."""
        places = self._places(y)
        if places is not None:
            columns = np.arange(len(self.classes)) if len(self.classes) > 2 else np.ones(1)
            return np.asarray(places[:, None] == columns)
        return self.binarizer.transform(y).astype(bool)  # type: ignore[no-any-return]

    def _places(self, y: Any) -> Array | None:
        """The place of each label of y (n,) among the classes; None if they are not plain labels
        of the same kind, or not all known. In a stream scikit-learn's checks take longer than
        the step.
        """
        classes = self.classes
        plain = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind == classes.dtype.kind
        if not plain or y.dtype.kind not in "biuUf" or self.task == "multilabel":
            return None
        places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        return places if np.array_equal(classes[places], y) else None

    def check_same(self, y: Any) -> None:
        """ValueError unless y has exactly these classes."""
        seen = unique_labels(y)
        if set(seen) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the"
                f" previous call to fit. Previously got {self.classes}, `y` has {seen}"
            )

    def check_known(self, y: Any) -> None:
        """ValueError if y has others than these classes."""
        if self._places(y) is not None:
            return
        seen = unique_labels(y)
        if len(np.setdiff1d(seen, self.classes, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes}. 'y' has {seen}."
            )

    def encode_known(self, y: Any) -> Array:
        """As `encode`; ValueError for labels that training does not know."""
        if self.task == "multilabel":
            if np.ndim(y) != 2 or np.shape(y)[1] != len(self.classes):
                raise ValueError(f"y has the shape {np.shape(y)}, not (n, {len(self.classes)}).")
        else:
            self.check_known(y)
        return self.encode(y)

    def decode(self, p: Array) -> Array:
        """ClassTargets of activated outputs p, shape (n, n_outputs)."""
        return self.binarizer.inverse_transform(p.ravel() if p.shape[1] == 1 else p)  # type: ignore[no-any-return]

    def score(self, y: Array, p: Array, w: Array | None) -> float:
        """Accuracy of activated outputs p for encoded targets y."""
        return float(accuracy_score(self.decode(y), self.decode(p), sample_weight=w))


class RealTargets:
    """Real targets, one or several a row."""

    task: Task = "regression"
    classes = None

    def __init__(self, loss: Any) -> None:
        self.loss = "poisson" if isinstance(loss, str) and loss == "poisson" else "squared_error"

    def encode(self, y: Array) -> Array:
        """Targets of shape (n, n_outputs).

        Raises TypeError unless they are numbers, and ValueError if they do not fit the loss.
        """
        if y.dtype.kind not in "biuf":
            raise TypeError(
                f"y of a regressor must contain numbers, got dtype {y.dtype}. Convert numbers in"
                " strings with y.astype(float), dates to numbers of days or seconds; labels"
                " belong to MLPClassifier."
            )
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("loss='poisson' needs y >= 0; try loss='squared_error'.")
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs = y.shape[1]
        return y

    def encode_known(self, y: Array) -> Array:
        """As `encode`; ValueError for another number of outputs than in training."""
        n_outputs = self.n_outputs
        encoded = self.encode(y)
        if encoded.shape[1] != n_outputs:
            raise ValueError(f"y has {encoded.shape[1]} outputs, the training rows {n_outputs}.")
        return encoded

    def decode(self, p: Array) -> Array:
        """Predictions, shape (n,) for one output."""
        return p.ravel() if p.shape[1] == 1 else p

    def score(self, y: Array, p: Array, w: Array | None) -> float:
        """R2 of outputs p, NaN if they are not finite."""
        if not np.isfinite(p).all():
            return float("nan")
        return float(r2_score(self.decode(y), self.decode(p), sample_weight=w))


Targets: TypeAlias = ClassTargets | RealTargets
