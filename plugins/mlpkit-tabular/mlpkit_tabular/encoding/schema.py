"""The columns of a table: what `fit` saw, and the check of later tables against it."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from mlpkit.plugin import Array
from mlpkit_tabular.encoding.date_strings import with_dates
from mlpkit_tabular.encoding.python_values import excerpt
from mlpkit_tabular.encoding.tables import Table
from mlpkit_tabular.encoding.values import (
    WORDS,
    ColumnDescription,
    Origin,
    ValueKind,
    Values,
    as_categories,
)

_CONVERSIONS: dict[ValueKind, str] = {
    "number": "to numbers, for example with pandas.to_numeric",
    "boolean": "to booleans",
    "category": "to strings",
    "date": "to dates, for example with pandas.to_datetime",
    "duration": "to durations, for example with pandas.to_timedelta",
    "time": "to datetime.time",
}


class Schema(NamedTuple):
    """Names and kinds of the columns of the table of `fit`.

    Parameters
    ----------
    names : tuple of str
        The names.
    has_names : bool
        Whether they are those of the table. Columns of an array are matched by their positions.
    kinds : tuple of str
        The kind of each column, one of `ValueKind`.
    origins : tuple of str
        For categories, what the levels are in the table: strings, numbers or booleans.
    time_zones : tuple of str
        For dates, their time zone, "" if they have none.
    """

    names: tuple[str, ...]
    has_names: bool
    kinds: tuple[ValueKind, ...]
    origins: tuple[Origin, ...]
    time_zones: tuple[str, ...]

    def order(self, table: Table) -> Sequence[int]:
        """Return the position in a later table of each column; columns that are new are ignored."""
        if self.names == table.names:
            return range(len(self.names))
        if not (self.has_names and table.has_names):
            if len(table.names) != len(self.names):
                raise ValueError(
                    f"X has {len(table.names)} features, but TabularEncoder is expecting "
                    f"{len(self.names)} features as input: {_listed(self.names)}."
                )
            return range(len(self.names))
        check_names(table.names)
        positions = {name: i for i, name in enumerate(table.names)}
        absent = [name for name in self.names if name not in positions]
        if absent:
            raise ValueError(_absence(absent, [n for n in table.names if n not in self.names]))
        return [positions[name] for name in self.names]

    def read(self, table: Table, position: int, position_in_table: int) -> Values:
        """Return the values of a column of a later table, in the kind that `fit` saw."""
        values = table.values(position_in_table, self.time_zones[position])
        kind = self.kinds[position]
        if kind == "date":
            values = with_dates(values)
        if values.kind == kind:
            self._check_time_zone(values, position)
            return values
        if values.kind == "missing" or values.is_missing().all():
            return _missing(len(values.data), kind)
        if values.kind == "boolean" and kind == "number":
            return values
        if values.kind == "number" and kind == "boolean":
            other = ~np.isin(values.data, (0, 1)) & ~np.isnan(values.data)
            if not other.any():
                return values
            values = values._replace(data=np.where(other, values.data, np.nan))
        if kind == "category" and values.kind == self.origins[position]:
            return as_categories(values)
        raise ValueError(
            f"Column {self.names[position]!r} contained {WORDS[kind]} in fit, but now it contains "
            f"{WORDS[values.kind]}, such as {_example(values)}. Convert it {_CONVERSIONS[kind]}."
        )

    def _check_time_zone(self, values: Values, position: int) -> None:
        """Raise ValueError if only one of two columns of dates has a time zone."""
        zone = self.time_zones[position]
        if values.kind == "date" and bool(values.time_zone) != bool(zone):
            without, with_zone = "dates without a time zone", "dates with a time zone"
            seen, found = (with_zone, without) if zone else (without, with_zone)
            method = f"tz_localize({zone!r})" if zone else "tz_localize(None)"
            name = self.names[position]
            raise ValueError(
                f"Column {name!r} contained {seen} in fit, but now it contains {found}. Convert "
                f"it: X[{name!r}].dt.{method}."
            )

    def state(self) -> dict[str, Any]:
        """Values that JSON can represent."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in self._asdict().items()
        }

    @classmethod
    def from_state(cls, settings: dict[str, Any]) -> "Schema":
        """The inverse of `state`."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in settings.items()
        }
        return cls(**values)


class Reader:
    """The columns of a later table, by their position in the table of `fit`."""

    def __init__(self, schema: Schema, table: Table) -> None:
        self.schema, self.table, self.order = schema, table, schema.order(table)
        self.n_rows = table.n_rows
        self.cells = table.cells()

    def read(self, position: int) -> Values:
        """Return the values of a column, in the kind that `fit` saw."""
        return self.schema.read(self.table, position, self.order[position])

    def read_numbers(self, positions: Sequence[int]) -> Array:
        """Return the values of columns of numbers, durations or times, (k, n)."""
        x = np.empty((len(positions), self.n_rows))
        kinds, order, at_once = self.schema.kinds, self.order, []
        for i, p in enumerate(positions):
            if self.cells is not None and kinds[p] == "number" and self.cells.numeric[order[p]]:
                at_once.append(i)
            else:
                x[i] = self.read(p).data
        if self.cells is not None and at_once:
            x[at_once] = self.cells.numbers([order[positions[i]] for i in at_once])
        return x

    def read_strings(self, position: int) -> list[str | None] | None:
        """Return a category of few rows as strings, None where they are missing.

        The result is None if `read` has to convert the values, or to reject them.
        """
        if self.cells is None:
            return None
        return self.cells.strings(self.order[position])


def schema_of(table: Table, columns: Sequence[ColumnDescription]) -> Schema:
    """Return the schema of a table and its columns."""
    check_names(table.names)
    kinds, origins, time_zones = zip(*columns, strict=True)
    return Schema(table.names, table.has_names, kinds, origins, time_zones)


def check_names(names: Sequence[str]) -> None:
    """Raise ValueError if two columns have one name."""
    if len(set(names)) < len(names):
        repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        raise ValueError(
            "The names of the columns of X must be unique, but several columns are named "
            f"{_listed(repeated)}. Rename or drop them."
        )


def _listed(names: Sequence[str]) -> str:
    """At most ten names, in quotes."""
    shown = ", ".join(excerpt(name) for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def _absence(absent: Sequence[str], new: Sequence[str]) -> str:
    """The message about columns that a later table lacks; ``new`` are those that it has instead."""
    one = len(absent) == 1
    message = f"X lacks {'a column' if one else 'columns'} that fit saw: {_listed(absent)}."
    close = [(name, get_close_matches(name, new, n=1)) for name in absent]
    renamed = ", ".join(f"{m[0]!r}: {name!r}" for name, m in close if m)
    if renamed:
        return f"{message} Are they spelled differently? X.rename(columns={{{renamed}}})"
    if new:
        return f"{message} X has columns that fit did not see: {_listed(new)}."
    return f"{message} Add {'it' if one else 'them'}, filled with missing values if need be."


def _missing(n: int, kind: ValueKind) -> Values:
    """n missing values of a kind."""
    if kind == "category":
        return Values(kind, np.full(n, -1))
    if kind == "date":
        return Values(kind, np.full(n, np.datetime64("NaT"), "datetime64[us]"))
    return Values(kind, np.full(n, np.nan))


def _example(values: Values) -> str:
    """The first value that is not missing, and its row."""
    row = int(np.flatnonzero(~values.is_missing())[0])
    value: Any = values.data[row]
    if values.kind == "category":
        value = values.levels[value]
    elif values.kind == "date":
        value = str(value)
    elif values.kind == "boolean":
        value = bool(value)
    elif isinstance(value, np.floating):
        value = float(value)
    unit = " seconds" if values.kind in ("duration", "time") else ""
    return f"{excerpt(value)}{unit} in row {row}"
