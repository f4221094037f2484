"""The partitions of what a user passes as X, y, sample weights and labels."""

from collections.abc import Mapping
from typing import Any

from dask import delayed, is_dask_collection
from dask.delayed import Delayed
from distributed import Future

from mlpkit.plugin import Dataset
from mlpkit_dask.rows.blocks import dataset_of

Partitions = list[Any]  # each a Delayed or a Future
FIELDS = Dataset._fields[:8]  # those that users pass: X, targets, weights, labels, predictions


def is_distributed(values: Any) -> bool:
    """Return whether it is a Dask array or dataframe, or a list of futures or delayed objects.

    >>> import dask.array
    >>> is_distributed(dask.array.ones(3)), is_distributed([delayed(len)]), is_distributed([1, 2])
    (True, True, False)
    """
    if isinstance(values, list | tuple):
        return bool(values) and all(isinstance(value, Delayed | Future) for value in values)
    return hasattr(values, "to_delayed") and hasattr(values, "_meta") and is_dask_collection(values)


def datasets_of(rows: Dataset) -> list[Delayed]:
    """Return the rows of each partition as an `mlpkit.Dataset`, delayed.

    The fields of ``rows`` are distributed, or None. Raises TypeError for a field that is not
    distributed, and ValueError if fields have different numbers of partitions.
    """
    present = {
        name: partitions_of(name, values)
        for name, values in zip(FIELDS, rows, strict=False)
        if values is not None and name != "labels"
    }
    labels = rows.labels
    if isinstance(labels, Mapping):
        columns = {key: partitions_of(f"labels[{key!r}]", v) for key, v in labels.items()}
    else:
        columns, present["labels"] = {}, partitions_of("labels", labels)
    first, *others = (present | {f"labels[{key!r}]": v for key, v in columns.items()}).items()
    for name, partitions in others:
        if len(partitions) != len(first[1]):
            raise ValueError(
                f"{name} must have the partitions of {first[0]}, but has {len(partitions)}"
                f" partitions, and {first[0]} has {len(first[1])}. Repartition one of them, for"
                " example by rechunk or repartition."
            )
    dataset = delayed(dataset_of, pure=False)
    return [
        dataset(
            {name: partitions[i] for name, partitions in present.items()},
            {key: partitions[i] for key, partitions in columns.items()},
        )
        for i in range(len(first[1]))
    ]


def partitions_of(name: str, values: Any) -> Partitions:
    """Return the partitions of an argument, each with all of its columns.

    They are those that the collection has: optimization might join partitions of X and of y in
    different ways.
    """
    if not is_distributed(values):
        raise TypeError(
            f"{name} must be a Dask array or dataframe, or a list of futures or delayed objects,"
            f" got {type(values).__name__}. Rows in memory can be passed as"
            f" dask.array.from_array({name.partition('[')[0]}, chunks=...), or to the estimators of"
            " mlpkit."
        )
    if isinstance(values, list | tuple):
        return list(values)
    chunks = getattr(values, "numblocks", ())
    if any(number > 1 for number in chunks[1:]):
        values = values.rechunk(dict.fromkeys(range(1, len(chunks)), -1))
    partitions = values.to_delayed(optimize_graph=False)
    return partitions.ravel().tolist() if hasattr(partitions, "ravel") else list(partitions)


def with_all_columns(values: Any) -> Any:
    """Return a collection whose partitions have all columns; chunks of an array are joined."""
    chunks = getattr(values, "numblocks", ())
    if all(number == 1 for number in chunks[1:]):
        return values
    return values.rechunk(dict.fromkeys(range(1, len(chunks)), -1))
