"""Columns of frames, arrays and sparse matrices as arrays, and the check of an option."""

from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]
from scipy.sparse import issparse

from mlpkit.plugin import Array

MAX_INDICATORS = 20  # indicators of one column; rarer values have none


def check_n(n: object) -> None:
    """Raise ValueError unless n is an integer of at least 2."""
    if not isinstance(n, int):
        raise ValueError(f"n must be an integer, got {n!r}.")
    if n < 2:
        raise ValueError(f"n must be at least 2, got {n}.")


def n_rows(X: Any) -> int:
    """The number of rows of a frame, an array, a sparse matrix or a list."""
    return int(X.shape[0] if hasattr(X, "shape") else len(X))


def column(X: Any, key: str | int) -> Array:
    """A column by name or index, (n,)."""
    if X is None:
        raise ValueError(f"A partition by column {key!r} needs X, got X=None.")
    if not hasattr(X, "columns"):
        if isinstance(key, str):
            raise ValueError(
                f"X has no column names, got column={key!r}. Pass the index of the column."
            )
        if issparse(X):
            return np.asarray(X.tocsc()[:, [key]].toarray().ravel())
        return np.asarray(X)[:, key]
    names = list(X.columns)
    if key not in names and not isinstance(key, int):
        raise ValueError(f"X has no column {key!r}. Its columns are: {', '.join(map(str, names))}.")
    name = key if key in names else names[int(key)]
    return np.asarray(X[name].to_numpy())


class Features:
    """Conversion of a table to numeric features.

    Numeric columns are kept and dates are ignored. Each of the most frequent values of any other
    column becomes an indicator feature.

    ``names`` holds the column and the value of each feature; the value is None for a numeric
    column.
    """

    def __init__(self, X: Any) -> None:
        self.names: list[tuple[str, Any]] = []
        self.is_array = not hasattr(X, "columns")
        if self.is_array:
            self.names = [(f"x{i}", None) for i in range(np.shape(X)[1])]
            return
        for name in X.columns:
            values = column(X, name)
            if values.dtype.kind in "biuf":
                self.names.append((name, None))
            elif values.dtype.kind != "M":
                frequent = pd.Series(values, dtype=object).value_counts().index[:MAX_INDICATORS]
                self.names += [(name, value) for value in frequent]

    def transform(self, X: Any) -> Any:
        """The features, float (n, n_features), NaN if missing; sparse if X is sparse."""
        if issparse(X):
            return X.tocsr()
        if self.is_array:
            return np.asarray(X, dtype=np.float64)
        columns = [
            column(X, name).astype(np.float64)
            if value is None
            else np.array([v == value for v in column(X, name)], dtype=np.float64)
            for name, value in self.names
        ]
        return np.column_stack(columns) if columns else np.zeros((n_rows(X), 0))
