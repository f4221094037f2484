"""Encoders for tests, written with NumPy alone."""

from typing import Any, Self

import numpy as np

from mlpkit.data.tables import arrow_values, column_names, is_arrow
from mlpkit.plugin import Array, Arrays, Column, Namespace, PortableEncoding, TableColumn


def columns_of(X: Any) -> list[tuple[str, Array]]:
    """The columns of a dataframe or an array, as objects, by name."""
    names = column_names(X)
    if names is None:
        return [(f"x{i}", column) for i, column in enumerate(np.asarray(X, dtype=object).T)]
    if is_arrow(X):
        return [(name, arrow_values(X[name]).astype(object)) for name in names]
    return [(str(name), np.asarray(X[name], dtype=object)) for name in names]


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    is_bool = isinstance(value, bool | np.bool_)
    return not is_bool and isinstance(value, int | float | np.number) and bool(np.isfinite(value))


class Levels:
    """Codes of all text columns; numbers are standardized, and missing ones become 0.

    Level 0 of a text column is for unseen and missing values.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the levels, means and standard deviations."""
        self.y, self.sample_weight = y, sample_weight
        self.names_: list[str] = []
        self.levels_: list[list[str]] = []
        self.numbers_ = np.zeros((0, 2))
        numbers = []
        for name, values in columns_of(X):
            texts = sorted({v for v in values if isinstance(v, str)})
            finite = np.array([v for v in values if is_number(v)], dtype=float)
            self.names_.append(name)
            self.levels_.append(texts)
            numbers.append([finite.mean(), finite.std() or 1.0] if len(finite) else [0.0, 1.0])
        self.numbers_ = np.array(numbers)
        return self

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        by_name = dict(columns_of(X))
        columns: list[list[float]] = []
        for name, levels, (mean, std) in zip(self.names_, self.levels_, self.numbers_, strict=True):
            values = by_name[name]
            if levels:
                code = {level: i for i, level in enumerate(levels, 1)}
                columns.append([code.get(v, 0) if isinstance(v, str) else 0 for v in values])
            else:
                columns.append(
                    [self.scale * (v - mean) / std if is_number(v) else 0.0 for v in values]
                )
        return np.array(columns, dtype=float).reshape(len(self.names_), -1).T

    @property
    def columns(self) -> tuple[Column, ...]:
        """The encoded columns."""
        pairs = zip(self.names_, self.levels_, strict=True)
        return tuple(
            Column(f"{n}_code", n, "category", len(levels) + 1) if levels else Column(n, n)
            for n, levels in pairs
        )

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The names of the columns."""
        return np.array([column.name for column in self.columns], dtype=object)

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """What `fit` learned."""
        return {"numbers": self.numbers_}, {"names": self.names_, "levels": self.levels_}

    def set_state(self, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Restore what `fit` learned."""
        self.numbers_ = arrays["numbers"]
        self.names_, self.levels_ = settings["names"], settings["levels"]
        return self

    def portable(self) -> PortableEncoding:
        """The description for exporters."""
        columns = [
            TableColumn(name, i, "category" if levels else "number", tuple(levels), False)
            for i, (name, levels) in enumerate(zip(self.names_, self.levels_, strict=True))
            if levels or self.numbers_[i].tolist() != [0.0, 1.0]
        ]

        def encode(xp: Namespace, arrays: list[Any]) -> Any:
            encoded = [xp.zeros_like(xp.astype(arrays[0], xp.float64)) for _ in self.names_]
            for column, x in zip(columns, arrays, strict=True):
                mean, std = self.numbers_[column.position]
                if column.levels:
                    table = [*range(1, len(column.levels) + 1), 0, 0]
                    x = xp.take(xp.asarray(table, dtype=xp.float64), x, axis=0)
                else:
                    x = xp.where(xp.isfinite(x), self.scale * (x - mean) / std, 0.0)
                encoded[column.position] = x
            return xp.stack(encoded, axis=1)

        return PortableEncoding(tuple(columns), encode)
