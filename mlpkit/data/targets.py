"""Encoding of targets for the network, and decoding of its outputs."""

from collections.abc import Sequence
from copy import copy
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import _check_partial_fit_first_call, unique_labels

from mlpkit.backend_kit import ascending, central
from mlpkit.data.label_types import unknown_labels
from mlpkit.data.scores import accuracy, r2
from mlpkit.data.target_scale import TargetRange, TargetScale
from mlpkit.objectives.quantiles import interpolated
from mlpkit.plugin import Array, Loss, Task


def first_call(estimator: Any, classes: Any) -> bool:
    """Whether this is the first call of `partial_fit`.

    Raises ValueError if the classes differ from those of the first call.
    """
    known: Any = getattr(estimator, "classes_", None)
    if known is not None and classes is None:
        return False
    is_array = known is not None and type(classes) is np.ndarray
    if is_array and classes.dtype.kind == known.dtype.kind and np.array_equal(classes, known):
        return False  # skips the checks of scikit-learn, which are slower than a small step
    return _check_partial_fit_first_call(estimator, classes)


def is_text(y: Any) -> bool:
    """Return whether y is a column of strings, as an array of objects.

    >>> is_text(np.array(["a", "b"], object)), is_text(np.array(["a", None])), is_text(["a"])
    (True, False, False)
    """
    is_objects = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind == "O" and len(y) > 0
    return is_objects and set(map(type, y)) == {str}


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
        if is_text(y):  # scikit-learn sorts the texts of all rows
            labels = sorted(set(y))
            few = np.repeat(np.array(labels, dtype=object), 3)
            y = few if len(few) < len(y) else y
        try:
            self.binarizer = LabelBinarizer().fit(y)
        except (TypeError, ValueError) as error:
            raise unknown_labels(y, error) from error

    @classmethod
    def of(cls, binarizer: LabelBinarizer) -> Self:
        """Create the targets from a fitted binarizer."""
        labels = cls.__new__(cls)
        labels.binarizer = binarizer
        return labels

    @property
    def classes(self) -> Array:
        """The class labels, sorted, shape (n_classes,)."""
        return self.binarizer.classes_

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

    def check_loss(self, loss: Loss) -> None:
        """Do nothing: every loss of the task is supported."""

    def n_network_outputs(self, y: Array) -> int:
        """Number of outputs of the network for encoded targets y."""
        return int(y.shape[1])

    def network_targets(self, y: Array) -> Array:
        """What the network is trained on: the encoded targets y themselves."""
        return y

    def predictions(self, p: Array) -> Array:
        """The activated outputs p of the network, which are probabilities."""
        return p

    def encode(self, y: Any) -> Array:
        """Encode labels as indicators, bool of shape (n, n_outputs)."""
        return self._encoded(y, self._class_indices(y))

    def encode_labels(self, y: Any) -> Array:
        """Encode labels; raise ValueError if y has labels that are not in `classes`."""
        indices = self._class_indices(y)
        if indices is None:
            self.check_known(y)
        return self._encoded(y, indices)

    def _encoded(self, y: Any, indices: Array | None) -> Array:
        """Encode labels of these indices, or of unknown ones if None."""
        if indices is None:
            return self.binarizer.transform(y).astype(bool)
        n_classes = len(self.classes)
        columns = np.arange(n_classes) if n_classes > 2 else 1
        encoded: Array = indices[:, None] == columns
        return encoded

    def _class_indices(self, y: Any) -> Array | None:
        """The index of each label among the classes, shape (n,).

        None unless y is an array of numbers or strings that are all in `classes`. Avoids the checks
        of scikit-learn, which take longer than a small step of `partial_fit`.
        """
        classes = self.classes
        if is_text(y) and classes.dtype.kind in "OU" and self.task != "multilabel":
            index_of = {label: i for i, label in enumerate(classes.tolist())}
            try:
                return np.fromiter(map(index_of.__getitem__, y), np.intp, len(y))
            except KeyError:
                return None
        comparable = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind == classes.dtype.kind
        if not comparable or y.dtype.kind not in "biuUf" or self.task == "multilabel":
            return None
        indices = classes.searchsorted(y)
        is_known = classes.take(indices, mode="clip") == y
        return indices if np.count_nonzero(is_known) == len(y) else None

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
        y_labels = unique_labels(y)
        if len(np.setdiff1d(y_labels, self.classes, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes}. 'y' has {y_labels}."
            )

    def encode_known(self, y: Any) -> Array:
        """Encode labels or label sets; raise ValueError if these are not those of `classes`."""
        if self.task != "multilabel":
            return self.encode_labels(y)
        if np.ndim(y) != 2 or np.shape(y)[1] != len(self.classes):
            raise ValueError(
                f"y must have the shape (n_samples, {len(self.classes)}) like y of the training"
                f" data, got {np.shape(y)}."
            )
        return self.encode(y)

    def decode(self, p: Array) -> Array:
        """Decode activated outputs p of shape (n, n_outputs) to labels."""
        if self.task == "multilabel" or len(self.classes) < 2:
            return self.binarizer.inverse_transform(p if p.shape[1] > 1 else p.ravel())
        # as `inverse_transform`, whose checks take longer than the prediction of a row
        return self.classes.take(_indices(p))

    def score(self, y: Array, p: Array, w: Array | None) -> float:
        """Accuracy of activated outputs p for encoded targets y, with row weights w or None."""
        if self.task == "multilabel":
            is_correct = ((y > 0.5) == (p > 0.5)).all(axis=1)
        elif len(self.classes) < 2:
            is_correct = np.ones(len(y), bool)
        else:
            is_correct = _indices(y) == _indices(p)
        return accuracy(is_correct, w)


