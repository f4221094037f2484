"""One column of any table, its missing values, and the names of its values."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.messages import comma_separated, did_you_mean, plain_repr
from mlpkit.plugin import Array


def names_of(X: Any) -> list[str] | None:
    """The column names of a table; None for an array."""
    columns = getattr(X, "columns", None)
    return None if columns is None else list(columns)


def column(X: Any, key: str | int) -> Array:
    """A column by name or index, (n,), of a pandas or polars frame, an array or a sparse matrix.

    >>> column(np.array([[1, 2], [3, 4]]), 1).tolist()
    [2, 4]
    """
    names = names_of(X)
    if X is None:
        raise ValueError(f"partition by column {plain_repr(key)} needs X, and there is none.")
    if names is not None:
        if key not in names and not isinstance(key, int):
            raise ValueError(
                f"X has no column {plain_repr(key)}; columns: {comma_separated(names[:50])}."
                f" {did_you_mean(str(key), [n for n in names if isinstance(n, str)])}".rstrip()
            )
        at = names.index(key) if key in names else int(key)
        _check_index(at, len(names))
        series = X.iloc[:, at] if hasattr(X, "iloc") else X[:, at]
        plain = getattr(series.dtype, "kind", "O") in "biufM"  # others may hold missing values
        if hasattr(X, "iloc") and not plain:
            return series.to_numpy(dtype=object)  # type: ignore[no-any-return]
        return series.to_numpy()  # type: ignore[no-any-return]
    if isinstance(key, str):
        raise ValueError(
            f"X has no column names, so there is no column {plain_repr(key)}: give an index, 0 to"
            f" {np.shape(X)[1] - 1}, or a frame."
        )
    _check_index(key, X.shape[1] if issparse(X) else np.shape(X)[1])
    if issparse(X):
        return X.tocsc()[:, [key]].toarray().ravel()  # type: ignore[no-any-return]
    return np.asarray(X)[:, key]


def _check_index(at: int, n_columns: int) -> None:
    if not -n_columns <= at < n_columns:
        raise ValueError(f"X has no column {at}; it has {n_columns}, 0 to {n_columns - 1}.")


def labels_of(given: Any, n_rows: int, what: str = "rows") -> dict[str, Any]:
    """Labels beside the rows as columns (n,) by name: of a dict, a frame, a structured array;
    one column alone is called "labels".

    >>> labels_of({"sex": ["f", "m"]}, 2)
    {'sex': ['f', 'm']}
    """
    if given is None:
        return {}
    names = names_of(given)
    fields = getattr(getattr(given, "dtype", None), "names", None)
    if isinstance(given, Mapping):
        found = dict(given)
    elif names is not None or fields:
        found = {str(name): given[name] for name in names or fields or ()}
    else:
        found = {str(getattr(given, "name", None) or "labels"): given}
    for name, values in found.items():
        if len(values) != n_rows:
            raise ValueError(
                f"labels {name!r} of the {what} are for {len(values)} rows; there are {n_rows}."
            )
    return found


def missing(values: Array) -> Array:
    """Where a value is None, NaN, NaT or pandas' NA; bool (n,)."""
    if values.dtype.kind in "fc":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.array([_is_missing(v) for v in values], dtype=bool)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def named(values: Array) -> tuple[Array, list[str]]:
    """Codes (n,) of the values, -1 for missing, and the name of each code, in order.

    >>> codes, names = named(np.array([2.0, 10.0, np.nan, 2.0]))
    >>> codes.tolist(), names
    ([0, 1, -1, 0], ['2', '10'])
    """
    if values.dtype.kind == "O":
        listed = values.tolist()
        typed = list(zip(map(type, listed), listed, strict=True))  # True is not 1 here
        found = dict.fromkeys(typed)
        gone = missing(np.fromiter((v for _, v in found), dtype=object, count=len(found)))
        distinct = [v for (_, v), m in zip(found, gone, strict=True) if not m]
        place = dict(zip(found, np.where(gone, -1, np.cumsum(~gone) - 1).tolist(), strict=True))
        codes = np.fromiter(map(place.__getitem__, typed), dtype=np.intp, count=len(typed))
    else:
        gone = missing(values)
        unique, inverse = np.unique(values[~gone], return_inverse=True)
        codes = np.full(len(values), -1, dtype=np.intp)
        codes[~gone] = inverse
        distinct = unique.tolist() if values.dtype.kind not in "mM" else list(unique.astype(str))
    texts = [name_of(v) for v in distinct]
    names = in_order(texts)
    order = {name: i for i, name in enumerate(names)}
    to = np.array([*(order[text] for text in texts), -1], dtype=np.intp)
    return to[codes], names


def name_of(value: Any) -> str:
    """A value as the name of a group; those that mean something to us are quoted.

    >>> name_of(3.0), name_of("a b"), name_of("other")
    ('3', 'a b', "'other'")
    """
    if isinstance(value, float | np.floating):
        return repr(float(value)).removesuffix(".0")
    text = " ".join(str(value).split())
    return repr(text) if text in ("other", "missing", "") else text


def in_order(names: Iterable[str]) -> list[str]:
    """Distinct names; numbers by their size, in names too.

    >>> in_order(["x10", "x9", "b"]), in_order(["10", "-9.5"])
    (['b', 'x9', 'x10'], ['-9.5', '10'])
    """
    distinct = sorted(set(names))
    try:
        return sorted(distinct, key=float)
    except ValueError:
        parts = [re.split(r"(\d+)", name) for name in distinct]
        keys = [[int(p) if i % 2 else p for i, p in enumerate(part)] for part in parts]
        return [name for _, name in sorted(zip(keys, distinct, strict=True))]
