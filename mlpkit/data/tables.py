"""Tables of any kind: dataframes of pandas, polars and pyarrow, arrays, sparse matrices.

A dataframe is recognized by its methods, so that no dataframe library is imported.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.messages import comma_separated
from mlpkit.plugin import Array

NESTED = (list, tuple, set, frozenset, Mapping, np.ndarray)


def column_names(X: Any) -> list[Any] | None:
    """The column names of a dataframe; None for an array.

    Raises TypeError for a lazy frame of polars.
    """
    if hasattr(type(X), "collect_schema") and not hasattr(type(X), "shape"):
        raise TypeError(
            f"X is a {type(X).__name__}, whose rows are not in memory. Pass X.collect()."
        )
    names: Any = X.column_names if is_arrow(X) else getattr(X, "columns", None)
    if names is None:
        return None
    # `list` of an index of pandas takes longer
    return names.tolist() if hasattr(names, "tolist") else list(names)


def is_arrow(X: Any) -> bool:
    """Whether it is a table of pyarrow, whose attribute `columns` has the data."""
    return hasattr(type(X), "column_names")  # of the class: a column may have any name


def n_rows_of(X: Any) -> int:
    """The number of rows.

    >>> n_rows_of(np.ones((3, 2)))
    3
    """
    return int(X.shape[0])


def with_columns(X: Any, names: Sequence[str]) -> Any:
    """A dataframe with these columns, in this order."""
    return X.select(names) if hasattr(type(X), "select") else X[list(names)]


def arrow_values(column: Any) -> Array:
    """The values of a column of pyarrow, with None or NaN where they are missing."""
    if str(column.type).startswith("dictionary"):  # `to_numpy` has wrong values for its nulls
        column = column.cast(column.type.value_type)
    return np.asarray(column.to_numpy())


def duplicates(names: Iterable[Any]) -> list[Any]:
    """The names that occur more than once.

    >>> duplicates(["a", "b", "a"])
    ['a']
    """
    return [name for name, count in Counter(names).items() if count > 1]


def check_distinct(names: Iterable[Any]) -> None:
    """Raise ValueError if columns have the same name."""
    if repeated := duplicates(names):
        more = f" and {len(repeated) - 5} more" if len(repeated) > 5 else ""
        raise ValueError(
            "X has several columns of the same name:"
            f" {comma_separated(map(repr, repeated[:5]))}{more}. Rename or drop all but one of"
            " each."
        )


def nested_columns(X: Any) -> dict[Any, str]:
    """The names or indices of columns whose values are containers, with the types of the values.

    >>> nested_columns(np.array([["a", [1, 2]], ["b", [3]]], dtype=object))
    {1: 'list'}
    """
    return {name: kind for name, values in _columns(X) if (kind := _nested_type(values))}


def _columns(X: Any) -> Iterator[tuple[Any, Any]]:
    """The columns that may be nested, by name or index."""
    names = column_names(X)
    if names is None:
        if not issparse(X) and X.dtype.kind == "O":
            yield from enumerate(X.T)
    elif hasattr(type(X), "iloc"):
        for i, name in enumerate(names):
            yield name, X.iloc[:, i]
    elif is_arrow(X):
        yield from zip(names, X.columns, strict=True)
    else:
        for name in names:
            yield name, X[name]


def _nested_type(values: Any) -> str:
    """The type of nested values, or an empty string."""
    dtype = getattr(values, "dtype", None)
    if dtype is None:  # pyarrow, where nested types have fields
        return str(values.type) if values.type.num_fields else ""
    arrow_type = getattr(dtype, "pyarrow_dtype", None)  # pyarrow's types in pandas
    if arrow_type is not None:
        return str(arrow_type) if arrow_type.num_fields else ""
    if hasattr(dtype, "is_nested"):  # polars
        return str(dtype) if dtype.is_nested() else ""
    if getattr(dtype, "kind", "O") != "O" or str(dtype) != "object":
        return ""
    types = dict.fromkeys(map(type, values))
    return next((t.__name__ for t in types if issubclass(t, NESTED)), "")


def is_missing(values: Array) -> Array:
    """Where a value is None, NaN, NaT or pandas.NA; bool (n,)."""
    if values.dtype.kind in "fc":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.array([_is_missing(v) for v in values], dtype=bool)


def check_targets_present(y: Any) -> None:
    """Raise ValueError if targets (n,) or (n, n_outputs) are missing.

    >>> check_targets_present(np.array(["a", None], dtype=object))
    Traceback (most recent call last):
        ...
    ValueError: Input y contains NaN or other missing values: 1 of 2 are missing, the first one \
in row 1. Drop these rows from X and y.
    """
    values: Array = y if type(y) is np.ndarray else np.asarray(y)
    if values.dtype.kind in "OfM" and (missing := is_missing(values.ravel())).any():
        row = int(np.argmax(missing)) // max(1, values.size // len(values))
        raise ValueError(
            "Input y contains NaN or other missing values:"
            f" {int(missing.sum())} of {values.size} are missing, the first one in row {row}. Drop"
            " these rows from X and y."
        )


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value
