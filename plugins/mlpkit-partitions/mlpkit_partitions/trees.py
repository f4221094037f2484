"""Slices of the data where a model errs more, or less, than elsewhere."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from mlpkit.plugin import Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features


class Slices(NamedTuple):
    """A tree whose leaves are the groups."""

    features: Features
    tree: Any
    leaves: tuple[int, ...]
    names: tuple[str, ...]


def error_tree(max_leaves: int = 8, min_rows: int = 50, name: str = "slice") -> Partitioner:
    """Leaves of a shallow regression tree on the model's errors, the worst first.

    Each has at least ``min_rows`` of the rows to which it was fitted. On these rows, the worst
    slice looks worse than it is. Fit the slices to one part of the data, then evaluate another
    part with ``partitions=report.partitions``.
    """
    return Partitioner(name, partial(_fit, max_leaves, min_rows), _assign)


def _fit(max_leaves: int, min_rows: int, dataset: Dataset) -> Slices:
    if dataset.error is None or dataset.X is None:
        raise ValueError("error_tree needs X and the errors of a model.")
    features = Features(dataset.X)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=max_leaves, min_samples_leaf=min_rows, random_state=0
    ).fit(features.of(dataset.X), dataset.error)
    paths = _paths(tree.tree_, features)
    order = sorted(paths, key=lambda leaf: -float(tree.tree_.value[leaf].ravel()[0]))
    return Slices(features, tree, tuple(order), tuple(paths[leaf] for leaf in order))


def _assign(fitted: Slices, dataset: Dataset) -> Groups:
    leaves = fitted.tree.apply(fitted.features.of(dataset.X))
    place = {leaf: i for i, leaf in enumerate(fitted.leaves)}
    return Groups(np.array([place[leaf] for leaf in leaves], dtype=np.intp), fitted.names)


def _paths(tree: Any, features: Features) -> dict[int, str]:
    """Each leaf with its conditions."""
    found: dict[int, str] = {}
    bounds: dict[int, dict[int, tuple[float, float]]] = {0: {}}
    for node in range(tree.node_count):
        own = bounds[node]
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            found[node] = _text(own, features)
            continue
        at, edge = int(tree.feature[node]), float(tree.threshold[node])
        low, high = own.get(at, (-np.inf, np.inf))
        bounds[left] = {**own, at: (low, min(high, edge))}
        bounds[right] = {**own, at: (max(low, edge), high)}
    doubled = {text for text in found.values() if list(found.values()).count(text) > 1}
    return {n: f"{text} (leaf {n})" if text in doubled else text for n, text in found.items()}


def _text(bounds: dict[int, tuple[float, float]], features: Features) -> str:
    """Conditions by feature: "age > 40 & sex = female"."""
    parts = []
    for at, (low, high) in bounds.items():
        column, value = features.names[at]
        if value is not None:
            parts.append(f"{column} {'=' if low > 0 else 'not'} {value}")
        elif np.isinf(low):
            parts.append(f"{column} <= {high:.4g}")
        elif np.isinf(high):
            parts.append(f"{column} > {low:.4g}")
        else:
            parts.append(f"{low:.4g} < {column} <= {high:.4g}")
    return " & ".join(parts) or "any row"
