"""A fitted encoder inside an estimator: from the table that a user passes to numbers."""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.validation import _is_fitted

from mlpkit.data.row_sources import StoredTable
from mlpkit.data.tables import n_rows_of, nested_columns
from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.messages import escaped, plain_repr
from mlpkit.plugin import Array, Column, Dataset, InvalidResult
from mlpkit.registry.labels import component_label
from mlpkit.registry.lookup import resolve
from mlpkit.training.parameters import Parameters
from mlpkit.training.support import declared

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
            return X.converted(lambda part: self.rows(part, dtype))
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
        return rows  # type: ignore[no-any-return]

    def _converted(self, rows: Any) -> Any:
        """The result of a transformer of scikit-learn as floats."""
        if is_encoder(self.encoder):
            dtype = getattr(rows, "dtype", None)
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


def is_encoder(encoder: Any) -> bool:
    """Return whether an object is an `Encoder`; else it is a transformer of scikit-learn."""
    return hasattr(type(encoder), "get_state")


def fitted_encoding(
    parameters: Parameters, table: Dataset, data: Dataset, incremental: bool
) -> tuple[Encoding, Array]:
    """Return the fitted encoder and the encoded training rows.

    Parameters
    ----------
    parameters : Parameters
    table : Dataset
        The training rows, with the targets as the user passed them.
    data : Dataset
        The same rows with encoded targets and with class weights applied.
    incremental : bool
        Whether an encoder that is already fitted is used as it is, in `partial_fit`.
    """
    label = component_label("encoder", parameters.encoder)
    keeps_sparse = parameters.builder in (None, "dense") and "sparse_rows" in declared(parameters)
    if incremental and _is_fitted_object(parameters.encoder):
        _check_options(parameters)
        encoder = parameters.encoder
        rows = encoder.transform(table.X)
    else:
        encoder = new_encoder(parameters, label)
        if isinstance(table.X, StoredTable) and not hasattr(type(encoder), "fit_columns"):
            table = table._replace(
                X=table.X.in_memory(f"{label}, which learns from all rows at once,")
            )
        rows = _fit_transform(encoder, label, table, data)
    columns = _columns(encoder, label, rows, getattr(encoder, "feature_names_in_", None))
    name, options = parameters.encoder, dict(parameters.encoder_options or {})
    origin = (name, options) if isinstance(name, str) else None
    encoding = Encoding(encoder, label, columns, keeps_sparse, origin)
    if isinstance(table.X, StoredTable):
        return encoding, _encoded_by_columns(encoding, table.X, rows, parameters.dtype)
    return encoding, as_dtype(encoding.checked(rows, n_rows_of(table.X)), parameters.dtype)


def _encoded_by_columns(
    encoding: Encoding, table: StoredTable, columns: dict[int, Array], dtype: str | None
) -> Any:
    """The encoded training rows of a table in files, some columns of which `fit_columns` made."""
    rows = encoding.rows(table, dtype)
    for i, column in columns.items():
        if isinstance(rows, ShardedRows):
            rows.replace_column(i, column)
        else:
            rows[:, i] = column
    return rows


def new_encoder(parameters: Parameters, label: str) -> Any:
    """Return a new encoder: that of a name, or a clone of an object."""
    encoder = parameters.encoder
    if isinstance(encoder, str):
        factory, options = resolve("encoder", encoder, parameters.encoder_options)
        made = factory(**options)
        if not all(hasattr(type(made), n) for n in ("fit", "transform", "columns", "get_state")):
            raise InvalidResult(
                f"{label} returned {plain_repr(made)}; expected an object with the methods and"
                " properties of mlpkit.plugin.Encoder."
            )
        return made
    _check_options(parameters)
    if isinstance(encoder, type):
        raise ValueError(
            f"encoder must be an object, got the class {encoder.__name__}. Did you mean"
            f" encoder={encoder.__name__}()?"
        )
    return clone(encoder, safe=False)


def _check_options(parameters: Parameters) -> None:
    """Raise ValueError if there are options for an object."""
    if parameters.encoder_options:
        raise ValueError(
            "encoder_options requires the name of an encoder, got"
            f" {type(parameters.encoder).__name__}. Create the encoder with these options."
        )


def _is_fitted_object(encoder: Any) -> bool:
    return not isinstance(encoder, str | type) and _is_fitted(encoder)


def _fit_transform(encoder: Any, label: str, table: Dataset, data: Dataset) -> Any:
    """Fit an encoder, and return the encoded rows, or for a table in files its own columns.

    An `Encoder` receives encoded targets, a transformer of scikit-learn those of the user.
    """
    y: Any = table.y
    if is_encoder(encoder):
        y = np.asarray(data.y, dtype=float)
        nested = {} if isinstance(table.X, StoredTable) else nested_columns(table.X)
        if nested:
            name, kind = next(iter(nested.items()))
            raise ValueError(
                f"X has nested values in column {name!r}: values of type {kind}. {label} accepts"
                " one value in each cell: a number, text, a boolean or a date."
            )
    weights: dict[str, Any] = {}
    if table.sample_weight is not None and "sample_weight" in signature(encoder.fit).parameters:
        weights["sample_weight"] = table.sample_weight
    if isinstance(table.X, StoredTable):
        return encoder.fit_columns(table.X, y, **weights)
    if hasattr(encoder, "fit_transform"):
        return encoder.fit_transform(table.X, y, **weights)
    return encoder.fit(table.X, y, **weights).transform(table.X)


def _columns(
    encoder: Any, label: str, rows: Any, sources: Sequence[str] | None
) -> tuple[Column, ...]:
    """Return the columns of encoded rows; those of a transformer of scikit-learn are numeric."""
    columns: Any = getattr(encoder, "columns", None)
    is_valid = isinstance(columns, tuple) and all(isinstance(c, Column) for c in columns)
    if is_valid and (columns or is_encoder(encoder)):
        return columns  # type: ignore[no-any-return]
    if is_encoder(encoder):
        raise InvalidResult(
            f"{label} has columns={reprlib.repr(columns)}; expected a tuple of"
            " mlpkit.plugin.Column."
        )
    n_columns = rows.shape[1] if len(getattr(rows, "shape", ())) == 2 else 1
    try:
        names = [str(name) for name in encoder.get_feature_names_out()]
    except (AttributeError, ValueError):
        names = []
    if len(names) != n_columns:
        names = [f"x{i}" for i in range(n_columns)]
    known = set() if sources is None else set(sources)
    return tuple(Column(name, name if name in known else "") for name in names)
