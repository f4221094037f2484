"""The columns of a table by their role, and the rows that an estimator is fitted to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mlpkit.messages import comma_separated, escaped
from mlpkit.plugin import Array
from mlpkit.registry.distributions import TABLES, install_hint
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import as_numbers, as_text, kind_of, numpy_of
from mlpkit.sources.reading import Tables

MAX_NAMES = 10  # number of names in a message


class Roles(NamedTuple):
    """The names of columns by their role.

    Parameters
    ----------
    target, features, groups, categorical : list of str
        ``groups`` may be features or not, and ``categorical`` are features.
    weight : str or None
        Column of the sample weights.
    """

    target: list[str]
    features: list[str]
    groups: list[str]
    categorical: list[str]
    weight: str | None

    @property
    def names(self) -> list[str]:
        """All columns, each once."""
        extra = [self.weight] if self.weight is not None else []
        return list(dict.fromkeys([*self.features, *self.target, *extra, *self.groups]))


class Rows(NamedTuple):
    """Rows in the form that `fit` of an estimator takes.

    Parameters
    ----------
    X : pyarrow.Table or Scan
        A scan contains the targets, weights and labels, too.
    y, sample_weight, labels
        Those of a table.
    n_rows, n_features : int
        The shape of X.
    """

    X: Any
    y: Array | None
    sample_weight: Array | None
    labels: dict[str, Array] | None
    n_rows: int
    n_features: int


def roles_of(
    tables: Tables,
    target: Sequence[str],
    drop: Sequence[str],
    categorical: Sequence[str],
    groups: Sequence[str],
    weight: str | None,
    other: Iterable[str] = (),
) -> Roles:
    """Return the roles of the columns; all that have no other one are features.

    ``other`` are columns that are not features. Raises InputError for a column that does not exist
    or that has conflicting roles, and if no feature is left.
    """
    for option, names in (
        ("--target", target),
        ("--drop", drop),
        ("--categorical", categorical),
        ("--group", groups),
        ("--weight", [weight] if weight is not None else []),
    ):
        tables.check_columns(names, option)
    for option, names in (("--drop", drop), ("--categorical", categorical)):
        if both := [name for name in names if name in target]:
            raise InputError(
                f"{option}: {escaped(both[0])!r} is the target. Remove it from {option}."
            )
    if weight in target:
        raise InputError(f"--weight: {escaped(weight)!r} is the target. Pass another column.")
    excluded = {*target, *drop, *other} | ({weight} if weight is not None else set())
    features = [name for name in tables.names if name not in excluded]
    if not features:
        raise InputError(
            f"{tables.name}: no column is left as a feature. Pass fewer columns to --drop."
        )
    if unused := [name for name in categorical if name not in features]:
        raise InputError(
            f"--categorical: {escaped(unused[0])!r} is not a feature. Remove it from --categorical."
        )
    return Roles(list(target), features, list(groups), list(categorical), weight)


def rows_of(table: pa.Table, roles: Roles, accepts_text: bool) -> Rows:
    """Return the rows of a table; ``accepts_text`` is whether the estimator encodes any column.

    Raises InputError, which names the columns, if the estimator does not accept them, and for a
    target or weight that is missing.
    """
    if not table.num_rows:
        raise InputError("the data contain no rows")
    if not accepts_text:
        features = {name: table.column(name) for name in roles.features}
        missing = [name for name, column in features.items() if has_missing(column)]
        check_numeric({name: column.type for name, column in features.items()}, missing, roles)
    columns = {name: _feature(table, name, roles, accepts_text) for name in roles.features}
    targets = [numpy_of(table.column(name), name) for name in roles.target]
    y = targets[0] if len(targets) == 1 else np.stack(targets, axis=1)
    y = y.astype(int) if len(targets) > 1 and y.dtype == bool else y
    labels = {
        name: np.array(table.column(name).to_pylist(), dtype=object)
        for name in roles.groups
        if name not in roles.features
    }
    X, w = pa.table(columns), _weights(table, roles.weight)
    return Rows(X, y, w, labels or None, X.num_rows, X.num_columns)


def check_numeric(
    types: Mapping[str, pa.DataType], with_missing: Collection[str], roles: Roles
) -> None:
    """Raise InputError unless all features are numbers or booleans without missing values."""
    others: dict[str, list[str]] = {"text": [], "dates": [], "other values": []}
    missing = []
    for name in roles.features:
        kind = "text" if name in roles.categorical else kind_of(types[name])
        if kind not in ("number", "boolean", "empty"):
            others[{"text": "text", "date": "dates"}.get(kind, "other values")].append(name)
        elif name in with_missing:
            missing.append(name)
    problems = [_problem(names, what) for what, names in others.items() if names]
    problems += [_problem(missing, "missing values")] if missing else []
    if problems:
        unused = [name for names in others.values() for name in names] + missing
        raise InputError(
            f"{'; '.join(problems)}. To use such columns as they are, install {TABLES}"
            f" ({install_hint(TABLES)}). To leave them out, pass --drop"
            f" {_listed(unused, ',')}."
        )


def _feature(table: pa.Table, name: str, roles: Roles, accepts_text: bool) -> Any:
    column = table.column(name)
    if name in roles.categorical:
        return as_text(column)
    return column if accepts_text else as_numbers(column, name)


def _weights(table: pa.Table, name: str | None) -> Array | None:
    if name is None:
        return None
    return numpy_of(as_numbers(table.column(name), name), name)


def has_missing(column: Any) -> bool:
    """Return whether a column has missing values; in columns of real numbers, also NaN."""
    if column.null_count or not pa.types.is_floating(column.type):
        return bool(column.null_count)
    return bool(np.isnan(column.to_numpy()).any())


def _problem(names: list[str], what: str) -> str:
    if len(names) == 1:
        return f"the column {escaped(names[0])!r} contains {what}"
    return f"the columns {_listed(names)} contain {what}"


def _listed(names: Sequence[str], separator: str = ", ") -> str:
    if separator == ",":
        return ",".join(escaped(name) for name in names)
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return comma_separated(repr(escaped(name)) for name in names[:MAX_NAMES]) + more


def text_types(columns: Iterable[str]) -> Mapping[str, pa.DataType]:
    """Return the type of columns that are read as text."""
    return {name: pa.string() for name in columns}
