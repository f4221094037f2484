"""Intersections of the groups of several partitioners."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlpkit.partitions.arguments import partitioner_of
from mlpkit.partitions.fitting import Merge, assign, merge_fitted
from mlpkit.plugin import Array, Dataset, Groups, Partitioner


class FittedFactor(NamedTuple):
    """The fitted groups of one of the crossed partitioners."""

    name: str
    merge: Merge | None
    fitted: Any


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
    return Partitioner(name or names, fit, assign_rows, _merge)


def _fit(partitions: tuple[Any, ...], dataset: Dataset) -> tuple[FittedFactor, ...]:
    partitioners = [partitioner_of(p, dataset.X) for p in partitions]
    return tuple(FittedFactor(p.name, p.merge, p.fit(dataset)) for p in partitioners)


def _assign(
    partitions: tuple[Any, ...], factors: tuple[FittedFactor, ...], dataset: Dataset
) -> Groups:
    partitioners = [partitioner_of(p, dataset.X) for p in partitions]
    groups = assign(partitioners[0], factors[0].fitted, dataset)
    n_rows = len(groups.codes)
    for p, factor in zip(partitioners[1:], factors[1:], strict=True):
        groups = _intersections(groups, assign(p, factor.fitted, dataset, n_rows))
    return groups


def _merge(
    one: tuple[FittedFactor, ...], other: tuple[FittedFactor, ...]
) -> tuple[FittedFactor, ...]:
    return tuple(
        a._replace(fitted=merge_fitted(a.name, a.merge, a.fitted, b.fitted))
        for a, b in zip(one, other, strict=True)
    )


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
    return groups.codes[:, None] == np.arange(len(groups.names))  # type: ignore[no-any-return]
