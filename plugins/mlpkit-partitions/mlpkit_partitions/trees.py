"""Slices of the data in which a model errs more or less than elsewhere."""

from collections import Counter
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from mlpkit.plugin import Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features


class Slices(NamedTuple):
    """A fitted tree whose leaves are the groups, by decreasing error."""

    features: Features
    tree: Any
    leaves: tuple[int, ...]
    names: tuple[str, ...]


def error_tree(max_leaves: int = 8, min_rows: int = 50, name: str = "slice") -> Partitioner:
    """Group rows into slices by the errors of a model.

    The slices are the leaves of a regression tree that is fitted to the errors. Because the tree
    searches for large errors, the worst slice looks worse than it is on the rows to which it was
    fitted. Fit the slices to one part of the data, then evaluate another part with
    ``partitions=report.partitions``. Fitting raises ValueError without X or errors.

    Parameters
    ----------
    max_leaves : int, default=8
        Maximum number of slices.
    min_rows : int, default=50
        Minimum number of rows in a slice, among the rows to which it is fitted.
    name : str, default="slice"
        Name of the partitioner.

    Returns
    -------
    Partitioner
        Its groups are sorted by decreasing error and named by conditions on the columns, such
        as "age > 40 & sex = female". They cannot be merged with other fitted groups.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(np.arange(8.0).reshape(-1, 1), error=np.repeat([0.0, 1.0], 4))
    >>> slices = by("error_tree", max_leaves=2, min_rows=2)
    >>> slices.assign(slices.fit(dataset), dataset)
    Groups(codes=array([1, 1, 1, 1, 0, 0, 0, 0]), names=('x0 > 3.5', 'x0 <= 3.5'))
    """
    return Partitioner(name, partial(_fit, max_leaves, min_rows), _assign)


def _fit(max_leaves: int, min_rows: int, dataset: Dataset) -> Slices:
    if dataset.error is None or dataset.X is None:
        missing = "X is" if dataset.X is None else "the errors are"
        raise ValueError(
            "The partitioner error_tree needs X and the errors of a model, but"
            f" {missing} missing. Pass X and an estimator, y_pred or y_proba to evaluate."
        )
    features = Features(dataset.X)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=max_leaves, min_samples_leaf=min_rows, random_state=0
    ).fit(features.transform(dataset.X), dataset.error)
    paths = _paths(tree.tree_, features)
    order = sorted(paths, key=lambda leaf: -float(tree.tree_.value[leaf].ravel()[0]))
    return Slices(features, tree, tuple(order), tuple(paths[leaf] for leaf in order))


def _assign(fitted: Slices, dataset: Dataset) -> Groups:
    leaves = fitted.tree.apply(fitted.features.transform(dataset.X))
    codes = {leaf: i for i, leaf in enumerate(fitted.leaves)}
    return Groups(np.array([codes[leaf] for leaf in leaves], dtype=np.intp), fitted.names)


def _paths(tree: Any, features: Features) -> dict[int, str]:
    """The conditions of each leaf as text, by its node number."""
    conditions: dict[int, str] = {}
    bounds: dict[int, dict[int, tuple[float, float]]] = {0: {}}
    for node in range(tree.node_count):
        node_bounds = bounds[node]
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            conditions[node] = _text(node_bounds, features)
            continue
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        low, high = node_bounds.get(feature, (-np.inf, np.inf))
        bounds[left] = {**node_bounds, feature: (low, min(high, threshold))}
        bounds[right] = {**node_bounds, feature: (max(low, threshold), high)}
    counts = Counter(conditions.values())
    return {
        leaf: f"{text} (leaf {leaf})" if counts[text] > 1 else text
        for leaf, text in conditions.items()
    }


def _text(bounds: dict[int, tuple[float, float]], features: Features) -> str:
    """The bounds of features as text, such as "age > 40 & sex = female"."""
    parts = []
    for feature, (low, high) in bounds.items():
        column, value = features.names[feature]
        if value is not None:
            parts.append(f"{column} {'=' if low > 0 else 'not'} {value}")
        elif np.isinf(low):
            parts.append(f"{column} <= {high:.4g}")
        elif np.isinf(high):
            parts.append(f"{column} > {low:.4g}")
        else:
            parts.append(f"{low:.4g} < {column} <= {high:.4g}")
    return " & ".join(parts) or "any row"
