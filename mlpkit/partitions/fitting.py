"""Fitting partitioners, assigning rows to the fitted groups, and merging fitted groups."""

import reprlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from joblib import hash as content_hash

from mlpkit.plugin import Dataset, Groups, InvalidResult, Partitioner, UnmergeableGroups
from mlpkit.registry.labels import plugin_suffix

Merge = Callable[[Any, Any], Any]


def with_fitted(partitioner: Partitioner, fitted: Any) -> Partitioner:
    """The partitioner with these fitted groups, which its `fit` always returns."""
    return partitioner._replace(fit=partial(_return_fitted, fitted))


def _return_fitted(fitted: Any, dataset: Dataset) -> Any:
    return fitted


def equal_fitted(one: Any, other: Any) -> bool:
    """Whether fitted groups are the same."""
    return bool(content_hash(one) == content_hash(other))


def merge_fitted(name: str, merge: Merge | None, one: Any, other: Any) -> Any:
    """The fitted groups of both parts of the data, or UnmergeableGroups with the name."""
    if equal_fitted(one, other):
        return one
    if merge is None:
        raise UnmergeableGroups(name)
    try:
        return merge(one, other)
    except UnmergeableGroups as error:  # of one of its parts
        raise UnmergeableGroups(name) from error


def fit_and_assign(
    partitioners: Iterable[Partitioner], fitted: dict[str, Any], dataset: Dataset, n_rows: int
) -> dict[str, Groups]:
    """The groups of rows by partitioner, first those of "all".

    ``fitted`` is updated: it receives the fitted groups of new partitioners, and new groups of
    those that can merge them.
    """
    groups = {"all": Groups(np.zeros(n_rows, dtype=np.intp), ("all",))}
    for p in partitioners:
        if p.name not in fitted:
            fitted[p.name] = p.fit(dataset)
        elif p.merge is not None:
            fitted[p.name] = merge_fitted(p.name, p.merge, fitted[p.name], p.fit(dataset))
        groups[p.name] = assign(p, fitted[p.name], dataset, n_rows)
    return groups


def assign(
    partitioner: Partitioner, fitted: Any, dataset: Dataset, n_rows: int | None = None
) -> Groups:
    """The groups that a partitioner assigns to rows; InvalidResult unless they are valid."""
    p = partitioner

    def invalid(problem: str) -> InvalidResult:
        return InvalidResult(f"partitioner {p.name!r}{plugin_suffix(p.assign, p.fit)}: {problem}.")

    groups = p.assign(fitted, dataset)
    if not isinstance(groups, Groups):
        raise invalid(
            f"`assign` returned {reprlib.repr(groups)}; expected mlpkit.plugin.Groups(codes, names)"
        )
    codes, names = groups
    if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        raise invalid(f"group names are {reprlib.repr(names)}; expected distinct strings")
    if not isinstance(codes, np.ndarray) or codes.ndim not in (1, 2):
        raise invalid(
            f"codes are {reprlib.repr(codes)}; expected an integer array of shape (n_rows,)"
        )
    if n_rows is not None and len(codes) != n_rows:
        raise invalid(f"`assign` returned groups of {len(codes)} rows; expected {n_rows}")
    if codes.ndim == 2:
        if codes.dtype != bool or codes.shape[1] != len(names):
            raise invalid(
                f"codes are {codes.dtype} of shape {codes.shape}; expected bool of shape (n_rows,"
                f" {len(names)})"
            )
    elif codes.dtype.kind not in "iu":
        raise invalid(f"codes are {codes.dtype}; expected integers, indices into the names")
    elif codes.size and not -1 <= codes.min() <= codes.max() < len(names):
        raise invalid(
            f"codes are from {codes.min()} to {codes.max()}; expected -1 to {len(names) - 1},"
            f" indices into {len(names)} names"
        )
    return groups
