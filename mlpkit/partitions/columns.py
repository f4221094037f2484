"""Columns of any table, their missing values, and the names of their values."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.data.tables import arrow_values, column_names, is_arrow, is_missing
from mlpkit.messages import comma_separated, did_you_mean, plain_repr
from mlpkit.plugin import Array


def column(X: Any, key: str | int) -> Array:
    """A column (n,) by name or index of a pandas or polars frame, an array or a sparse matrix.

    >>> column(np.array([[1, 2], [3, 4]]), 1).tolist()
    [2, 4]
    """
    names = column_names(X)
    if X is None:
        raise ValueError(f"A partition by column {plain_repr(key)} needs X, got X=None.")
    if names is not None:
        if key not in names and not isinstance(key, int):
            raise ValueError(
                f"X has no column {plain_repr(key)}. Its columns are:"
                f" {comma_separated(names[:50])}."
                f" {did_you_mean(str(key), [n for n in names if isinstance(n, str)])}".rstrip()
            )
        index = names.index(key) if key in names else int(key)
        _check_index(index, len(names))
        if is_arrow(X):
            return arrow_values(X.column(index))
        series = X.iloc[:, index] if hasattr(X, "iloc") else X[:, index]
        plain = getattr(series.dtype, "kind", "O") in "biufM"  # others may hold missing values
        if hasattr(X, "iloc") and not plain:
            return series.to_numpy(dtype=object)
        return series.to_numpy()
    if isinstance(key, str):
        raise ValueError(
            f"X has no column names, so that column {plain_repr(key)} cannot be selected. Pass an"
            f" index from 0 to {np.shape(X)[1] - 1}, or X as a frame."
        )
    _check_index(key, X.shape[1] if issparse(X) else np.shape(X)[1])
    if issparse(X):
        return X.tocsc()[:, [key]].toarray().ravel()
    return np.asarray(X)[:, key]


def _check_index(index: int, n_columns: int) -> None:
    if not -n_columns <= index < n_columns:
        raise ValueError(
            f"X has no column {index}. Its {n_columns} columns have the indices 0 to"
            f" {n_columns - 1}."
        )


def labels_of(labels: Any, n_rows: int, rows_of: str = "X") -> dict[str, Any]:
    """The argument ``labels=`` as columns (n,) by name.

    It may be a dict, a frame, a structured array, or one column, which is called "labels" unless
    it has a name. ``rows_of`` names the rows in messages.

    >>> labels_of({"sex": ["f", "m"]}, 2)
    {'sex': ['f', 'm']}
    """
    if labels is None:
        return {}
    names = column_names(labels)
    fields = getattr(getattr(labels, "dtype", None), "names", None)
    if isinstance(labels, Mapping):
        columns = dict(labels)
    elif names is not None or fields:
        columns = {str(name): labels[name] for name in names or fields or ()}
    else:
        columns = {str(getattr(labels, "name", None) or "labels"): labels}
    for name, values in columns.items():
        if len(values) != n_rows:
            raise ValueError(
                f"labels {name!r} must have one value for each of the {n_rows} rows of {rows_of},"
                f" got {len(values)} values."
            )
    return columns


def encoded(values: Array) -> tuple[Array, list[str]]:
    """Codes (n,) of the values, -1 for missing, and the name of each code, in order.

    >>> codes, names = encoded(np.array([2.0, 10.0, np.nan, 2.0]))
    >>> codes.tolist(), names
    ([0, 1, -1, 0], ['2', '10'])
    """
    if values.dtype.kind == "O":
        objects = values.tolist()
        typed = list(zip(map(type, objects), objects, strict=True))  # True and 1 are distinct
        keys = dict.fromkeys(typed)
        gone = is_missing(np.fromiter((v for _, v in keys), dtype=object, count=len(keys)))
        distinct = [v for (_, v), m in zip(keys, gone, strict=True) if not m]
        code_of = dict(zip(keys, np.where(gone, -1, np.cumsum(~gone) - 1).tolist(), strict=True))
        codes = np.fromiter(map(code_of.__getitem__, typed), dtype=np.intp, count=len(typed))
    else:
        gone = is_missing(values)
        unique, inverse = np.unique(values[~gone], return_inverse=True)
        codes = np.full(len(values), -1, dtype=np.intp)
        codes[~gone] = inverse
        distinct = unique.tolist() if values.dtype.kind not in "mM" else list(unique.astype(str))
    texts = [name_of(v) for v in distinct]
    names = sorted_names(texts)
    order = {name: i for i, name in enumerate(names)}
    new_codes = np.array([*(order[text] for text in texts), -1], dtype=np.intp)
    return new_codes[codes], names


def name_of(value: Any) -> str:
    """The name of the group of a value; "other", "missing" and "" are quoted.

    >>> name_of(3.0), name_of("a b"), name_of("other")
    ('3', 'a b', "'other'")
    """
    if isinstance(value, float | np.floating):
        return repr(float(value)).removesuffix(".0")
    text = " ".join(str(value).split())
    return repr(text) if text in ("other", "missing", "") else text


def sorted_names(names: Iterable[str]) -> list[str]:
    """Distinct names in order; numbers are sorted by value, also within names.

    >>> sorted_names(["x10", "x9", "b"]), sorted_names(["10", "-9.5"])
    (['b', 'x9', 'x10'], ['-9.5', '10'])
    """
    distinct = sorted(set(names))
    try:
        return sorted(distinct, key=float)
    except ValueError:
        pieces = [re.split(r"(\d+)", name) for name in distinct]
        keys = [[int(p) if i % 2 else p for i, p in enumerate(piece)] for piece in pieces]
        return [name for _, name in sorted(zip(keys, distinct, strict=True))]
