"""The encoder "standard": numeric columns with mean 0 and standard deviation 1."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlpkit.data.plain_frames import frame_values
from mlpkit.data.tables import (
    arrow_values,
    check_distinct,
    column_names,
    is_arrow,
    is_missing,
)
from mlpkit.messages import plain_repr
from mlpkit.plugin import Array, Arrays, Column, Namespace, PortableEncoding, TableColumn

LARGEST = 1e6  # standard deviations; values beyond are clipped, so that none is infinite


class StandardEncoder(TransformerMixin, BaseEstimator):
    """Standardize the columns of a table of numbers and booleans.

    The mean in `fit` is subtracted from each column, and the result is divided by the standard
    deviation. Constant columns and missing values become 0. Columns are found by their names.

    Attributes
    ----------
    columns : tuple of Column
        The columns of the table, all of kind "numeric".
    names_ : list of str
        Their names; ``x0``, ``x1``, ... for an array.
    mean_, scale_ : ndarray of shape (n_columns,), float64
        Mean and standard deviation of each column.

    Examples
    --------
    >>> import numpy as np
    >>> encoder = StandardEncoder().fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> encoder.transform(np.array([[3.0, 7.0], [np.nan, 5.0]]))
    array([[1., 2.],
           [0., 0.]], dtype=float32)
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the mean and the standard deviation of each column.

        Parameters
        ----------
        X : dataframe or ndarray of shape (n, n_features)
            The rows.
        y : None
            Ignored.
        sample_weight : ndarray of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        self : StandardEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If a column has values other than numbers, booleans and missing ones.
        """
        names, statistics = [], []
        for name, values in _columns(X):
            names.append(name)
            statistics.append(_statistics(values, sample_weight))
        self.names_ = names
        self.mean_, self.scale_ = np.array(statistics, dtype=np.float64).reshape(-1, 2).T
        return self

    def fit_columns(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[int, Array]:
        """Learn from a table that does not fit into memory, of which one column is read at a time.

        Parameters
        ----------
        X : object
            The rows, see `mlpkit.plugin.Encoder`.
        y : None
            Ignored.
        sample_weight : ndarray of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        dict
            It is empty: `transform` encodes the training rows like any other.
        """
        self.fit(X, y, sample_weight)
        return {}

    def transform(self, X: Any) -> Array:
        """Standardize rows.

        Parameters
        ----------
        X : dataframe or ndarray of shape (n, n_features)
            Rows with the columns of the rows of `fit`.

        Returns
        -------
        ndarray of shape (n, n_columns), float32
        """
        check_is_fitted(self)
        rows = frame_values(X, self.names_)  # many times as fast as column by column
        if rows is None:
            columns = dict(_columns(X))
            if missing := [name for name in self.names_ if name not in columns]:
                raise ValueError(f"X has no column {missing[0]!r}, which it had in fit.")
            rows = np.stack([columns[name] for name in self.names_], axis=1)
        with np.errstate(all="ignore"):
            rows = (rows.astype(np.float64) - self.mean_) / self.scale_
        rows = np.clip(rows, -LARGEST, LARGEST)
        return np.where(np.isnan(rows), 0.0, rows).astype(np.float32)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The encoded columns, in their order."""
        check_is_fitted(self)
        return tuple(Column(name, name) for name in self.names_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_columns,), dtype=object
        """
        return np.array([column.name for column in self.columns], dtype=object)

    def portable(self) -> PortableEncoding:
        """Describe the encoder, so that exporters can convert it to other forms.

        Returns
        -------
        PortableEncoding
        """
        check_is_fitted(self)
        columns = (TableColumn(name, i, "number") for i, name in enumerate(self.names_))
        return PortableEncoding(tuple(columns), partial(_encoded, self.mean_, self.scale_))

    def get_state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return what `fit` learned.

        Returns
        -------
        arrays : dict of ndarray
            The statistics.
        settings : dict
            The names.
        """
        check_is_fitted(self)
        return {"mean": self.mean_, "scale": self.scale_}, {"names": self.names_}

    def set_state(self, arrays: Arrays, settings: dict[str, Any]) -> Self:
        """Restore what `get_state` returned.

        Parameters
        ----------
        arrays : dict of ndarray
            The statistics.
        settings : dict
            The names.

        Returns
        -------
        self : StandardEncoder
            The fitted encoder.
        """
        names, mean, scale = settings.get("names"), arrays.get("mean"), arrays.get("scale")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("names must be a list of strings")
        for name, array in (("mean", mean), ("scale", scale)):
            expected = np.dtype(np.float64), (len(names),)
            if not isinstance(array, np.ndarray) or (array.dtype, array.shape) != expected:
                raise ValueError(f"{name} must be an array of {len(names)} numbers of float64")
        assert mean is not None and scale is not None
        self.names_, self.mean_, self.scale_ = list(names), mean, scale
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "names_")


def _encoded(mean: Array, scale: Array, xp: Namespace, columns: list[Any]) -> Any:
    """The encoded rows of columns of numbers, as `StandardEncoder.transform` returns them."""
    rows = (xp.stack(columns, axis=1) - mean) / scale
    rows = xp.where(xp.isnan(rows), 0.0, xp.clip(rows, -LARGEST, LARGEST))
    return xp.astype(rows, xp.float32)


def _columns(X: Any) -> Iterator[tuple[str, Array]]:
    """Yield the name and the values, float64 with NaN where they are missing, of each column."""
    names = column_names(X)
    if names is None:
        for i, column in enumerate(np.asarray(X).T):
            yield f"x{i}", _numbers(column, f"{i}")
        return
    check_distinct(names)
    for name in names:
        if is_arrow(X):
            values = arrow_values(X.column(name))
        else:
            series = X[name]
            nullable = hasattr(X, "iloc") and not isinstance(series.dtype, np.dtype)
            values = series.to_numpy(dtype=object) if nullable else series.to_numpy()
        yield str(name), _numbers(np.asarray(values), str(name))


def _numbers(values: Array, name: str) -> Array:
    """The values as float64; ValueError with the name of the column if one is not a number."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    gone = is_missing(values)
    for value in values[~gone]:
        if not isinstance(value, Real | Decimal | np.bool_):
            raise ValueError(
                f"the encoder 'standard' requires numbers, but column {name!r} contains"
                f" {plain_repr(value)}. Drop the column, or use an encoder of text such as"
                " 'tabular'."
            )
    numbers = np.full(len(values), np.nan)
    numbers[~gone] = values[~gone].astype(np.float64)
    return numbers


def _statistics(values: Array, sample_weight: Any) -> tuple[float, float]:
    """The mean and the standard deviation of the finite values; 1 instead of 0."""
    used = np.isfinite(values)
    if sample_weight is not None:
        used &= np.asarray(sample_weight) > 0
    if not used.any():
        return 0.0, 1.0
    x = values if used.all() else values[used]  # a column of a large file is not copied
    w = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[used]
    mean = float(np.average(x, weights=w))
    with np.errstate(all="ignore"):
        squares = x - mean
        np.square(squares, out=squares)
        scale = float(np.sqrt(np.average(squares, weights=w)))
    is_constant = not np.isfinite(scale) or scale <= 1e-12 * abs(mean)
    return mean, 1.0 if is_constant or not scale else scale
