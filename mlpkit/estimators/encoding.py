"""A fitted encoder inside an estimator: from the table that a user passes to numbers."""

import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.data.row_sources import StoredTable
from mlpkit.data.tables import column_names, n_rows_of
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.estimators.encoder_keys import learned_key
from mlpkit.estimators.stored_rows import converted
from mlpkit.messages import escaped
from mlpkit.plugin import Array, Column, InvalidResult

FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Encoding:
    """A fitted encoder with the columns of its rows.

    Parameters
    ----------
    encoder : object
        An `Encoder`, or a transformer of scikit-learn.
    label : str
        The name of the encoder in messages.
    columns : tuple of Column
        The columns of encoded rows.
    keeps_sparse : bool
        Whether sparse results are passed on; else they are made dense.
    origin : tuple of (str, dict) or None, default=None
        The name and the options that the encoder was created with; None for an object.
    """

    encoder: Any
    label: str
    columns: tuple[Column, ...]
    keeps_sparse: bool
    origin: tuple[str, dict[str, Any]] | None = None

    def rows(self, X: Any, dtype: str | None = None) -> Any:
        """The encoded rows of a validated table, (n, n_columns); None keeps their dtype."""
        if isinstance(X, StoredTable):
            key = None if X.cache is None else learned_key(self.encoder, self.origin)
            content = None if key is None else {"learned": key, "dtype": dtype}
            return converted(X, lambda part: self.rows(part, dtype), content)
        return as_dtype(self.checked(self.encoder.transform(X), n_rows_of(X)), dtype)

    def checked(self, rows: Any, n: int) -> Array:
        """The rows that the encoder returned, as an array of floats.

        Raises InvalidResult if they violate the contract. What a transformer of scikit-learn
        returns is converted; ValueError is raised if it contains text or missing values.
        """
        dtype = getattr(rows, "dtype", None)
        if dtype is None or dtype.name not in FLOATS or not isinstance(rows, np.ndarray):
            rows = self._converted(rows)
        if rows.shape != (n, len(self.columns)):
            raise InvalidResult(
                f"{self.label} returned rows of shape {rows.shape}; expected"
                f" {(n, len(self.columns))}, since it was given {n} rows and has"
                f" {len(self.columns)} columns."
            )
        values = rows.data if issparse(rows) else rows
        with np.errstate(all="ignore"):
            is_finite = np.isfinite(values.sum()) or np.isfinite(values).all()
        if not is_finite:
            raise self._not_finite(rows.toarray() if issparse(rows) else rows)
        return rows

    def _converted(self, rows: Any) -> Any:
        """The result of a transformer of scikit-learn as floats."""
        if is_encoder(self.encoder):
            if column_names(rows) is not None:  # by `set_output` or `sklearn.set_config`
                rows = np.asarray(rows)
            dtype = getattr(rows, "dtype", None)
            if isinstance(rows, np.ndarray) and rows.dtype.name in FLOATS:
                return rows
            of = "" if dtype is None else f" of dtype {dtype}"
            raise InvalidResult(
                f"{self.label} returned a {type(rows).__name__}{of}; expected a NumPy array of"
                " dtype float32 or float64."
            )
        if issparse(rows):
            rows = rows.tocsr() if self.keeps_sparse else rows.toarray()
            return rows if rows.dtype.name in FLOATS else rows.astype(np.float64)
        array = np.asarray(rows)
        if array.ndim != 2:
            raise InvalidResult(
                f"{self.label} returned {reprlib.repr(rows)}; expected a two-dimensional array"
            )
        if array.dtype.name in FLOATS:
            return array
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._not_numeric(array, error) from error

    def _not_numeric(self, rows: Array, error: Exception) -> ValueError:
        """The error for columns that are not numbers."""
        for column, values in zip(self.columns, rows.T, strict=False):
            for value in values:
                if not _is_number(value):
                    return ValueError(
                        f"{self.label} returned values of {escaped(column.name)!r} that are not"
                        f" numbers, such as {reprlib.repr(value)}. Encode this column too, or drop"
                        " it."
                    )
        return ValueError(f"{self.label} returned values that are not numbers: {error}")

    def _not_finite(self, rows: Array) -> Exception:
        """The error for values that are missing or infinite, with the name of a column."""
        row, index = np.argwhere(~np.isfinite(rows))[0]
        value = rows[row, index]
        found = "NaN" if np.isnan(value) else "infinity"
        text = (
            f"{self.label} returned {found} in column {escaped(self.columns[index].name)!r}"
            f" (row {row})"
        )
        if is_encoder(self.encoder):
            return InvalidResult(f"{text}; expected finite numbers.")
        remedy = (
            "Impute missing values first, for example with sklearn.impute.SimpleImputer."
            if found == "NaN"
            else "Replace infinite values in X."
        )
        return ValueError(f"{text}. {remedy}")


def _is_number(value: Any) -> bool:
    """Return whether a value can be converted to float64."""
    try:
        np.float64(value)  # None is NaN
    except (TypeError, ValueError, OverflowError):
        return False
    return True
