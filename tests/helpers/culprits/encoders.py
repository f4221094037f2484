"""Encoders that each break one law; `encoders.Levels` is a correct one."""

from typing import Any, Self

import numpy as np
from encoders import Levels, columns_of, is_number

from mlpkit.plugin import Array, Arrays, Column, PortableEncoding


class Nameless(Levels):
    """Rejects text without the name of the column."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        for _, values in columns_of(X):
            if any(isinstance(v, str) for v in values):
                raise ValueError("text is not supported")
        return super().fit(X)


class Repeated(Levels):
    """All columns have the same name."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The encoded columns."""
        return tuple(c._replace(name="x") for c in super().columns)


class OtherNames(Levels):
    """`get_feature_names_out` returns other names."""

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The names of the columns."""
        return super().get_feature_names_out() + "_out"


class Infinite(Levels):
    """Divides by a spread that is 0."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        return super().transform(X) + np.inf


class TooFewLevels(Levels):
    """Has no level for unseen values, whose code is the last one plus 1."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        for i, (levels, (_, values)) in enumerate(zip(self.levels_, columns_of(X), strict=True)):
            if levels:
                unseen = [isinstance(v, str) and v not in levels for v in values]
                rows[unseen, i] = len(levels) + 1
        return rows


class Propagating(Levels):
    """Missing numbers stay missing."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        for i, (_, values) in enumerate(columns_of(X)):
            gone = [not is_number(v) and not isinstance(v, str) for v in values]
            if all(gone):
                rows[gone, i] = np.nan
        return rows


class Unscaled(Levels):
    """Divides by the standard deviation, also if it is 0."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        super().fit(X)
        for i, (_, values) in enumerate(columns_of(X)):
            if len({v for v in values if is_number(v)}) == 1:
                self.numbers_[i, 1] = 0.0
        return self

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        with np.errstate(all="ignore"):
            return super().transform(X)


class Unclipped(Levels):
    """Infinite numbers stay infinite."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        for i, (_, values) in enumerate(columns_of(X)):
            infinite = [isinstance(v, float) and np.isinf(v) for v in values]
            rows[infinite, i] = np.inf
        return rows


class NeedsRows(Levels):
    """Squeezes the result, so that a table without rows has no columns."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        return rows if len(rows) else np.zeros((0, 0))


class ByPosition(Levels):
    """Uses the position of columns instead of their names."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        names, self.names_ = self.names_, [name for name, _ in columns_of(X)]
        try:
            return super().transform(X)
        finally:
            self.names_ = names


class ByType(Levels):
    """Only values of the very types of `fit` count."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        self.types_ = [{repr(v) for v in values} for _, values in columns_of(X)]
        return super().fit(X)

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        for i, (types, (_, values)) in enumerate(zip(self.types_, columns_of(X), strict=True)):
            if i < 2:
                rows[[repr(v) not in types for v in values], i] = 0.0
        return rows


class Centred(Levels):
    """Subtracts the mean of the rows that it encodes."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        is_text = np.array([bool(levels) for levels in self.levels_])
        means = rows.mean(axis=0) if len(rows) else 0.0
        return np.where(is_text, rows, rows - means)


class Cumulative(Levels):
    """Adds the first number of the rows that it encodes to the others."""

    def transform(self, X: Any) -> Array:
        """Encode rows."""
        rows = super().transform(X)
        if len(rows):
            rows[:, 0] += rows[0, 0]
        return rows


class Rounded(Levels):
    """The stored state has fewer digits."""

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """What `fit` learned."""
        arrays, settings = super().get_state()
        return {"numbers": arrays["numbers"].astype(np.float32)}, settings


class Filling(Levels):
    """Writes into the table."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        if isinstance(X, np.ndarray):
            X[0] = X[1]
        return super().fit(X)


class Growing(Levels):
    """Keeps the levels of an earlier fit."""

    count_ = 0

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        super().fit(X)
        self.count_ += 1
        self.numbers_[:, 1] *= self.count_
        return self


class NeedsTargets(Levels):
    """Cannot be fitted without targets."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from a table."""
        if y is None:
            raise ValueError("y is required")
        return super().fit(X)


class Undescribed(Levels):
    """The description for exporters leaves out the means."""

    def portable(self) -> PortableEncoding:
        """The description of another encoder."""
        other = type(self)(self.scale).set_state(*self.get_state())
        other.numbers_ = self.numbers_ * [0, 1]
        return Levels.portable(other)


class OtherColumns(Levels):
    """Learns other means from single columns."""

    def fit_columns(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[int, Array]:
        """Learn from a table."""
        self.fit(X, y, sample_weight)
        self.numbers_ = self.numbers_ + 1
        return {}


class Uncopied(Levels):
    """A pickle loses what was learned."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "numbers_": np.ones((len(self.names_), 2))}


class Unrecognized(Levels):
    """Looks fitted before it is fitted."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__(scale)
        self.scale_ = scale


ENCODERS: dict[str, Any] = {
    "rejected_columns_are_named": Nameless,
    "columns_are_described": OtherNames,
    "encoded_rows_are_valid": Infinite,
    "unseen_levels": TooFewLevels,
    "missing_values": Propagating,
    "missing_and_constant_columns": Unscaled,
    "infinite_values": Unclipped,
    "an_empty_table": NeedsRows,
    "order_of_columns": ByPosition,
    "types_of_columns": ByType,
    "chunks_equal_the_whole": Centred,
    "rows_do_not_depend_on_others": Cumulative,
    "state_is_restored": Rounded,
    "the_description_encodes_alike": Undescribed,
    "input_is_not_modified": Filling,
    "fit_is_deterministic": Growing,
    "targets_and_weights_are_optional": NeedsTargets,
    "copies_are_equal": Uncopied,
    "a_fitted_encoder_is_recognized": Unrecognized,
    "columns_are_learned_one_by_one": OtherColumns,
}
