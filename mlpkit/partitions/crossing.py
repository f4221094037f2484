"""Intersections of the groups of several partitioners."""

from functools import partial
from typing import Any

import numpy as np

from mlpkit.data.tables import column_names
from mlpkit.partitions.arguments import partitioner_of
from mlpkit.partitions.fitting import assign, merge_fitted
from mlpkit.plugin import Array, Dataset, Groups, Partitioner

# for each of the crossed partitioners, its fitted groups and whether a string is a column
Factors = tuple[tuple[Any, bool], ...]


def cross(*partitions: Any, name: str | None = None) -> Partitioner:
    """Cross partitioners: a group for each intersection of their groups that occurs.

    Parameters
    ----------
    *partitions : str, int, callable or Partitioner
        Two or more partitioners, in any of the forms that `evaluate` accepts: the name or index
        of a column, a function of X, or a partitioner.
    name : str or None, default=None
        Name of the partitioner, by default the names of all, joined by " & ".

    Returns
    -------
    Partitioner

    Raises
    ------
    ValueError
        If there are fewer than two partitioners.

    Examples
    --------
    >>> from mlpkit import Dataset
    >>> both = cross(0, 1)
    >>> dataset = Dataset(np.array([[1, 7], [1, 8], [2, 7]]))
    >>> both.assign(both.fit(dataset), dataset).names
    ('1 & 7', '1 & 8', '2 & 7')
    """
    if len(partitions) < 2:
        raise ValueError(
            f"cross needs two partitioners or more, as in cross('sex', 'race'), got"
            f" {len(partitions)}."
        )
    names = " & ".join(p.name if isinstance(p, Partitioner) else str(p) for p in partitions)
    fit, assign_rows = partial(_fit, partitions), partial(_assign, partitions)
    merge = partial(_merge, partitions)
    origin = "cross", {"partitions": list(partitions), "name": name}
    return Partitioner(name or names, fit, assign_rows, merge, origin)


def _fit(partitions: tuple[Any, ...], dataset: Dataset) -> Factors:
    names = column_names(dataset.X)
    return tuple(
        (partitioner_of(p, names).fit(dataset), isinstance(p, str) and p in (names or ()))
        for p in partitions
    )


def _assign(partitions: tuple[Any, ...], factors: Factors, dataset: Dataset) -> Groups:
    partitioners = [partitioner_of(p, column_names(dataset.X)) for p in partitions]
    groups = assign(partitioners[0], factors[0][0], dataset)
    n_rows = len(groups.codes)
    for p, (fitted, _) in zip(partitioners[1:], factors[1:], strict=True):
        groups = _intersections(groups, assign(p, fitted, dataset, n_rows))
    return groups


def _merge(partitions: tuple[Any, ...], one: Factors, other: Factors) -> Factors:
    merged = []
    for partition, (fitted, is_column), (more, _) in zip(partitions, one, other, strict=True):
        p = partitioner_of(partition, [partition] if is_column else None)
        merged.append((merge_fitted(p.name, p.merge, fitted, more), is_column))
    return tuple(merged)


def _intersections(one: Groups, other: Groups) -> Groups:
    names = [f"{a} & {b}" for a in one.names for b in other.names]
    if one.codes.ndim == other.codes.ndim == 1:
        codes = one.codes * len(other.names) + other.codes
        codes = np.where((one.codes < 0) | (other.codes < 0), -1, codes)
        used = np.unique(codes[codes >= 0])
        new_codes = np.full(len(names) + 1, -1)
        new_codes[used] = np.arange(len(used))
        return Groups(new_codes[codes], tuple(names[i] for i in used))
    both = indicators(one)[:, :, None] & indicators(other)[:, None, :]
    both = both.reshape(len(both), -1)
    used = np.flatnonzero(both.any(axis=0))
    return Groups(both[:, used], tuple(names[i] for i in used))


def indicators(groups: Groups) -> Array:
    """Whether each row is in each group, bool (n, n_groups)."""
    if groups.codes.ndim == 2:
        return groups.codes
    return groups.codes[:, None] == np.arange(len(groups.names))
