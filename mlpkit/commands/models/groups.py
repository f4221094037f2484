"""The options --by and --by-quantile: groups of rows by columns, also those not in the model."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from mlpkit.data.tables import arrow_values
from mlpkit.messages import escaped
from mlpkit.partitions.fitting import with_fitted
from mlpkit.partitions.partitioners import by_labels, by_quantile
from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import as_numbers, kind_of
from mlpkit.sources.reading import Tables


class Quantiles(NamedTuple):
    """A column, and the number of groups at its quantiles."""

    column: str
    n: int


def quantiles_of(text: str) -> Quantiles:
    """Return the meaning of ``COLUMN:N``; 4 groups without N.

    >>> quantiles_of("age:3"), quantiles_of("age")
    (Quantiles(column='age', n=3), Quantiles(column='age', n=4))
    """
    column, colon, number = text.rpartition(":")
    if not colon:
        return Quantiles(text, 4)
    if not number.isdecimal() or int(number) < 2 or not column:
        raise ValueError(
            "--by-quantile requires COLUMN:N with at least 2 groups, as in age:4, got"
            f" {escaped(text)!r}"
        )
    return Quantiles(column, int(number))


def partitioners(by: Sequence[str], quantiles: Sequence[Quantiles], tables: Tables) -> list[Any]:
    """Return the partitioners; quantiles are those of all rows, which are read for that."""
    tables.check_columns(by, "--by")
    tables.check_columns([q.column for q in quantiles], "--by-quantile")
    twice = set(by) & {q.column for q in quantiles}
    if twice:
        raise InputError(f"--by and --by-quantile both have the column {escaped(min(twice))!r}")
    return [*map(by_labels, dict.fromkeys(by)), *_fitted(quantiles, tables)]


def labels_of(table: pa.Table, names: Sequence[str]) -> dict[str, Array]:
    """Return columns as arrays, with None or NaN where values are missing."""
    return {name: arrow_values(table.column(name)) for name in names}


def _fitted(quantiles: Sequence[Quantiles], tables: Tables) -> list[Partitioner]:
    """Partitioners with the quantiles of all rows."""
    names = [q.column for q in quantiles]
    if not names:
        return []
    types = dict.fromkeys(names, pa.float64())
    chunks = [_numbers(chunk, names) for chunk in tables.batches(names, types)]
    if not chunks:
        return []
    columns = pa.concat_tables(chunks)
    made = []
    for column, n in quantiles:
        by_column = by_quantile(column, n)
        edges = by_column.fit(Dataset(columns))
        by_label = Partitioner(column, by_column.fit, partial(_assign, by_column, column))
        made.append(with_fitted(by_label, edges))
    return made


def _numbers(table: pa.Table, names: list[str]) -> pa.Table:
    for name in names:
        if kind_of(table.schema.field(name).type) not in ("number", "boolean", "empty"):
            raise InputError(
                f"--by-quantile: column {escaped(name)!r} must contain numbers, but its type is"
                f" {table.schema.field(name).type}. Use --by for other columns."
            )
    return pa.table({name: as_numbers(table.column(name), name) for name in names})


def _assign(by_column: Partitioner, column: str, fitted: Any, dataset: Dataset) -> Groups:
    """The groups of labels, as those of a column."""
    rows = pa.table({column: pa.array(dataset.labels[column], from_pandas=True)})
    return by_column.assign(fitted, Dataset(_numbers(rows, [column])))
