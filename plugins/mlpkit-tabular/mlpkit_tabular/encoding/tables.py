"""Tables: names of columns, number of rows, and the values of a column, for each kind of input."""

from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.cells import Cells, cells_of_array, cells_of_frame
from mlpkit_tabular.encoding.python_values import from_objects, kind_of
from mlpkit_tabular.encoding.values import (
    Values,
    all_missing,
    categories,
    recoded,
    seconds,
)

FEW_ROWS = 32  # up to this number, reading all cells is faster than reading the columns
MANY_ROWS = 1000  # from this number, pandas finds the levels of strings faster than a loop


class Table(Protocol):
    """The rows that are encoded.

    ``names`` holds the names of the columns as strings, ``x0``, ``x1``, ... for an array, and
    ``has_names`` whether they are the table's own. ``labels`` holds the original names.
    """

    names: tuple[str, ...]
    labels: tuple[Any, ...]
    has_names: bool
    n_rows: int

    def values(self, position: int, time_zone: str = "") -> Values:
        """Return the values of a column; dates with a time zone in the given one."""

    def cells(self) -> Cells | None:
        """Return the cells, if there are few rows and reading them at once is faster."""


class PandasTable:
    """A DataFrame of pandas. Reading it without narwhals is faster, above all for one row."""

    has_names = True

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.labels = tuple(frame.columns.tolist())
        self.names = tuple(map(str, self.labels))
        self.n_rows = len(frame)
        if len(set(self.names)) < len(self.names):
            _check_duplicates(frame)

    def cells(self) -> Cells | None:
        """Return the cells of few rows."""
        return cells_of_frame(self.frame) if self.n_rows <= FEW_ROWS else None

    def values(self, position: int, time_zone: str = "") -> Values:
        """Return the values of a column."""
        series, name = self.frame[self.labels[position]], self.names[position]
        dtype = series.dtype
        if isinstance(dtype, np.dtype):
            return _array_values(series.to_numpy(), name, time_zone)
        if dtype.name == "category":
            return _categorical(series.array, name)
        if type(dtype).__name__ == "StringDtype":
            return _strings(series)
        if dtype.kind in "iufb":
            data = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return Values("boolean" if dtype.kind == "b" else "number", data)
        if dtype.kind == "M" and not dtype.name.startswith(("date32", "date64")):
            return _pandas_dates(series, time_zone)
        if dtype.name.startswith("period"):
            return _array_values(series.dt.to_timestamp().to_numpy(), name, time_zone)
        if dtype.name.startswith("interval"):
            return categories([None if v is None else str(v) for v in series.array.to_numpy()])
        import narwhals

        return _narwhals_values(narwhals.from_native(series, series_only=True), name, time_zone)


class NarwhalsTable:
    """A DataFrame of polars, a Table of pyarrow, or another frame that narwhals reads."""

    has_names = True

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.names = self.labels = tuple(frame.columns)
        self.n_rows = len(frame)

    def column(self, position: int) -> Any:
        """Return a column as a series of narwhals."""
        return self.frame.get_column(self.names[position])

    def values(self, position: int, time_zone: str = "") -> Values:
        """Return the values of a column."""
        return _narwhals_values(self.column(position), self.names[position], time_zone)

    def cells(self) -> Cells | None:
        """Return None: columns are read one by one."""
        return None


