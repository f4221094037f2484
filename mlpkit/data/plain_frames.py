"""Conversion of dataframes with numeric columns, without the checks that others need."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import Array


def frame_values(X: Any, names: Sequence[str] | None) -> Array | None:
    """The values of a dataframe of pandas or polars whose columns are as in `fit`.

    Parameters
    ----------
    X : object
        Data as the user passed it.
    names : sequence of str or None
        Column names of `fit`. None if it got an array, or names that are not strings, which
        scikit-learn ignores.

    Returns
    -------
    values : ndarray of shape (n_samples, n_columns) or None
        What scikit-learn's `check_array` converts X to. None if X is not a dataframe or if its
        names or dtypes need its checks.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    >>> frame_values(X, ["a", "b"])
    array([[1. , 0.5],
           [2. , 1.5]])
    >>> frame_values(X, ["b", "a"]) is frame_values(X.astype(str), ["a", "b"]) is None
    True
    """
    if _is_dataframe_of("pandas", X):
        is_plain = _are_names(X.columns.tolist(), names) and _are_numbers(X.dtypes.tolist())
        return X.to_numpy() if is_plain else None
    if _is_dataframe_of("polars", X):
        is_plain = _are_names(X.columns, names) and all(t.is_numeric() for t in set(X.dtypes))
        return np.asarray(X) if is_plain else None
    return None


def _is_dataframe_of(library: str, X: Any) -> bool:
    """Whether X is a dataframe of a library that the program imported, and of no subclass."""
    return type(X) is getattr(sys.modules.get(library), "DataFrame", None)


def _are_names(columns: list[Any], names: Sequence[str] | None) -> bool:
    """Whether scikit-learn accepts the columns silently after a fit with these names."""
    types = set(map(type, columns))
    if names is None:
        return types == {int}
    return types == {str} and columns == list(names)


def _are_numbers(dtypes: list[Any]) -> bool:
    """Whether columns of pandas are arrays of NumPy with floats or integers."""
    return all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in set(dtypes))