def _indices(p: Array) -> Array:
    """The index of the class of each row, (n,), for indicators or probabilities (n, n_outputs)."""
    return p.argmax(axis=1) if p.shape[1] > 1 else (p[:, 0] > 0.5).astype(np.intp)


class RealTargets:
    """Converts real-valued targets of one or several outputs to two dimensions and back.

    Encoded targets and predictions are in the units of y. Only `network_targets` and the outputs
    of the network, from which `predictions` are computed, are standardized.

    Parameters
    ----------
    loss : object
        Loss of the estimator; targets for "poisson" must not be negative.
    standardize : bool, default=False
        Whether the network is trained on targets with mean 0 and standard deviation 1.
    clip : bool, default=False
        Whether predictions are clipped to the range of the training targets.
    quantiles : tuple of float or None, default=None
        The quantiles of the loss "quantiles", for each of which the network has an output. The
        prediction is the one nearest to 0.5.

    Examples
    --------
    >>> y = np.array([1.0, 3.0])
    >>> targets = RealTargets("squared_error", standardize=True, clip=True).learned(y, None)
    >>> targets.network_targets(targets.encode(y)).ravel().tolist()
    [-1.0, 1.0]
    >>> targets.decode(targets.predictions(np.array([[0.5], [2.0]]))).tolist()
    [2.5, 3.0]
    """

    task: Task = "regression"
    classes = None

    def __init__(
        self,
        loss: Any,
        standardize: bool = False,
        clip: bool = False,
        quantiles: tuple[float, ...] | None = None,
    ) -> None:
        self.loss = "poisson" if isinstance(loss, str) and loss == "poisson" else "squared_error"
        self.standardize, self.clip, self.quantiles = standardize, clip, quantiles
        self.scale: TargetScale | None = None
        self.range: TargetRange | None = None
        self.n_outputs: int | None = None

    def learned(self, y: Array, w: Array | None, earlier: "RealTargets | None" = None) -> Self:
        """The targets after learning from y with row weights w or None.

        The scale is that of `earlier` targets, if these have learned one, since the weights of the
        network belong to it. The range also includes theirs. Raises ValueError for settings that
        differ from the earlier ones and cannot be changed.
        """
        targets = copy(self)
        encoded = targets.encode(y)
        targets.n_outputs = encoded.shape[1]
        known = earlier is not None and earlier.n_outputs is not None
        if known:
            assert earlier is not None
            self._check_same_settings(earlier)
            targets.n_outputs = earlier.n_outputs
            targets.scale, targets.range = earlier.scale, earlier.range
        if self.standardize and targets.scale is None:
            targets.scale = TargetScale.of(encoded, w)
        if self.clip and encoded.shape[1] == targets.n_outputs:
            new = TargetRange.of(encoded, w)
            targets.range = new if targets.range is None else targets.range.with_range(new)
        return targets

    def _check_same_settings(self, earlier: "RealTargets") -> None:
        counts = [1 if t.quantiles is None else len(t.quantiles) for t in (earlier, self)]
        if counts[0] != counts[1]:
            raise ValueError(
                f"The loss was changed from one with {counts[0]} quantiles or values to one with"
                f" {counts[1]}, but the network has an output for each. Restore loss and"
                " loss_options, or fit a new network with warm_start=False."
            )
        changed = {
            "standardize_targets": (earlier.standardize, self.standardize),
            "clip_predictions": (earlier.clip, self.clip or earlier.clip),  # may be switched off
        }
        for name, (old, new) in changed.items():
            if old != new:
                raise ValueError(
                    f"{name} was changed from {old} to {new} after the estimator was fitted, but"
                    " mean, standard deviation and range of the targets are learned in the first"
                    f" fit. Restore {name}, or fit a new network with warm_start=False."
                )

    def check_loss(self, loss: Loss) -> None:
        """Raise ValueError if the loss of the network does not support these settings."""
        if self.quantiles is not None and loss.name != "quantiles":
            raise ValueError(
                f"loss='quantiles' requires a builder without a loss of its own, got the loss"
                f" {loss.name!r} of the builder's model. Remove one of them."
            )
        if self.standardize and loss.out_activation != "identity":
            raise ValueError(
                f"standardize_targets=True is not supported with loss={loss.name!r}, whose"
                f" predictions are {loss.out_activation}(output), which is positive. Set"
                " standardize_targets=False, or try loss='squared_error'."
            )

    def encode(self, y: Array) -> Array:
        """Convert targets to an array of shape (n, n_outputs), in the units of y.

        Raises TypeError if y is not numeric, and ValueError if the loss does not support a value.
        """
        if y.dtype.kind not in "biuf":
            raise TypeError(
                f"y of a regressor must contain numbers, got dtype {y.dtype}. Convert strings"
                " of digits with y.astype(float), and dates to numbers of days or seconds. For"
                " class labels, use a classifier."
            )
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                "loss='poisson' requires y >= 0, got a negative value. Try loss='squared_error'."
            )
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def encode_known(self, y: Array) -> Array:
        """Encode targets; raise ValueError if the number of outputs differs from training."""
        encoded = self.encode(y)
        if encoded.shape[1] != self.n_outputs:
            raise ValueError(
                f"y must have as many outputs as y of the training data, {self.n_outputs}, got"
                f" {encoded.shape[1]}."
            )
        return encoded

    def n_network_outputs(self, y: Array) -> int:
        """Number of outputs of the network for encoded targets y.

        Raises ValueError for several targets with several quantiles each.
        """
        if self.quantiles is None:
            return int(y.shape[1])
        if y.shape[1] != 1:
            raise ValueError(
                f"loss='quantiles' supports one target, got {y.shape[1]}. Fit an estimator for"
                " each target, for example with sklearn.multioutput.MultiOutputRegressor."
            )
        return len(self.quantiles)

    def network_targets(self, y: Array) -> Array:
        """What the network is trained on, (n, n_network_outputs), for encoded targets y."""
        y = y if self.scale is None else self.scale.standardized(y)
        return y if self.quantiles is None else np.repeat(y, len(self.quantiles), axis=1)

    def predictions(self, p: Array) -> Array:
        """Predictions in the units of y, (n, n_outputs), from activated outputs p of the network.

        They are float64 if targets are standardized or predictions clipped.
        """
        if self.quantiles is None:
            return self._in_units(p)
        center = central(self.quantiles)
        return self.quantile_predictions(p)[:, center : center + 1]

    def quantile_predictions(self, p: Array, requested: Sequence[float] | None = None) -> Array:
        """Predictions of quantiles, (n, n_quantiles), from activated outputs p of the network.

        They are those of `quantiles` if `requested` is None, and interpolated otherwise. Raises
        ValueError for quantiles outside of the range of the fitted ones.
        """
        assert self.quantiles is not None
        values = np.stack(ascending(np, p, central(self.quantiles)), axis=1)
        if requested is not None:
            values = interpolated(values, self.quantiles, requested)
        return self._in_units(values)

    def _in_units(self, p: Array) -> Array:
        values = p if self.scale is None else self.scale.restored(p)
        return self.range.clipped(values) if self.clip and self.range is not None else values

    def decode(self, values: Array) -> Array:
        """Predictions or encoded targets in the form of y: of shape (n,) if there is one output."""
        return values.ravel() if values.shape[1] == 1 else values

    def score(self, y: Array, values: Array, w: Array | None) -> float:
        """R2 of predictions with row weights w or None; NaN if one of them is not finite."""
        if not np.isfinite(values).all():
            return float("nan")
        return r2(y, values, w)


Targets: TypeAlias = ClassTargets | RealTargets