class ColumnTable(NarwhalsTable):
    """A table that is read column by column, each as an array of pyarrow."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.names = self.labels = tuple(table.column_names)
        self.n_rows = table.shape[0]

    def column(self, position: int) -> Any:
        """Read a column as a series of narwhals."""
        import narwhals

        return narwhals.from_native(self.table.column(position), series_only=True)


class ArrayTable:
    """An array of two dimensions, or lists of the values of each row."""

    has_names = False

    def __init__(self, array: Array) -> None:
        self.array = array
        self.n_rows, n_columns = array.shape
        self.names = self.labels = tuple(f"x{i}" for i in range(n_columns))

    def values(self, position: int, time_zone: str = "") -> Values:
        """Return the values of a column."""
        return _array_values(self.array[:, position], self.names[position], time_zone)

    def cells(self) -> Cells | None:
        """Return the cells of few rows."""
        return cells_of_array(self.array) if self.n_rows <= FEW_ROWS else None


def as_table(X: Any) -> Table:
    """Return the table for a frame, an array or a list of rows."""
    if isinstance(X, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(X)
        X = np.array(X.data, dtype=object)
        X[mask] = None
    if isinstance(X, np.ndarray):
        return ArrayTable(_two_dimensional(X))
    module = type(X).__module__.partition(".")[0]
    if module == "pandas" and hasattr(X, "columns"):
        return PandasTable(X)
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert "
            "it to a dense array."
        )
    if X is None or isinstance(X, (str, bytes, dict)):
        raise TypeError(
            "X must be a frame of pandas, polars or pyarrow, an array or a list of rows, got "
            f"{type(X).__name__}."
            + (" Convert it to a frame: pandas.DataFrame(X)." if isinstance(X, dict) else "")
        )
    if isinstance(X, (list, tuple)):
        return ArrayTable(_two_dimensional(_from_rows(X)))
    import narwhals

    frame = narwhals.from_native(X, pass_through=True)
    if isinstance(frame, narwhals.DataFrame):
        return NarwhalsTable(frame)
    if isinstance(frame, narwhals.LazyFrame):
        raise TypeError("X is a lazy frame. Collect its rows first: X.collect().")
    return ArrayTable(_two_dimensional(np.asarray(X)))


def _check_duplicates(frame: Any) -> None:
    """Raise ValueError if two columns of a frame have one name."""
    if not frame.columns.is_unique:
        names = list(map(str, frame.columns))
        repeated = ", ".join(repr(name) for name in dict.fromkeys(names) if names.count(name) > 1)
        raise ValueError(
            "The names of the columns of X must be unique, but several columns are named "
            f"{repeated}. Rename them, or keep the first of each: "
            "X.loc[:, ~X.columns.duplicated()]."
        )


def _from_rows(rows: Any) -> Array:
    """Return an array of objects from lists of the values of each row."""
    array = np.asarray(rows) if rows and np.isscalar(rows[0]) else None
    if array is not None:
        return array
    if any(isinstance(row, dict) for row in rows):
        raise TypeError(
            "The rows of X must be lists of values, got a dict. Convert them to a frame: "
            "pandas.DataFrame(X)."
        )
    lengths = {len(row) if hasattr(row, "__len__") else 0 for row in rows}
    if len(lengths) > 1:
        raise ValueError(
            f"The rows of X must have the same number of values, got rows of {min(lengths)} and of "
            f"{max(lengths)} values."
        )
    result = np.empty((len(rows), *lengths), dtype=object)
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            result[i, j] = value
    return result


def _two_dimensional(array: Array) -> Array:
    """Return the array; raise ValueError unless it has two dimensions."""
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {'scalar' if array.ndim == 0 else f'{array.ndim}D'} array "
            "instead. X must have one row for each sample and one column for each feature. Reshape "
            "your data using array.reshape(-1, 1) if it is one feature, or array.reshape(1, -1) if "
            "it is one sample."
        )
    return array


def _array_values(array: Array, name: str, time_zone: str) -> Values:
    """The values of an array of one dimension."""
    kind = array.dtype.kind
    if kind in "iuf":
        return Values("number", array.astype(np.float64, copy=False))
    if kind == "b":
        return Values("boolean", array.astype(np.float64))
    if kind == "M":
        return Values("date", array.astype("datetime64[us]"))
    if kind == "m":
        return Values("duration", seconds(array))
    return from_objects(array.tolist(), name, time_zone)


def _strings(series: Any) -> Values:
    """The values of a string column of pandas."""
    if len(series) >= MANY_ROWS:
        codes, levels = series.factorize()
        return recoded(codes, levels, "string")
    return categories(series.to_numpy(dtype=object, na_value=None).tolist(), "string")


def _categorical(array: Any, name: str) -> Values:
    """The values of a categorical column of pandas."""
    levels = array.categories
    if type(levels.dtype).__name__ == "StringDtype":
        if len(array) <= FEW_ROWS:
            return categories([None if c < 0 else levels[c] for c in array.codes.tolist()])
        return recoded(array.codes, levels)
    kinds = {kind_of(cls) for cls in set(map(type, levels))}
    if len(kinds) > 1:
        from_objects(list(levels), name)  # raises an error about a mixture
    origin = kinds.pop() if kinds else "category"
    return recoded(array.codes, levels, origin if origin in ("number", "boolean") else "category")


def _pandas_dates(series: Any, time_zone: str) -> Values:
    """The values of a column of pandas of dates with a time zone, or of times in Arrow."""
    own, zone = getattr(getattr(series.dtype, "pyarrow_dtype", series.dtype), "tz", None), ""
    if own is not None:
        zone = _zone(str(own), time_zone)
        series = series.dt.tz_convert(zone).dt.tz_localize(None)
    return Values("date", series.to_numpy(dtype="datetime64[us]"), time_zone=zone)


def _narwhals_values(series: Any, name: str, time_zone: str) -> Values:
    """The values of a column that narwhals reads."""
    import narwhals

    dtype = series.dtype
    if dtype in (narwhals.Int128, narwhals.UInt128):  # types that NumPy lacks
        series = series.cast(narwhals.Float64)
    if dtype.is_numeric() and not dtype.is_decimal():
        return Values("number", series.to_numpy().astype(np.float64))
    if dtype == narwhals.Boolean:
        return Values("boolean", series.cast(narwhals.Float64).to_numpy())
    if dtype in (narwhals.Categorical, narwhals.Enum, narwhals.String):
        is_string = dtype == narwhals.String
        strings = (series if is_string else series.cast(narwhals.String)).to_list()
        levels = [v if isinstance(v, str) else None for v in strings]
        return categories(levels, "string" if is_string else "category")
    if dtype == narwhals.Datetime:
        return _datetimes(series, dtype.time_zone, time_zone)
    if dtype == narwhals.Date:
        dates = series.cast(narwhals.Datetime("us")).to_numpy()
        return Values("date", dates.astype("datetime64[us]"))
    if dtype == narwhals.Duration:
        return Values("duration", seconds(series.to_numpy()))
    if len(series) and series.null_count() == len(series):
        return all_missing(len(series))
    return from_objects(series.to_list(), name, time_zone)


def _datetimes(series: Any, own_zone: str | None, time_zone: str) -> Values:
    """Dates with times, in the wall time of a time zone."""
    zone = ""
    if own_zone:
        zone = _zone(own_zone, time_zone)
        series = series.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return Values("date", series.to_numpy().astype("datetime64[us]"), time_zone=zone)


def _zone(own_zone: str, time_zone: str) -> str:
    """The time zone of `fit`, or in `fit` the column's own one; UTC if that is only an offset."""
    try:
        return time_zone or ZoneInfo(own_zone).key
    except (KeyError, ValueError, OSError):
        return "UTC"
