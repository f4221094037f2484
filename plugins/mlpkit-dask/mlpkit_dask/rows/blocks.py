"""Blocks of rows: consecutive rows in the memory of a worker."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from distributed import Future

from mlpkit.plugin import Dataset

NOT_ROWS = ("labels", "error", "groups")  # fields of a dataset


class Block(NamedTuple):
    """Consecutive rows on a worker.

    Parameters
    ----------
    future : Future
        The rows: an `mlpkit.Dataset`, or a part of a scan, which describes rows of files.
    worker : str
        The address of the worker.
    start : int
        The index of the first row among all rows.
    n_rows : int
        The number of rows, which may be 0.
    """

    future: Future
    worker: str
    start: int
    n_rows: int


def dataset_of(arguments: dict[str, Any], labels: dict[str, Any]) -> Dataset:
    """Return the rows of a partition from its arguments, of which "labels" may be a frame.

    Raises ValueError for X that is not two-dimensional.
    """
    X, frame = arguments.pop("X", None), arguments.pop("labels", None)
    if frame is not None:
        labels = {str(name): frame[name].to_numpy() for name in frame.columns}
    if isinstance(X, list):
        X = np.asarray(X)
    if X is not None and len(X.shape) != 2:
        raise ValueError(
            f"X must have two dimensions, but a partition has the shape {X.shape}. Select the"
            " column of a dataframe as X[['name']], and pass a column of an array as"
            " X.reshape(-1, 1)."
        )
    return Dataset(X, **arguments, labels=labels)


def rows_of(values: Any) -> int:
    """Return the number of rows of an array, a sparse matrix, a frame, a series or a list."""
    shape = getattr(values, "shape", None)
    return len(values) if shape is None else int(shape[0])


def counts(rows: Dataset) -> dict[str, int]:
    """Return the number of rows of everything in a dataset, by the name of the argument."""
    columns = {name: values for name, values in rows._asdict().items() if name not in NOT_ROWS}
    columns |= {f"labels[{name!r}]": values for name, values in rows.labels.items()}
    return {name: rows_of(values) for name, values in columns.items() if values is not None}


def check_counts(partition: int, numbers: dict[str, int]) -> int:
    """Return the number of rows of a partition; ValueError if two arguments have different ones."""
    (first, n_rows), *others = numbers.items()
    for name, number in others:
        if number != n_rows:
            raise ValueError(
                f"{name} must have as many rows as {first} in each partition, but partition"
                f" {partition} has {number:,} rows of {name} and {n_rows:,} of {first}."
            )
    return n_rows


def each(function: Callable[..., Any], *rows: Dataset) -> Dataset:
    """Return the dataset of ``function(*values)`` for everything that the datasets have.

    >>> each(max, Dataset([1], [5], labels={"a": [2]}), Dataset([3], [4], labels={"a": [0]}))[:4]
    ([3], [5], None, {'a': [2]})
    """
    names = [name for name in Dataset._fields[:8] if name != "labels"]
    present = [name for name in names if getattr(rows[0], name) is not None]
    changed = {name: function(*(getattr(part, name) for part in rows)) for name in present}
    labels = {name: function(*(part.labels[name] for part in rows)) for name in rows[0].labels}
    return Dataset(None)._replace(**changed, labels=labels)


def rows_between(rows: Dataset, begin: int, end: int) -> Dataset:
    """Copy consecutive rows, so that the others can be freed."""
    return each(lambda values: _between(values, begin, end), rows)


def same(rows: Any) -> Any:
    """Return the argument: a task that moves it to another worker."""
    return rows


def _between(values: Any, begin: int, end: int) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[begin:end].copy()
    if hasattr(values, "slice"):  # frames of polars and tables of pyarrow
        return values.slice(begin, end - begin)
    part = values[begin:end]
    return part.copy() if hasattr(part, "copy") else part
