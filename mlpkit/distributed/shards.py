"""What a process of a group passes to `fit` as X: its rows of a table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.data.memory_maps import written_rows
from mlpkit.data.row_sources import StoredTable
from mlpkit.data.tables import column_names, n_rows_of, with_columns
from mlpkit.distributed.placements import Placement
from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.plugin import Array, Group

IN_MEMORY = 1 << 28  # bytes of rows; more are written to a memory map


class Shard(StoredTable):
    """The rows of X that this process of a group has.

    A process passes it to `fit` as X, together with the targets and the weights of *all* rows.
    All processes of the group do this with the same estimator, and each ends with the same fitted
    one. The rows themselves stay in their process, except for one column at a time while an
    encoder learns it, and some sampled rows.

    All processes must create their shards at the same time. An interrupt of one process ends the
    fit of all: that process raises KeyboardInterrupt, and the others `mlpkit.plugin.GroupError`.

    Parameters
    ----------
    parts : sequence of {ndarray, dataframe, StoredTable} of shape (n, n_features)
        The rows in parts of any kind, also tables in files; none for a process without rows.
    places : ndarray of shape (n_local,)
        The index of each of these rows among all rows, int.
    n_rows : int
        The number of rows of all processes.
    group : Group
        The processes.

    Raises
    ------
    ValueError
        If the parts of the processes have different columns, or are sparse.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpkit import MLPClassifier
    >>> from mlpkit.distributed import Shard, Solo
    >>> X, y = np.eye(4), np.array([0, 1, 0, 1])
    >>> shard = Shard([X[:3], X[3:]], np.arange(4), 4, Solo())
    >>> clf = MLPClassifier(solver="lbfgs", random_state=0).fit(shard, y)
    >>> clf.predict(X).tolist()
    [0, 1, 0, 1]
    """

    name = "X"

    def __init__(self, parts: Sequence[Any], places: Array, n_rows: int, group: Group) -> None:
        self._parts = [part for part in parts if n_rows_of(part)]
        self.placement = Placement(places, n_rows, group)
        names = group.gather([_names_of(part) for part in parts])
        of_all = [name for of_process in names for name in of_process]
        _check_columns(of_all)
        columns = of_all[0] if of_all else []
        self.is_named = not isinstance(columns, int)
        self._names = [f"x{i}" for i in range(columns)] if isinstance(columns, int) else columns

    @property
    def group(self) -> Group:
        """The processes."""
        return self.placement.group

    @property
    def column_names(self) -> list[str]:
        """The names of the columns; x0, x1, ... if they have none."""
        return self._names

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows of all processes, and of columns."""
        return self.placement.n_rows, len(self._names)

    def __len__(self) -> int:
        return self.placement.n_rows

    def parts(self) -> Iterator[Any]:
        """Yield the rows of this process in parts.

        Yields
        ------
        part : ndarray or dataframe
            Some rows.
        """
        for part in self._parts:
            if isinstance(part, StoredTable):
                yield from part.parts()
            else:
                yield part

    def located(self, begin: int, end: int) -> str:
        """Return the name and the numbers of the rows of a part, for messages.

        Parameters
        ----------
        begin, end : int
            The indices, in this process, of its first row, and of the first row after it.

        Returns
        -------
        str
            The file of a table in files; else the numbers among the rows of all processes.
        """
        start = 0
        for part in self._parts:
            stop = start + n_rows_of(part)
            if isinstance(part, StoredTable) and start <= begin < stop:
                return part.located(begin - start, end - start)
            start = stop
        places = self.placement.places[begin:end]
        return f"{self.name}, rows {places.min() + 1:,} to {places.max() + 1:,}"

    def gathered(self, values: Array) -> Array:
        """The values of all rows, (n_rows, ...), from those of the rows of each process.

        Parameters
        ----------
        values : ndarray of shape (n_local, ...)
            The values of the rows of this process, such as targets.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            The values of the rows of all processes, in the order of the rows.
        """
        return self.placement.gathered(values)

    def column(self, key: str | int) -> Any:
        """Copy a column of all rows to all processes, which must call this at the same time.

        Parameters
        ----------
        key : str or int
            The name or the index of the column.

        Returns
        -------
        pyarrow.Array
            The values, in the order of the rows.

        Raises
        ------
        ValueError
            If its parts have types without a common one.
        """
        from mlpkit.distributed import arrow_columns

        i = key if isinstance(key, int) else self._names.index(key)
        chunks = [arrow_columns.column(part, i) for part in self._parts]
        of_all = [chunk for chunks in self.group.gather(chunks) for chunk in chunks]
        return arrow_columns.joined(self._names[i], of_all, self.placement.order)

    def select(self, names: Sequence[str]) -> "Shard":
        """Select columns.

        Parameters
        ----------
        names : sequence of str
            The columns, in the new order.

        Returns
        -------
        Shard
        """
        selected = object.__new__(Shard)
        selected.__dict__.update(vars(self))
        if self.is_named:
            selected._parts = [with_columns(part, names) for part in self._parts]
            selected._names = list(names)
        return selected

    def in_memory(self, purpose: str) -> Any:
        """Raise an error, since no process has all rows.

        Parameters
        ----------
        purpose : str
            What requires all rows.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"{purpose} cannot be fitted on rows that are distributed over several processes. Use"
            " an encoder with the method fit_columns, such as encoder='tabular'; or fit the"
            " transformer beforehand, and pass transformed rows."
        )

    def converted(self, convert: Callable[[Any], Array]) -> ShardedRows:
        """Convert all parts to rows of numbers, which have the same dtype in all processes.

        All processes must call it at the same time.

        Parameters
        ----------
        convert : callable
            ``convert(part)``: the rows of a part as numbers, (n, n_columns).

        Returns
        -------
        ShardedRows
            The rows of all processes.

        Raises
        ------
        ValueError
            If the dtype of the first part of a process cannot hold the values of another one.
        """
        blocks = self.blocks(convert)
        first = next(blocks, None)
        shapes = self.group.gather(None if first is None else (first.shape[1], first.dtype.name))
        n_columns, dtype = _common(shapes)
        n_local = len(self.placement.places)
        if first is None:
            return ShardedRows(np.empty((0, n_columns), dtype), self.placement)
        if len(first) == n_local and first.dtype == dtype:
            # `take` would copy all rows in each step if a message had left them unaligned
            return ShardedRows(np.require(first, requirements="A"), self.placement)
        blocks = _checked(chain([first], blocks), dtype)
        if n_local * n_columns * dtype.itemsize > IN_MEMORY:
            rows = written_rows(blocks, n_local, n_columns, dtype)
            return ShardedRows(rows, self.placement)
        local, end = np.empty((n_local, n_columns), dtype), 0
        for block in blocks:
            begin, end = end, end + len(block)
            local[begin:end] = block
        return ShardedRows(local, self.placement)


def _checked(blocks: Iterable[Array], dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield the blocks; raise ValueError for one whose values would be rounded to the dtype."""
    for block in blocks:
        if not np.can_cast(block.dtype, dtype):
            name = block.dtype.name
            raise ValueError(
                f"The parts of X have different types: {dtype.name} and {name}. Set dtype={name!r},"
                f" or convert all parts to one type, for example with X.astype({name!r})."
            )
        yield block


def _names_of(part: Any) -> list[Any] | int:
    """The names of the columns of a part; their number if they have none."""
    if issparse(part):
        raise ValueError(
            "Sparse rows cannot be distributed over several processes. Convert the parts to dense"
            " arrays, for example with X.map_blocks(lambda part: part.toarray())."
        )
    names = column_names(part)
    return int(part.shape[1]) if names is None else names


def _check_columns(of_parts: list[list[Any] | int]) -> None:
    """Raise ValueError if two parts have different columns."""
    for names in of_parts[1:]:
        if names != of_parts[0]:
            raise ValueError(
                f"The parts of X have different columns: {_shown(of_parts[0])} and"
                f" {_shown(names)}. Give all parts the same columns in the same order."
            )


def _shown(names: list[Any] | int) -> str:
    return f"{names} columns without names" if isinstance(names, int) else repr(names[:50])


def _common(shapes: list[tuple[int, str] | None]) -> tuple[int, np.dtype[Any]]:
    """The number of columns and the common dtype of the rows of all processes that have any."""
    known = [shape for shape in shapes if shape is not None]
    return known[0][0], np.result_type(*(dtype for _, dtype in known))
