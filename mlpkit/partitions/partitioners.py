"""Partitioners of the core: rows into groups by column, labels, target, quantile, function.

Each learns its groups once and assigns any later rows: what was not seen goes to a group
"other", what is missing to a group "missing".
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from joblib import hash as content

from mlpkit.messages import comma_separated, plain_repr
from mlpkit.partitions import columns
from mlpkit.plugin import Array, Dataset, Groups, Partitioner

MAX_GROUPS = 100  # of one column; the rarest others go to "other"
Values = Callable[[Dataset], Array]  # one value a row, (n,)


def by_column(
    column: str | int, *, name: str | None = None, max_groups: int = MAX_GROUPS
) -> Partitioner:
    """A group for each value of a column, given by name or index.

    >>> X = np.array([[1.0, 5.0], [2.0, np.nan], [1.0, 5.0]])
    >>> sex = by_column(0, name="sex")
    >>> sex.assign(sex.fit(Sample(X)), Sample(np.array([[2.0], [3.0], [np.nan]])))
    Groups(codes=array([1, 2, 3]), names=('1', '2', 'other', 'missing'))
    """
    own = f"column {column}" if isinstance(column, int) else column
    return _by_values(name or own, partial(_column, column), max_groups)


def by_labels(labels: Any, *, name: str | None = None) -> Partitioner:
    """A group for each value of labels that are not in X: an array (n,) beside the rows, or
    the name of one among those that are passed with the rows.
    """
    if isinstance(labels, str):
        return _by_values(name or labels, partial(_labelled, labels), MAX_GROUPS)
    return _by_values(name or "labels", partial(_aligned, labels), MAX_GROUPS)


def by_target(n: int | None = None, *, name: str = "target") -> Partitioner:
    """A group for each class; for reals, n equal parts (4); for label sets, one for each label."""
    return Partitioner(name, partial(_learn_target, n), _assign_target, _join_target)


def by_quantile(column: str | int, n: int = 4, *, name: str | None = None) -> Partitioner:
    """n groups of about equal size, cut at quantiles of a column of numbers.

    >>> quarter = by_quantile(0, 4)
    >>> sample = Sample(np.arange(1, 9.0).reshape(-1, 1))
    >>> quarter.assign(quarter.fit(sample), sample).names
    ('up to 2.75', '2.75 to 4.5', '4.5 to 6.25', 'over 6.25')
    """
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n={plain_repr(n)}: quantiles cut into 2 groups or more.")
    own = f"column {column}" if isinstance(column, int) else column
    values = partial(_column, column)
    return Partitioner(name or own, partial(_learn_cuts, values, n), partial(_assign_cuts, values))


def by_function(function: Callable[[Any], Any], *, name: str | None = None) -> Partitioner:
    """Groups by a function of X: labels (n,), or a dict of masks (n,) where groups overlap."""
    own = getattr(function, "__name__", "function")
    parts = partial(_learn_function, function), partial(_assign_function, function)
    return Partitioner(name or own, *parts, _join_names)


def _column(column: str | int, sample: Dataset) -> Array:
    return columns.column(sample.X, column)


def _target(sample: Dataset) -> Array:
    if sample.y is None:
        raise ValueError("partition by target needs y, and there is none.")
    return np.asarray(sample.y)


def _labelled(key: str, sample: Dataset) -> Array:
    if key not in sample.labels:
        raise ValueError(
            f"there are no labels {key!r} with these rows; labels:"
            f" {comma_separated(sample.labels)}."
        )
    return _flat(sample.labels[key])


def _aligned(labels: Any, sample: Dataset) -> Array:
    values, n = _flat(labels), _n_rows(sample)
    if n is not None and len(values) != n:
        raise ValueError(
            f"labels for {len(values)} rows, but there are {n}: give labels with the rows that"
            " they belong to."
        )
    return values


def _flat(labels: Any) -> Array:
    values = np.asarray(labels.to_numpy() if hasattr(labels, "to_numpy") else labels)
    if values.ndim != 1:
        raise ValueError(f"labels have the shape {values.shape}; wanted one label a row.")
    return values


def _n_rows(sample: Dataset) -> int | None:
    given = sample.X if sample.X is not None else sample.y
    return None if given is None else int(given.shape[0] if hasattr(given, "shape") else len(given))


def _by_values(name: str, values: Values, max_groups: int) -> Partitioner:
    return Partitioner(
        name,
        partial(_learn_values, name, values, max_groups),
        partial(_assign_values, values),
        _join_names,
    )


def _learn_values(name: str, of: Values, max_groups: int, sample: Dataset) -> tuple[str, ...]:
    """The names of the most frequent values, in order."""
    values = of(sample)
    codes, names = columns.named(values)
    if len(names) <= max_groups:
        return tuple(names)
    if values.dtype.kind == "f" and not np.all(values == np.round(values), where=values == values):
        raise ValueError(
            f"{name!r} has {len(names)} different numbers: cut it with by_quantile, or allow"
            f" more groups than max_groups={max_groups}."
        )
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    frequent = np.sort(np.argsort(-sizes, kind="stable")[:max_groups])
    return tuple(names[i] for i in frequent)


def _assign_values(of: Values, cut: tuple[str, ...], sample: Dataset) -> Groups:
    return _matched(*columns.named(of(sample)), cut)


def _matched(codes: Array, names: list[str], cut: tuple[str, ...]) -> Groups:
    """Codes for names as codes for the names of a cut, "other" and "missing"."""
    place = {name: i for i, name in enumerate(cut)}
    has_other = any(name not in place for name in names)
    other, gone = len(cut), len(cut) + has_other
    to = np.array([*(place.get(name, other) for name in names), gone], dtype=np.intp)
    codes = to[codes]
    has_missing = bool((codes == gone).any())
    return Groups(codes, (*cut, *["other"] * has_other, *["missing"] * has_missing))


def _join_names(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(columns.in_order([*one, *two]))


def _learn_target(n: int | None, sample: Dataset) -> tuple[str, Any]:
    """How to group the targets, and the cut."""
    y = _target(sample)
    if y.ndim == 2 and y.shape[1] > 1:
        return "labels", tuple(f"label {i}" for i in range(y.shape[1]))
    _, names = columns.named(y.reshape(-1)) if y.dtype.kind != "f" or n is None else (None, [])
    whole = y.dtype.kind != "f" or bool(np.all(y == np.round(y)))
    if n is not None or (len(names) > MAX_GROUPS or not whole):
        return "reals", _learn_cuts(_flat_target, n or 4, sample)
    return "classes", tuple(names)


def _flat_target(sample: Dataset) -> Array:
    return _target(sample).reshape(-1)


def _assign_target(cut: tuple[str, Any], sample: Dataset) -> Groups:
    how, own = cut
    if how == "labels":
        return Groups(_target(sample).astype(bool), own)
    return (_assign_cuts if how == "reals" else _assign_values)(_flat_target, own, sample)


def _join_target(one: tuple[str, Any], two: tuple[str, Any]) -> tuple[str, Any]:
    if one[0] == two[0] == "classes":
        return "classes", _join_names(one[1], two[1])
    if content(one) != content(two):
        raise ValueError("the two cut the target differently: give both the partitions of one.")
    return one


def _learn_cuts(of: Values, n: int, sample: Dataset) -> tuple[float, ...]:
    """Inner edges; a value on an edge belongs below it."""
    values = of(sample)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"quantiles need numbers, not {values[:3].tolist()}: use by_column.")
    values = values[~columns.missing(values)].astype(np.float64)
    if not len(values):
        return ()
    edges = np.unique(np.quantile(values, np.arange(1, n) / n))
    used = np.unique(np.searchsorted(edges, values))  # ties leave some empty
    return tuple(edges[used[:-1]].tolist())


def _assign_cuts(of: Values, cut: tuple[float, ...], sample: Dataset) -> Groups:
    values = of(sample)
    gone = columns.missing(values)
    codes = np.searchsorted(np.array(cut), np.where(gone, 0, values).astype(np.float64))
    names = _between(cut)
    if gone.any():
        codes, names = np.where(gone, len(names), codes), (*names, "missing")
    return Groups(codes, names)


def _between(cut: tuple[float, ...]) -> tuple[str, ...]:
    """Names of the intervals, with as many digits as tell them apart."""
    if not cut:
        return ("any value",)
    texts = [columns.name_of(edge) for edge in cut]
    for digits in (4, 6, 9, 12):
        short = [f"{edge:.{digits}g}" for edge in cut]
        if len(set(short)) == len(cut):
            texts = short
            break
    inner = [f"{low} to {high}" for low, high in zip(texts, texts[1:], strict=False)]
    return (f"up to {texts[0]}", *inner, f"over {texts[-1]}")


def _learn_function(function: Callable[[Any], Any], sample: Dataset) -> tuple[str, ...]:
    given = function(sample.X)
    return tuple(given) if isinstance(given, Mapping) else tuple(columns.named(_flat(given))[1])


def _assign_function(
    function: Callable[[Any], Any], cut: tuple[str, ...], sample: Dataset
) -> Groups:
    given = function(sample.X)
    if isinstance(given, Mapping):
        return Groups(np.stack([np.asarray(m, dtype=bool) for m in given.values()], 1), (*given,))
    return _matched(*columns.named(_flat(given)), cut)
