"""Built-in partitioners: by column, labels, target, quantile or function.

Each is fitted once and assigns any later rows. Values that did not occur when it was fitted are
assigned to the group "other", missing values to the group "missing".
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from mlpkit.data.tables import is_missing
from mlpkit.messages import comma_separated, plain_repr
from mlpkit.partitions import columns
from mlpkit.partitions.fitting import equal_fitted
from mlpkit.plugin import Array, Dataset, Groups, Partitioner, UnmergeableGroups

MAX_GROUPS = 100  # maximum number of groups of one column; rarer values form the group "other"
RowValues = Callable[[Dataset], Array]  # one value for each row, (n,)


def by_column(
    column: str | int, *, name: str | None = None, max_groups: int = MAX_GROUPS
) -> Partitioner:
    """Group rows by the values of a column.

    Missing values are the group "missing". Values that did not occur when the groups were
    fitted are the group "other".

    Parameters
    ----------
    column : str or int
        Name or index of the column.
    name : str or None, default=None
        Name of the partitioner, by default that of the column.
    max_groups : int, default=100
        Maximum number of groups. If there are more values, the rarest ones are assigned to the
        group "other".

    Returns
    -------
    Partitioner

    Examples
    --------
    >>> from mlpkit import Dataset
    >>> X = np.array([[1.0, 5.0], [2.0, np.nan], [1.0, 5.0]])
    >>> sex = by_column(0, name="sex")
    >>> sex.assign(sex.fit(Dataset(X)), Dataset(np.array([[2.0], [3.0], [np.nan]])))
    Groups(codes=array([1, 2, 3]), names=('1', '2', 'other', 'missing'))
    """
    by_values = _by_values(name or _name(column), partial(_column, column), max_groups)
    options = {"column": column, "name": name, "max_groups": max_groups}
    return by_values._replace(origin=("column", options))


def by_labels(labels: Any, *, name: str | None = None) -> Partitioner:
    """Group rows by labels that X does not contain.

    Parameters
    ----------
    labels : array-like of shape (n_samples,) or str
        The labels, or the name of labels that are passed with the rows as ``labels=``.
    name : str or None, default=None
        Name of the partitioner, by default the name of the labels or "labels".

    Returns
    -------
    Partitioner

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> report = evaluate(None, None, [0, 1, 1], y_pred=[0, 1, 0], metrics="accuracy",
    ...                   partitions=by_labels(["f", "m", "m"], name="sex"), min_rows=1)
    >>> report.worst("accuracy").partition
    'm'
    """
    origin = "labels", {"labels": labels, "name": name}
    is_name = isinstance(labels, str)
    values = partial(_named_labels if is_name else _aligned_labels, labels)
    by_values = _by_values(name or (labels if is_name else "labels"), values, MAX_GROUPS)
    return by_values._replace(origin=origin)


def by_target(n: int | None = None, *, name: str = "target") -> Partitioner:
    """Group rows by their targets.

    Classes are groups. Real targets are divided at quantiles. For multilabel targets there is
    one group for each label, and groups overlap.

    Parameters
    ----------
    n : int or None, default=None
        Number of groups of real targets; None means 4. If it is set, targets of any numbers are
        divided at quantiles.
    name : str, default="target"
        Name of the partitioner.

    Returns
    -------
    Partitioner

    Examples
    --------
    >>> from mlpkit import Dataset
    >>> target = by_target(2)
    >>> dataset = Dataset(None, np.array([0.5, 1.5, 2.5, 3.5]))
    >>> target.assign(target.fit(dataset), dataset).names
    ('up to 2', 'over 2')
    """
    origin = "target", {"n": n, "name": name}
    return Partitioner(name, partial(_fit_target, n), _assign_target, _merge_target, origin)


def by_quantile(column: str | int, n: int = 4, *, name: str | None = None) -> Partitioner:
    """Group rows at quantiles of a numeric column, into groups of about equal size.

    Parameters
    ----------
    column : str or int
        Name or index of the column.
    n : int, default=4
        Number of groups. Ties may lead to fewer groups.
    name : str or None, default=None
        Name of the partitioner, by default that of the column.

    Returns
    -------
    Partitioner
        Its fitted groups cannot be merged with others.

    Raises
    ------
    ValueError
        If `n` is less than 2.

    Examples
    --------
    >>> from mlpkit import Dataset
    >>> quarter = by_quantile(0, 4)
    >>> dataset = Dataset(np.arange(1, 9.0).reshape(-1, 1))
    >>> quarter.assign(quarter.fit(dataset), dataset).names
    ('up to 2.75', '2.75 to 4.5', '4.5 to 6.25', 'over 6.25')
    """
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n must be an integer of at least 2, got {plain_repr(n)}.")
    values = partial(_column, column)
    fit, assign = partial(_fit_edges, values, n), partial(_assign_edges, values)
    origin = "quantile", {"column": column, "n": n, "name": name}
    return Partitioner(name or _name(column), fit, assign, origin=origin)


def by_function(function: Callable[[Any], Any], *, name: str | None = None) -> Partitioner:
    """Group rows by a function of X.

    Parameters
    ----------
    function : callable
        ``function(X)`` returns labels of shape (n_samples,) or, for groups that overlap, a dict
        of boolean masks of shape (n_samples,) by the name of the group.
    name : str or None, default=None
        Name of the partitioner, by default that of the function.

    Returns
    -------
    Partitioner

    Examples
    --------
    >>> from mlpkit import Dataset
    >>> sign = by_function(lambda X: np.where(X[:, 0] < 0, "negative", "positive"), name="sign")
    >>> dataset = Dataset(np.array([[-1.0], [2.0]]))
    >>> sign.assign(sign.fit(dataset), dataset)
    Groups(codes=array([0, 1]), names=('negative', 'positive'))
    """
    own = getattr(function, "__name__", "function")
    fit, assign = partial(_fit_function, function), partial(_assign_function, function)
    origin = "function", {"function": function, "name": name}
    return Partitioner(name or own, fit, assign, _merge_names, origin)


def _name(column: str | int) -> str:
    return f"column {column}" if isinstance(column, int) else column


def _column(column: str | int, dataset: Dataset) -> Array:
    return columns.column(dataset.X, column)


def _target(dataset: Dataset) -> Array:
    if dataset.y is None:
        raise ValueError("A partition by target needs y, got y=None.")
    return np.asarray(dataset.y)


def _named_labels(name: str, dataset: Dataset) -> Array:
    if name not in dataset.labels:
        raise ValueError(
            f"No labels {name!r} were passed with the rows. Labels that were passed:"
            f" {comma_separated(dataset.labels)}."
        )
    return _one_dimensional(dataset.labels[name])


def _aligned_labels(labels: Any, dataset: Dataset) -> Array:
    values, n = _one_dimensional(labels), _n_rows(dataset)
    if n is not None and len(values) != n:
        raise ValueError(
            f"by_labels needs one label for each of the {n} rows, got {len(values)} labels."
        )
    return values


def _one_dimensional(labels: Any) -> Array:
    values = np.asarray(labels.to_numpy() if hasattr(labels, "to_numpy") else labels)
    if values.ndim != 1:
        raise ValueError(f"labels must have shape (n_samples,), got {values.shape}.")
    return values


def _n_rows(dataset: Dataset) -> int | None:
    rows = dataset.y if dataset.X is None else dataset.X
    return None if rows is None else int(rows.shape[0] if hasattr(rows, "shape") else len(rows))


def _by_values(name: str, values: RowValues, max_groups: int) -> Partitioner:
    fit = partial(_fit_values, name, values, max_groups)
    return Partitioner(name, fit, partial(_assign_values, values), _merge_names)


def _fit_values(
    name: str, values_of: RowValues, max_groups: int, dataset: Dataset
) -> tuple[str, ...]:
    """The names of the most frequent values, in order."""
    values = values_of(dataset)
    codes, names = columns.encoded(values)
    if len(names) <= max_groups:
        return tuple(names)
    if values.dtype.kind == "f" and not np.all(values == np.round(values), where=values == values):
        raise ValueError(
            f"{name!r} has {len(names)} different numbers, more than max_groups={max_groups}."
            " Group them with by_quantile, or increase max_groups."
        )
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    frequent = np.sort(np.argsort(-sizes, kind="stable")[:max_groups])
    return tuple(names[i] for i in frequent)


def _assign_values(values_of: RowValues, fitted: tuple[str, ...], dataset: Dataset) -> Groups:
    return _match(*columns.encoded(values_of(dataset)), fitted)


def _match(codes: Array, names: list[str], fitted: tuple[str, ...]) -> Groups:
    """Indices into `names` as indices into the fitted names, "other" and "missing"."""
    index = {name: i for i, name in enumerate(fitted)}
    has_other = any(name not in index for name in names)
    other, gone = len(fitted), len(fitted) + has_other
    new_codes = np.array([*(index.get(name, other) for name in names), gone], dtype=np.intp)
    codes = new_codes[codes]
    has_missing = bool((codes == gone).any())
    return Groups(codes, (*fitted, *["other"] * has_other, *["missing"] * has_missing))


def _merge_names(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(columns.sorted_names([*one, *other]))


def _fit_target(n: int | None, dataset: Dataset) -> tuple[str, Any]:
    """The type of the targets, "labels", "reals" or "classes", and their fitted groups."""
    y = _target(dataset)
    if y.ndim == 2 and y.shape[1] > 1:
        return "labels", tuple(f"label {i}" for i in range(y.shape[1]))
    _, names = columns.encoded(y.reshape(-1)) if y.dtype.kind != "f" or n is None else (None, [])
    whole = y.dtype.kind != "f" or bool(np.all(y == np.round(y)))
    if n is not None or (len(names) > MAX_GROUPS or not whole):
        return "reals", _fit_edges(_flat_target, n or 4, dataset)
    return "classes", tuple(names)


def _flat_target(dataset: Dataset) -> Array:
    return _target(dataset).reshape(-1)


def _assign_target(fitted: tuple[str, Any], dataset: Dataset) -> Groups:
    kind, groups = fitted
    if kind == "labels":
        return Groups(_target(dataset).astype(bool), groups)
    return (_assign_edges if kind == "reals" else _assign_values)(_flat_target, groups, dataset)


def _merge_target(one: tuple[str, Any], other: tuple[str, Any]) -> tuple[str, Any]:
    if one[0] == other[0] == "classes":
        return "classes", _merge_names(one[1], other[1])
    if not equal_fitted(one, other):
        raise UnmergeableGroups("target")
    return one


def _fit_edges(values_of: RowValues, n: int, dataset: Dataset) -> tuple[float, ...]:
    """Inner edges at quantiles; a value on an edge belongs to the group below it."""
    values = values_of(dataset)
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"Quantiles need numbers, got {values[:3].tolist()}. Use by_column for other values."
        )
    values = values[~is_missing(values)].astype(np.float64)
    if not len(values):
        return ()
    edges = np.unique(np.quantile(values, np.arange(1, n) / n))
    used = np.unique(np.searchsorted(edges, values))  # ties leave some groups empty
    return tuple(edges[used[:-1]].tolist())


def _assign_edges(values_of: RowValues, edges: tuple[float, ...], dataset: Dataset) -> Groups:
    values = values_of(dataset)
    gone = is_missing(values)
    codes = np.searchsorted(np.array(edges), np.where(gone, 0, values).astype(np.float64))
    names = _interval_names(edges)
    if gone.any():
        codes, names = np.where(gone, len(names), codes), (*names, "missing")
    return Groups(codes, names)


def _interval_names(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Names of the intervals, with as many digits as are needed for distinct names."""
    if not edges:
        return ("any value",)
    texts = [columns.name_of(edge) for edge in edges]
    for digits in (4, 6, 9, 12):
        rounded = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(rounded)) == len(edges):
            texts = rounded
            break
    inner = [f"{low} to {high}" for low, high in zip(texts, texts[1:], strict=False)]
    return (f"up to {texts[0]}", *inner, f"over {texts[-1]}")


def _fit_function(function: Callable[[Any], Any], dataset: Dataset) -> tuple[str, ...]:
    labels = function(dataset.X)
    if isinstance(labels, Mapping):
        return tuple(labels)
    return tuple(columns.encoded(_one_dimensional(labels))[1])


def _assign_function(
    function: Callable[[Any], Any], fitted: tuple[str, ...], dataset: Dataset
) -> Groups:
    labels = function(dataset.X)
    if isinstance(labels, Mapping):
        masks = [np.asarray(mask, dtype=bool) for mask in labels.values()]
        return Groups(np.stack(masks, 1), (*labels,))
    return _match(*columns.encoded(_one_dimensional(labels)), fitted)
