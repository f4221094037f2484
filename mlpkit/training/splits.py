"""Rows to train on and rows to score: one held-out part, or one part for each of several models."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.data.targets import Targets
from mlpkit.distributed.sharded_rows import ShardedRows, StackedRows
from mlpkit.plugin import Array, Dataset
from mlpkit.training.fit_records import FitInputs
from mlpkit.training.parameters import LOSS, Parameters

TAKEN_ROWS = 1 << 14  # that are copied at once


class Folds(NamedTuple):
    """The rows of several models that are trained as one, as indices of the training rows.

    Parameters
    ----------
    kept : tuple of ndarray
        The rows that each model is trained on.
    held : tuple of ndarray
        The rows that each model is scored by. Each row is in one of them.
    """

    kept: tuple[Array, ...]
    held: tuple[Array, ...]

    @property
    def padded(self) -> Array:
        """The rows of `held`, int of shape (n_models, n); shorter parts repeat their first row."""
        n = max(map(len, self.held))
        return np.stack([np.concatenate([h, np.full(n - len(h), h[0])]) for h in self.held])

    def by_row(self, values: Array) -> Array:
        """Values of the rows of `padded`, (n_models, n, ...), in the order of the rows."""
        n_rows = sum(map(len, self.held))
        ordered = np.empty((n_rows, *values.shape[2:]), values.dtype)
        for held, part in zip(self.held, values, strict=True):
            ordered[held] = part[: len(held)]
        return ordered


class Split(NamedTuple):
    """The rows of a fit.

    Parameters
    ----------
    train : Dataset
        The rows that the backend receives.
    validation : Dataset or None
        The rows that training is scored by, if any. With folds these are the training rows, unless
        the user passed others.
    folds : Folds or None, default=None
        Which training rows belong to which model.
    """

    train: Dataset
    validation: Dataset | None
    folds: Folds | None = None

    @property
    def is_out_of_fold(self) -> bool:
        """Whether each training row is scored by the model that is not trained on it."""
        return self.folds is not None and self.validation is self.train


def split_of(parameters: Parameters, inputs: FitInputs, seed: int) -> Split:
    """The rows to train on, and those to score unless the monitor does that.

    Folds depend on the seed of the network, so that a warm start on the same rows has the folds of
    the first call: no model is scored by rows that it was trained on.

    Raises ValueError if there are too few rows.
    """
    if not inputs.recipe.solver.has_steps:  # all rows at once
        return Split(inputs.data, None)
    split = _split_in_steps(parameters, inputs, seed)
    n_rows = len(split.train.y) if split.folds is None else min(map(len, split.folds.kept))
    _warn_if_clipped(parameters.batch_size, n_rows)
    return split


def _split_in_steps(parameters: Parameters, inputs: FitInputs, seed: int) -> Split:
    data, validation, monitor = inputs.data, inputs.validation, inputs.monitor
    if parameters.n_folds and not inputs.passes:
        folds = folds_of(data, inputs.targets, parameters.n_folds, seed)
        if validation is not None:
            return Split(data, validation, folds)
        monitor.hold_out(np.arange(len(data.y)), np.arange(len(data.y)))
        return Split(data, data, folds)
    if not (parameters.early_stopping or parameters.early_stopping_on == LOSS or monitor.scorer):
        return Split(data, None)
    if validation is not None or (monitor.scorer and monitor.scorer.split != "validation"):
        return Split(data, validation)
    # stratified for two classes, as in scikit-learn
    stratify = data.y if inputs.targets.task == "binary" else None
    kept, held = hold_out(data, parameters.validation_fraction, stratify, inputs.rng)
    monitor.hold_out(kept, held)
    inputs.tasks.hold_out(kept)
    return Split(taken(data, kept), taken(data, held))


def taken(data: Dataset, rows: Array) -> Dataset:
    """The rows with these indices; those of a memory map as another one."""
    if not isinstance(data.X, np.memmap):
        return data.take(rows)
    from mlpkit.data.memory_maps import written_rows

    blocks = (data.X[rows[i : i + TAKEN_ROWS]] for i in range(0, len(rows), TAKEN_ROWS))
    X = written_rows(blocks, len(rows), data.X.shape[1], data.X.dtype)
    w = data.sample_weight
    return Dataset(X, data.y.take(rows, axis=0), None if w is None else w.take(rows))


def _warn_if_clipped(batch_size: int | str, n_rows: int) -> None:
    if batch_size != "auto" and int(batch_size) > n_rows:
        warnings.warn(
            f"Got `batch_size` {batch_size}, larger than the sample size {n_rows}. It is going"
            " to be clipped"
        )


def hold_out(
    data: Dataset, fraction: float, stratify: Array | None, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Indices of rows to train on, and of rows to score.

    Raises ValueError if there are fewer than two rows to score, or too few rows of a class.
    """
    from sklearn.model_selection import train_test_split

    try:
        kept, held = train_test_split(
            np.arange(len(data.y)), random_state=rng, test_size=fraction, stratify=stratify
        )
    except ValueError as error:
        raise ValueError(
            f"The rows cannot be divided into a training and a validation set"
            f" (validation_fraction={fraction}): {str(error).rstrip('.')}. Pass more rows, change"
            " validation_fraction, or pass a validation set to fit as X_val and y_val."
        ) from error
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of"
            " your dataset."
        )
    return kept, held


def folds_of(data: Dataset, targets: Targets, n_folds: int, seed: int) -> Folds:
    """Random folds, stratified by class where every class has a row for each fold.

    Raises ValueError if there are fewer rows than folds.
    """
    n_rows = len(data.y)
    if n_rows < n_folds:
        raise ValueError(
            f"n_folds={n_folds} requires at least as many training rows, got {n_rows}. Use fewer"
            " folds."
        )
    from sklearn.model_selection import KFold, StratifiedKFold

    labels = _labels(data.y, targets)
    splitter: Any = KFold(n_folds, shuffle=True, random_state=seed)
    if labels is not None and np.bincount(labels).min() >= n_folds:
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    parts = list(splitter.split(np.zeros(n_rows), labels))
    return Folds(tuple(kept for kept, _ in parts), tuple(held for _, held in parts))


def _labels(y: Array, targets: Targets) -> Array | None:
    """The class of each row as an index, (n,); None for other targets."""
    if targets.task not in ("binary", "multiclass"):
        return None
    codes = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0].astype(int)
    return np.unique(codes, return_inverse=True)[1]


def stacked_rows(X: Any, rows: Array) -> Any:
    """The rows of dense or sparse X with these indices (n_models, n), as one dense array.

    Its shape is (n_models, n, n_features).
    """
    if isinstance(X, ShardedRows):
        return StackedRows(X, rows)
    if issparse(X):
        return np.stack([X[part].toarray() for part in rows])
    return np.asarray(X[rows])
