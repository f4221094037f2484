"""Arrays in memory, or memory maps, as parts of a table."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mlpkit.messages import escaped
from mlpkit.plugin import Array
from mlpkit.sources.errors import errors_of

BATCH_ROWS = 1 << 14


class MappedRows(NamedTuple):
    """Where the rows of a memory map are: its pickle, instead of the rows."""

    path: Any
    dtype: Any
    offset: int
    shape: tuple[int, ...]

    def opened(self) -> Array:
        """Map the rows again, which must be in a file of the same name."""
        with errors_of(escaped(self.path)):
            return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


def mapped(X: Array) -> Array | MappedRows:
    """Return where the rows of a memory map are; other arrays as they are.

    >>> mapped(np.ones(1))
    array([1.])
    """
    if not isinstance(X, np.memmap) or X.filename is None or not X.flags.c_contiguous:
        return X
    whole: Any = X
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    first, start = (a.__array_interface__["data"][0] for a in (X, whole))
    return MappedRows(X.filename, X.dtype, whole.offset + first - start, X.shape)


class ArrayPart:
    """The rows of an array of numbers (n, n_columns), whose columns are called x0, x1 and so on.

    Parameters
    ----------
    name : str
        Its name in messages.
    X : ndarray of shape (n, n_columns)
        The rows.
    """

    def __init__(self, name: str, X: Array) -> None:
        self.name, self.X = name, X
        self.positions = {f"x{i}": i for i in range(X.shape[1])}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "X": mapped(self.X)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        X = state["X"]
        self.__dict__ = {**state, "X": X.opened() if isinstance(X, MappedRows) else X}

    @cached_property
    def schema(self) -> pa.Schema:
        """The types of its columns."""
        dtype = pa.from_numpy_dtype(self.X.dtype)
        return pa.schema([(name, dtype) for name in self.positions])

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.positions)

    def count_rows(self) -> int:
        """Return the number of rows."""
        return len(self.X)

    def piece_name(self, piece: int) -> str:
        """Return an empty text: the batches have no names."""
        return ""

    def piece_rows(self) -> list[int]:
        """Return the number of rows of each batch."""
        n_rows = len(self.X)
        return [min(BATCH_ROWS, n_rows - start) for start in range(0, n_rows, BATCH_ROWS)]

    def pieces(self, begin: int, end: int) -> "ArrayPart":
        """Return the array with these batches alone."""
        return ArrayPart(self.name, self.X[begin * BATCH_ROWS : end * BATCH_ROWS])

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Copy these columns of all rows; ``types`` are ignored, since arrays have their own."""
        return pa.table({name: self._column(name, slice(None)) for name in columns})

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches."""
        for start in range(0, len(self.X), BATCH_ROWS):
            rows = slice(start, start + BATCH_ROWS)
            yield pa.record_batch({name: self._column(name, rows) for name in columns})

    def _column(self, name: str, rows: slice) -> pa.Array:
        return pa.array(np.ascontiguousarray(self.X[rows, self.positions[name]]))
