"""Encoding of targets for the network, and decoding of its outputs."""

from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import _check_partial_fit_first_call, unique_labels

from mlpkit.plugin import Array, Task


def first_call(estimator: Any, classes: Any) -> bool:
    """Whether this is the first call of `partial_fit`.

    Raises ValueError if the classes differ from those of the first call.
    """
    known: Any = getattr(estimator, "classes_", None)
    is_array = known is not None and type(classes) is np.ndarray
    if is_array and classes.dtype.kind == known.dtype.kind and np.array_equal(classes, known):
        return False  # skips the checks of scikit-learn, which are slower than a small step
    return _check_partial_fit_first_call(estimator, classes)  # type: ignore[no-any-return]


class ClassTargets:
    """Converts class labels or label sets to indicator columns and back.

    Binary targets have one column.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        Labels, or indicators of label sets.

    Examples
    --------
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
        """Create the targets from a fitted binarizer."""
        labels = cls.__new__(cls)
        labels.binarizer = binarizer
        return labels

    @property
    def classes(self) -> Array:
        """The class labels, sorted, shape (n_classes,)."""
        return self.binarizer.classes_  # type: ignore[no-any-return]

    @property
    def task(self) -> Task:
        """The task: "binary" (also for a single class), "multiclass" or "multilabel"."""
        kind = self.binarizer.y_type_
        if kind.startswith("multilabel"):
            return "multilabel"
        return "multiclass" if kind == "multiclass" else "binary"

    @property
    def loss(self) -> str:
        """The name of the log loss for the task."""
        return "log_loss" if self.task == "multiclass" else "binary_log_loss"

    def encode(self, y: Any) -> Array:
        """Encode labels as indicators, bool of shape (n, n_outputs)."""
        indices = self._class_indices(y)
        if indices is not None:
            columns = np.arange(len(self.classes)) if len(self.classes) > 2 else np.ones(1)
            return np.asarray(indices[:, None] == columns)
        return self.binarizer.transform(y).astype(bool)  # type: ignore[no-any-return]

    def _class_indices(self, y: Any) -> Array | None:
        """The index of each label among the classes, shape (n,).

        None unless y is an array of numbers or strings that are all in `classes`. Avoids the checks
        of scikit-learn, which take longer than a small step of `partial_fit`.
        """
        classes = self.classes
        comparable = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind == classes.dtype.kind
        if not comparable or y.dtype.kind not in "biuUf" or self.task == "multilabel":
            return None
        indices = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        return indices if np.array_equal(classes[indices], y) else None

    def check_same(self, y: Any) -> None:
        """Raise ValueError unless the labels in y are exactly those of `classes`."""
        y_labels = unique_labels(y)
        if set(y_labels) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the"
                f" previous call to fit. Previously got {self.classes}, `y` has {y_labels}"
            )

    def check_known(self, y: Any) -> None:
        """Raise ValueError if y has labels that are not in `classes`."""
        if self._class_indices(y) is not None:
            return
        y_labels = unique_labels(y)
        if len(np.setdiff1d(y_labels, self.classes, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes}. 'y' has {y_labels}."
            )

    def encode_known(self, y: Any) -> Array:
        """Encode labels; raise ValueError if y has labels that are not in `classes`."""
        if self.task == "multilabel":
            if np.ndim(y) != 2 or np.shape(y)[1] != len(self.classes):
                raise ValueError(
                    f"y must have the shape (n_samples, {len(self.classes)}) like y of the training"
                    f" data, got {np.shape(y)}."
                )
        else:
            self.check_known(y)
        return self.encode(y)

    def decode(self, p: Array) -> Array:
        """Decode activated outputs p of shape (n, n_outputs) to labels."""
        return self.binarizer.inverse_transform(p.ravel() if p.shape[1] == 1 else p)  # type: ignore[no-any-return]

    def score(self, y: Array, p: Array, w: Array | None) -> float:
        """Accuracy of activated outputs p for encoded targets y, with row weights w or None."""
        return float(accuracy_score(self.decode(y), self.decode(p), sample_weight=w))


class RealTargets:
    """Converts real-valued targets of one or several outputs to two dimensions and back.

    Parameters
    ----------
    loss : object
        Loss of the estimator; targets for "poisson" must not be negative.
    """

    task: Task = "regression"
    classes = None

    def __init__(self, loss: Any) -> None:
        self.loss = "poisson" if isinstance(loss, str) and loss == "poisson" else "squared_error"

    def encode(self, y: Array) -> Array:
        """Encode targets as an array of shape (n, n_outputs).

        Raises TypeError if y is not numeric, and ValueError if the loss does not support a value.
        """
        if y.dtype.kind not in "biuf":
            raise TypeError(
                f"y of a regressor must contain numbers, got dtype {y.dtype}. Convert strings"
                " of digits with y.astype(float), and dates to numbers of days or seconds. For"
                " class labels, use MLPClassifier."
            )
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                "loss='poisson' requires y >= 0, got a negative value. Try loss='squared_error'."
            )
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs = y.shape[1]
        return y

    def encode_known(self, y: Array) -> Array:
        """Encode targets; raise ValueError if the number of outputs differs from training."""
        n_outputs = self.n_outputs
        encoded = self.encode(y)
        if encoded.shape[1] != n_outputs:
            raise ValueError(
                f"y must have {n_outputs} outputs like y of the training data, got"
                f" {encoded.shape[1]}."
            )
        return encoded

    def decode(self, p: Array) -> Array:
        """Decode outputs to predictions, of shape (n,) if there is one output."""
        return p.ravel() if p.shape[1] == 1 else p

    def score(self, y: Array, p: Array, w: Array | None) -> float:
        """R2 of outputs p with row weights w or None; NaN if an output is not finite."""
        if not np.isfinite(p).all():
            return float("nan")
        return float(r2_score(self.decode(y), self.decode(p), sample_weight=w))


Targets: TypeAlias = ClassTargets | RealTargets
