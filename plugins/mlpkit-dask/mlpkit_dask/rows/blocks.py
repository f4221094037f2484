"""Blocks of rows: consecutive rows in the memory of a worker."""

from typing import Any, NamedTuple

from distributed import Future

from mlpkit.plugin import Array, Dataset


class Block(NamedTuple):
    """Consecutive rows on a worker.

    Parameters
    ----------
    future : Future
        The rows: a `mlpkit.Dataset`, or a part of a scan, which describes rows of files.
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


def dataset_of_parts(X: Any, y: Any, sample_weight: Any, labels: Any) -> Dataset:
    """Return the rows of a partition; runs on a worker."""
    columns = labels if labels is None or isinstance(labels, dict) else _columns(labels)
    return Dataset(X, y, sample_weight, columns or {})


def rows_of(values: Any) -> int:
    """Return the number of rows of an array, a sparse matrix, a frame, a series or a list."""
    shape = getattr(values, "shape", None)
    return len(values) if shape is None else int(shape[0])


def counts(rows: Dataset) -> dict[str, int]:
    """Return the number of rows of everything in a dataset, by the name of the argument."""
    found = {name: getattr(rows, name) for name in ("X", "y", "sample_weight")}
    found |= {f"labels[{name!r}]": values for name, values in rows.labels.items()}
    return {name: rows_of(values) for name, values in found.items() if values is not None}


def rows_between(rows: Dataset, begin: int, end: int) -> Dataset:
    """Copy consecutive rows, so that the others can be freed."""
    return Dataset(
        _between(rows.X, begin, end),
        _between(rows.y, begin, end),
        _between(rows.sample_weight, begin, end),
        {name: _between(values, begin, end) for name, values in rows.labels.items()},
    )


def same(rows: Any) -> Any:
    """Return the argument: a task that moves it to another worker."""
    return rows


def _columns(frame: Any) -> dict[str, Array]:
    return {str(name): frame[name].to_numpy() for name in frame.columns}


def _between(values: Any, begin: int, end: int) -> Any:
    if values is None:
        return None
    if hasattr(values, "iloc"):
        return values.iloc[begin:end].copy()
    if hasattr(values, "slice"):  # frames of polars and tables of pyarrow
        return values.slice(begin, end - begin)
    part = values[begin:end]
    return part.copy() if hasattr(part, "copy") else part
