"""Partitioners: rules that assign rows to named groups."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlpkit.plugin.datasets import Dataset, Groups


class UnmergeableGroups(ValueError):
    """Fitted groups of a partitioner differ and cannot be merged, see `Partitioner.merge`.

    Parameters
    ----------
    name : str
        The name of the partitioner.

    Examples
    --------
    >>> UnmergeableGroups("age").name
    'age'
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"The fitted groups of {self.name!r} differ and cannot be merged. Evaluate the second"
            " report with partitions=first.partitions."
        )


class Partitioner(NamedTuple):
    """A rule that learns groups from one data set and assigns the rows of any data set to them.

    Values that were not in the first data set belong to the group "other", missing values to the
    group "missing". The name of a group means the same group in every data set. All functions
    are defined at module level (or are `functools.partial` of such functions), so that reports
    can be pickled. Fitted groups that consist of dicts, lists, tuples, strings, numbers and arrays
    can also be stored in files, as part of the metrics of a stream.

    Parameters
    ----------
    name : str
        The name of the partitioner.
    fit : callable
        ``fit(dataset)`` returns the fitted groups, any object that can be pickled.
    assign : callable
        ``assign(fitted, dataset)`` returns the `Groups` of the rows.
    merge : callable or None, default=None
        ``merge(fitted, other)`` combines the groups that were fitted to two parts of the data, or
        raises `UnmergeableGroups`. None means that results with different fitted groups cannot be
        merged.
    origin : tuple of (str, dict) or None, default=None
        Name and options of the component that makes this partitioner, by which files recreate it.
        `mlpkit.by` sets it.
    """

    name: str
    fit: Callable[[Dataset], Any]
    assign: Callable[[Any, Dataset], Groups]
    merge: Callable[[Any, Any], Any] | None = None
    origin: tuple[str, Mapping[str, Any]] | None = None

    def __repr__(self) -> str:
        if self.origin is None:
            return f"<Partitioner {self.name!r}>"
        name, options = self.origin
        given = ", ".join(f"{key}={value!r}" for key, value in options.items() if value is not None)
        return f"<Partitioner {self.name!r}: {name}({given})>"
