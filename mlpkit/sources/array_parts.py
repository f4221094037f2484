"""Arrays in memory, or memory maps, as parts of a table."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from mlpkit.plugin import Array

BATCH_ROWS = 1 << 14


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

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.positions)

    def count_rows(self) -> int:
        """Return the number of rows."""
        return len(self.X)

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
