"""The values of one column of a table, whatever library the table comes from."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from mlpkit.plugin import Array

#: What a column of a table contains. Durations and times of day are numbers of seconds.
ValueKind = Literal["number", "boolean", "category", "date", "duration", "time", "missing"]

#: What the levels of a category are in the table.
Origin = Literal["category", "string", "number", "boolean"]

#: The kinds in the words of messages.
WORDS: dict[ValueKind, str] = {
    "number": "numbers",
    "boolean": "booleans",
    "category": "strings or categories",
    "date": "dates",
    "duration": "durations",
    "time": "times of day",
    "missing": "missing values only",
}


class ColumnDescription(NamedTuple):
    """What `fit` saw in a column, in the words of `Values`."""

    kind: ValueKind
    origin: Origin
    time_zone: str


class Values(NamedTuple):
    """The values of one column.

    Parameters
    ----------
    kind : str
        One of `ValueKind`.
    data : ndarray of shape (n,)
        Categories: the index into ``levels``, -1 for a missing value. Dates: datetime64[us], in
        the wall time of ``time_zone``, NaT for a missing value. Others: float64, NaN for a
        missing value.
    levels : tuple of str, default=()
        The different values of a category, each once.
    origin : {"category", "string", "number", "boolean"}, default="category"
        What the levels are in the table: strings of a column of strings, or the categories of a
        categorical column, which can also be numbers or booleans.
    time_zone : str, default=""
        The time zone of dates, "" if they have none.
    """

    kind: ValueKind
    data: Array
    levels: tuple[str, ...] = ()
    origin: Origin = "category"
    time_zone: str = ""

    @property
    def description(self) -> "ColumnDescription":
        """What a schema contains of them."""
        return ColumnDescription(self.kind, self.origin, self.time_zone)

    def is_missing(self) -> Array:
        """Whether each value is missing, bool (n,)."""
        if self.kind == "category":
            return np.asarray(self.data < 0)
        return np.asarray(np.isnat(self.data) if self.kind == "date" else np.isnan(self.data))


def all_missing(n: int) -> Values:
    """Return a column of n missing values."""
    return Values("missing", np.full(n, np.nan))


def level(value: Any) -> str:
    """Return a value of a categorical column as a string; 1, 1.0 and True stay apart.

    >>> level("red"), level(1), level(1.0), level(1.5), level(True)
    ('red', '1', '1', '1.5', 'True')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return str(value)


def categories(values: Sequence[str | None], origin: Origin = "category") -> Values:
    """Return the values of a categorical column from strings; None is a missing value."""
    positions: dict[str | None, int] = {}
    codes = np.array([positions.setdefault(v, len(positions)) for v in values], dtype=np.int64)
    if None in positions:
        missing = positions.pop(None)
        codes = np.where(codes == missing, -1, codes - (codes > missing))
    return Values("category", codes, tuple(positions), origin)  # type: ignore[arg-type]


def recoded(codes: Array, values: Sequence[Any], origin: Origin = "category") -> Values:
    """Return the values of a categorical column from codes (-1: missing) and their values."""
    codes = np.asarray(codes, dtype=np.int64)
    if len(codes) < len(values):  # a few rows of a column of many levels
        used = np.unique(codes[codes >= 0])
        codes = np.where(codes < 0, -1, np.searchsorted(used, codes))
        values = [values[i] for i in used]
    return Values("category", codes, tuple(map(level, values)), origin)


def as_categories(values: Values) -> Values:
    """Return numbers or booleans as a categorical column."""
    missing = values.is_missing()
    unique, codes = np.unique(values.data[~missing], return_inverse=True)
    all_codes = np.full(len(missing), -1)
    all_codes[~missing] = codes
    is_boolean = values.kind == "boolean"
    names = [bool(v) for v in unique] if is_boolean else unique.tolist()
    origin: Origin = "boolean" if is_boolean else "number"
    return Values("category", all_codes, tuple(map(level, names)), origin)


def seconds(durations: Array) -> Array:
    """Return timedelta64 values as seconds, NaN for NaT."""
    return np.where(np.isnat(durations), np.nan, durations / np.timedelta64(1, "s"))
