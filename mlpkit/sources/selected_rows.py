"""Some of the rows of files as a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa

from mlpkit.plugin import Array
from mlpkit.sources.errors import InputError
from mlpkit.sources.reading import Tables


class SelectedTables(Tables):
    """The rows of other tables for which a mask is true.

    Parameters
    ----------
    tables : Tables
        All rows.
    is_selected : ndarray of shape (n_rows,), bool
        The mask.
    """

    def __init__(self, tables: Tables, is_selected: Array) -> None:
        self.__dict__.update(vars(tables))
        self.all, self.is_selected = tables, is_selected

    def count_rows(self) -> int:
        """Return the number of selected rows."""
        return int(np.count_nonzero(self.is_selected))

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType] | None = None
    ) -> Iterator[pa.Table]:
        """Yield these columns of the selected rows in tables of limited size."""
        begin = 0
        for batch in self.all.batches(columns, types):
            end = begin + batch.num_rows
            selected = batch.filter(pa.array(self.is_selected[begin:end]))
            begin = end
            if selected.num_rows:
                yield selected

    def table(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType] | None = None
    ) -> pa.Table:
        """Read these columns of the selected rows."""
        return self.all.table(columns, types).filter(pa.array(self.is_selected))

    def located(self, begin: int, end: int) -> str:
        """Return the file, the row group, and the numbers of the rows in the file."""
        rows = np.flatnonzero(self.is_selected)[begin:end]
        return self.all.located(int(rows[0]), int(rows[-1]) + 1)

    def split(self, n_parts: int) -> NoReturn:
        """Raise InputError."""
        raise InputError(f"{self.name}: selected rows cannot be divided. Divide all rows first.")
