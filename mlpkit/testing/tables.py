"""Small tables of every installed dataframe library, for the conformance tests of encoders."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from mlpkit.data.tables import column_names
from mlpkit.plugin import Array, TableColumn

FRAMES = tuple(name for name in ("pandas", "polars", "pyarrow") if find_spec(name) is not None)
FORMS = ("array", *FRAMES)
N = 40  # rows
Columns = Mapping[str, list[Any]]


class StoredColumns:
    """A table of pyarrow of which one column after the other can be read, and nothing else."""

    def __init__(self, table: Any) -> None:
        self._table = table

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self._table.column_names)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self._table.shape

    def column(self, key: str | int) -> Any:
        """Read a column by name or index."""
        return self._table.column(key)


def columns() -> dict[str, list[Any]]:
    """Columns of each kind: numbers, counts, text, booleans and dates; most have gaps."""
    rng = np.random.RandomState(0)
    number = rng.standard_normal(N).round(3).tolist()
    text = rng.choice(["north", "south", "east"], N).tolist()
    flag = (rng.random_sample(N) < 0.4).tolist()
    start = datetime(2024, 1, 30, 12)
    date = [start + timedelta(days=int(d), minutes=7) for d in rng.randint(400, size=N)]
    return {
        "number": with_gaps(number, 5),
        "count": rng.randint(9, size=N).tolist(),
        "text": with_gaps(text, 7),
        "flag": flag,
        "date": with_gaps(date, 11),
    }


def with_gaps(values: list[Any], step: int) -> list[Any]:
    """The values, where some are None."""
    return [None if i % step == 3 else value for i, value in enumerate(values)]


def targets() -> Any:
    """Indicators of three classes, float of shape (N, 3)."""
    return np.eye(3)[np.random.RandomState(1).randint(3, size=N)]


def taken(of: Columns, indices: Iterable[int]) -> dict[str, list[Any]]:
    """The rows with these indices."""
    chosen = list(indices)
    return {name: [values[i] for i in chosen] for name, values in of.items()}


def table(form: str, of: Columns) -> Any:
    """The columns as an array of objects, or as a dataframe of a library."""
    if form == "array":
        array = np.empty((len(next(iter(of.values()))), len(of)), dtype=object)
        for i, values in enumerate(of.values()):
            array[:, i] = values
        return array
    module = import_module(form)
    if form != "pandas":
        return module.table(dict(of)) if form == "pyarrow" else module.DataFrame(dict(of))
    return module.DataFrame(dict(of))


def empty(X: Any) -> Any:
    """The table without its rows."""
    return X.iloc[:0] if hasattr(X, "iloc") else X[:0]


def with_other_types(form: str, of: Columns) -> list[Any]:
    """Tables with the same values in columns of other types."""
    X = table(form, of)
    if form == "array":
        gaps = {n: [np.nan if v is None else v for v in values] for n, values in of.items()}
        return [table(form, gaps)]
    if form == "pandas":
        other = [X.astype(object), X.convert_dtypes()]
        if "text" in of:
            other.append(X.astype({"text": "category"}))
        if "count" in of:
            other += [X.astype({"count": float}), X.astype({"count": "int8"})]
        return other
    if form == "polars":
        polars = import_module("polars")
        types: Any = {"text": polars.Categorical, "count": polars.Float64}
        return [X.cast({n: types[n]}) for n in types if n in of]
    pyarrow = import_module("pyarrow")
    other = []
    for name, kind in (
        ("text", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
        ("text", pyarrow.large_string()),
        ("count", pyarrow.float64()),
    ):
        if name in of:
            i = X.column_names.index(name)
            other.append(X.set_column(i, name, X.column(i).cast(kind)))
    return other


def values_of(X: Any) -> dict[Any, list[str]]:
    """The values of a table as text, to see whether they have changed."""
    names = column_names(X)
    if names is None:
        return {i: [repr(value) for value in column] for i, column in enumerate(X.T)}
    return {name: [repr(value) for value in X[name]] for name in names}


def described_values(column: TableColumn, values: list[Any]) -> Array:
    """The values of a column of a table in the form that `TableColumn` describes."""
    if column.kind == "category":
        codes = {level: i for i, level in enumerate(column.levels)}
        other, missing = len(codes), len(codes) + 1
        return np.array([missing if v is None else codes.get(v, other) for v in values], int)
    if column.kind == "date":
        start = datetime(1970, 1, 1)
        values = [None if v is None else (v - start) / timedelta(microseconds=1) for v in values]
    return np.array([np.nan if v is None else float(v) for v in values])
