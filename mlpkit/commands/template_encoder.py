"""The template of a new encoder."""

ENCODER = '''
"""Ranks of numbers among the training rows, with an indicator of missing values."""

from typing import Any, Self

import numpy as np

from mlpkit.plugin import Array, Arrays, Column


def numbers(X: Any) -> dict[str, Array]:
    """Return the columns of a dataframe or an array as floats; missing values are NaN."""
    is_arrow = hasattr(type(X), "column_names")  # a table of pyarrow
    names = X.column_names if is_arrow else getattr(X, "columns", None)
    if names is None:
        columns: dict[str, Any] = {f"x{i}": values for i, values in enumerate(np.asarray(X).T)}
    else:
        columns = {str(name): X[name] for name in names}
    floats = {}
    for name, values in columns.items():
        array = np.asarray(values)
        try:
            if array.dtype.kind not in "biufO":
                raise TypeError(f"its dtype is {array.dtype}")
            floats[name] = np.asarray(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {name!r} must contain numbers: {error}") from error
    return floats


class $Class:
    """The encoder; users set ``missing`` with ``encoder_options={"missing": 0.0}``."""

    def __init__(self, missing: float = 0.5) -> None:
        self.missing = missing

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the sorted values of each column."""
        self.sorted_ = {n: np.sort(v[~np.isnan(v)]) for n, v in numbers(X).items()}
        return self

    def transform(self, X: Any) -> Array:
        """Return two columns for each column of the table: its rank, and whether it is missing."""
        columns, encoded = numbers(X), []
        for name, known in self.sorted_.items():
            values = columns[name]
            gone = np.isnan(values)
            ranks = np.searchsorted(known, values) / max(len(known), 1)
            encoded += [np.where(gone, self.missing, ranks), gone.astype(float)]
        return np.stack(encoded, axis=1)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The encoded columns, which builders receive as ``spec.columns``."""
        described: list[Column] = []
        for name in self.sorted_:
            described += [Column(name, name), Column(f"{name}_missing", name, "missing")]
        return tuple(described)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the encoded columns."""
        return np.array([column.name for column in self.columns], dtype=object)

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return what `fit` learned: arrays, and values that JSON can represent."""
        arrays = {f"sorted_{i}": values for i, values in enumerate(self.sorted_.values())}
        return arrays, {"names": list(self.sorted_)}

    def set_state(self, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Restore what `get_state` returned."""
        self.sorted_ = {n: arrays[f"sorted_{i}"] for i, n in enumerate(settings["names"])}
        return self


def $id(missing: float = 0.5) -> $Class:
    """Return a new encoder."""
    return $Class(missing)
'''
