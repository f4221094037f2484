"""The partitions of what a user passes as X, y, sample weights and labels."""

from collections.abc import Mapping
from typing import Any

from dask import delayed, is_dask_collection
from dask.delayed import Delayed
from distributed import Future

from mlpkit_dask.rows.blocks import dataset_of_parts

Partitions = list[Any]  # each a Delayed or a Future


def is_distributed(values: Any) -> bool:
    """Return whether it is a Dask array or dataframe, or a list of futures or delayed objects.

    >>> import dask.array
    >>> is_distributed(dask.array.ones(3)), is_distributed([delayed(len)]), is_distributed([1, 2])
    (True, True, False)
    """
    if isinstance(values, list | tuple):
        return bool(values) and all(isinstance(value, Delayed | Future) for value in values)
    return hasattr(values, "to_delayed") and is_dask_collection(values)


def datasets_of(X: Any, y: Any, sample_weight: Any, labels: Any) -> list[Delayed]:
    """Return the `mlpkit.Dataset` of each partition, delayed.

    Raises TypeError for an argument that is not distributed, and ValueError if arguments have
    different numbers of partitions.
    """
    named = {"X": X, "y": y, "sample_weight": sample_weight}
    named |= {"labels": labels} if not isinstance(labels, Mapping) else {}
    rows = {name: partitions_of(name, v) for name, v in named.items() if v is not None}
    columns = {
        f"labels[{key!r}]": partitions_of(f"labels[{key!r}]", values)
        for key, values in (labels.items() if isinstance(labels, Mapping) else ())
    }
    for name, partitions in (rows | columns).items():
        _check_number(name, len(partitions), len(rows["X"]))
    absent = [None] * len(rows["X"])
    of_arguments = [rows.get(name, absent) for name in ("X", "y", "sample_weight", "labels")]
    if columns:
        of_arguments[3] = [
            dict(zip(labels, values, strict=True)) for values in zip(*columns.values(), strict=True)
        ]
    dataset = delayed(dataset_of_parts, pure=False)
    return [dataset(*arguments) for arguments in zip(*of_arguments, strict=True)]


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


def _check_number(name: str, number: int, expected: int) -> None:
    if number != expected:
        raise ValueError(
            f"{name} must have the partitions of X, but has {number} partitions, and X has"
            f" {expected}. Repartition it, for example by {name.partition('[')[0]}.rechunk or"
            " repartition, with the sizes of the partitions of X."
        )
