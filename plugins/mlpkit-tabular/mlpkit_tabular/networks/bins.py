"""The edges of the bins of piecewise-linear embeddings."""

from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np
from scipy.special import ndtri
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlpkit.plugin import Array, Spec
from mlpkit_tabular.networks.columns import sample_rows

TREE_ROWS = 10_000  # rows of the sample that a tree is fitted to; more rows change little
NEAR = 1e-5  # edges are merged if their distance is less than this share of the range


def bin_edges(spec: Spec, numbers: tuple[int, ...], n_bins: int, from_target: bool) -> list[Array]:
    """Return the ascending edges of the bins of each column, at least two.

    Parameters
    ----------
    spec : Spec
        With the sample. Without one, the edges are quantiles of the standard normal distribution.
    numbers : tuple of int
        Indices of the columns.
    n_bins : int
        Largest number of bins of a column.
    from_target : bool
        Whether half of the edges are thresholds of a decision tree that predicts the targets from
        the column. Otherwise all are quantiles. A column with few values has its values as edges.

    Returns
    -------
    list of ndarray of shape (n_edges,)
    """
    X = sample_rows(spec)
    if X is None:
        normal = ndtri((np.arange(n_bins + 1) + 0.5) / (n_bins + 1))
        return [normal.astype(spec.dtype) for _ in numbers]
    n_leaves = n_bins // 2 if from_target else 0
    quantiles = np.linspace(0, 1, n_bins - n_leaves + 1)
    tree = _tree(spec, n_leaves)
    edges = []
    for i in numbers:
        inner = [np.unique(X[:, i])]
        if len(inner[0]) > len(quantiles):
            inner = [np.quantile(X[:, i], quantiles)]
            if tree is not None:
                with catch_warnings():
                    filterwarnings("ignore", "The number of unique classes", UserWarning)
                    tree.fit(X[:TREE_ROWS, i, None], *_targets_and_weights(spec))
                inner.append(tree.tree_.threshold[tree.tree_.children_left >= 0])
        edges.append(_distinct(np.concatenate(inner).astype(spec.dtype)))
    return edges


def _tree(spec: Spec, n_leaves: int) -> Any:
    """Return a decision tree for the targets of the spec, or None if there are none."""
    if spec.sample is None or spec.sample.y is None or n_leaves < 2:
        return None
    small = {"max_leaf_nodes": n_leaves, "min_samples_leaf": 20, "random_state": 0}
    if spec.task == "regression":
        return DecisionTreeRegressor(**small)
    return DecisionTreeClassifier(**small)


def _targets_and_weights(spec: Spec) -> tuple[Array, Array | None]:
    """Return the first targets of the sample as trees expect them, and the weights of the rows."""
    assert spec.sample is not None
    y = np.asarray(spec.sample.y)[:TREE_ROWS]
    y = y[:, None] if y.ndim == 1 else y
    if spec.task == "multiclass":
        y = y.argmax(axis=1)
    elif spec.task != "regression":
        y = y.astype(int)
    w = spec.sample.sample_weight
    return y, None if w is None else np.asarray(w)[:TREE_ROWS]


def _distinct(edges: Array) -> Array:
    """Return the edges in ascending order without those that are too near to the one before."""
    edges = np.unique(edges)
    least = NEAR * (edges[-1] - edges[0])
    kept = [edges[0]]
    for edge in edges[1:]:
        if edge - kept[-1] > least:
            kept.append(edge)
    return np.array(kept, edges.dtype)
