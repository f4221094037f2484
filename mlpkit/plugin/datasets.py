"""Rows with what belongs to them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from scipy.sparse import issparse

from mlpkit.plugin.arrays import Array


class Groups(NamedTuple):
    """The group of each row, as a partitioner assigns it.

    Parameters
    ----------
    codes : ndarray of shape (n,) or (n, n_groups)
        Indices into `names`, int, where -1 is no group. If groups overlap, a bool indicator of
        each group.
    names : tuple of str
        Names of the groups.
    """

    codes: Array
    names: tuple[str, ...]


class Dataset(NamedTuple):
    """Rows with everything that belongs to them; what is absent is None.

    `evaluate` accepts an iterable of these for data that does not fit into memory. Partitioners
    receive one.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features) or None
        Features.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs) or None, default=None
        Targets.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows.
    labels : dict of array-like of shape (n_samples,), default={}
        Named columns that X does not contain, for `by_labels`.
    y_pred : array-like or None, default=None
        Predictions, in the form of y.
    y_proba : array-like of shape (n_samples, n_classes) or None, default=None
        Predicted probabilities.
    y_score : array-like or None, default=None
        Values of a decision function.
    y_interval : array-like of shape (n_samples, 2) or None, default=None
        Lower and upper bounds of predicted intervals.
    error : ndarray of shape (n_samples,) or None, default=None
        Error of the prediction for each row: 0 or 1 for classes, absolute for regression.
    groups : dict of Groups, default={}
        Groups by partitioner.

    Examples
    --------
    >>> import numpy as np
    >>> rows = Dataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
    >>> rows.take(np.array([2, 0])).X.tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    labels: Mapping[str, Any] = {}
    y_pred: Any = None
    y_proba: Any = None
    y_score: Any = None
    y_interval: Any = None
    error: Array | None = None
    groups: Mapping[str, Groups] = {}

    def take(self, indices: Array) -> "Dataset":
        """Copy the rows with the given indices.

        Parameters
        ----------
        indices : ndarray of shape (m,)
            Indices of the rows, none negative.

        Returns
        -------
        Dataset
            Rows of X, y, sample weights and groups; all of these must be arrays.
        """
        w = self.sample_weight
        return Dataset(
            self.X[indices] if issparse(self.X) else self.X.take(indices, axis=0),
            self.y.take(indices, axis=0),
            None if w is None else w.take(indices),
            groups={name: Groups(g.codes[indices], g.names) for name, g in self.groups.items()},
        )

    def slice(self, rows: slice) -> "Dataset":
        """View consecutive rows.

        Parameters
        ----------
        rows : slice
            The rows.

        Returns
        -------
        Dataset
            Views of X, y and the sample weights.
        """
        w = self.sample_weight
        return Dataset(self.X[rows], self.y[rows], None if w is None else w[rows])
