"""Columns of any table, as arrays."""

from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]
from scipy.sparse import issparse

from mlpkit.plugin import Array

MANY = 20  # values of a column that become features of their own


def n_rows(X: Any) -> int:
    """The number of rows."""
    return int(X.shape[0] if hasattr(X, "shape") else len(X))


def column(X: Any, key: str | int) -> Array:
    """A column by name or index, (n,)."""
    if X is None:
        raise ValueError(f"partition by column {key!r} needs X, got X=None.")
    if not hasattr(X, "columns"):
        if isinstance(key, str):
            raise ValueError(f"X has no column names, so there is no column {key!r}.")
        if issparse(X):
            return np.asarray(X.tocsc()[:, [key]].toarray().ravel())
        return np.asarray(X)[:, key]
    names = list(X.columns)
    if key not in names and not isinstance(key, int):
        raise ValueError(f"X has no column {key!r}; columns: {', '.join(map(str, names))}.")
    name = key if key in names else names[int(key)]
    return np.asarray(X[name].to_numpy())


class Features:
    """A table as numbers: reals as they are, the most frequent values of others as 0 and 1.

    ``names`` has, for each feature, the column and the value, None for reals.
    """

    def __init__(self, X: Any) -> None:
        self.names: list[tuple[str, Any]] = []
        self.plain = not hasattr(X, "columns")
        if self.plain:
            self.names = [(f"x{i}", None) for i in range(np.shape(X)[1])]
            return
        for name in X.columns:
            values = column(X, name)
            if values.dtype.kind in "biuf":
                self.names.append((name, None))
            elif values.dtype.kind != "M":
                frequent = pd.Series(values, dtype=object).value_counts().index[:MANY]
                self.names += [(name, value) for value in frequent]

    def of(self, X: Any) -> Any:
        """The features, float (n, n_features) with NaN where missing; sparse X stays sparse."""
        if issparse(X):
            return X.tocsr()
        if self.plain:
            return np.asarray(X, dtype=np.float64)
        found = [
            column(X, name).astype(np.float64)
            if value is None
            else np.array([v == value for v in column(X, name)], dtype=np.float64)
            for name, value in self.names
        ]
        return np.column_stack(found) if found else np.zeros((n_rows(X), 0))
