"""A table in files, which is read by columns or in parts."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from mlpkit.data.row_sources import StoredTable
from mlpkit.messages import escaped, shown_bytes
from mlpkit.sources.progress import with_progress
from mlpkit.sources.reading import Tables


class FileTable(StoredTable):
    """Some columns of the files of a source.

    Parameters
    ----------
    tables : Tables
        The files, whose values have types.
    names : sequence of str
        The columns.
    n_rows : int
        The number of rows.
    memory : int
        How many bytes the rows may use in memory.
    verbose : bool, default=False
        Whether to print how many rows have been read.
    """

    def __init__(
        self,
        tables: Tables,
        names: Sequence[str],
        n_rows: int,
        memory: int,
        verbose: bool = False,
    ) -> None:
        self._tables, self._names, self._n_rows = tables, list(names), n_rows
        self.name, self.memory, self._verbose = tables.name, memory, verbose

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return self._names

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self._n_rows, len(self._names)

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return self._n_rows

    def __len__(self) -> int:
        return self._n_rows

    def column(self, key: str | int) -> pa.ChunkedArray:
        """Read a column of all rows, by name or index."""
        name = self._names[key] if isinstance(key, int) else key
        purpose = f"reading the column {escaped(name)!r}"
        return self.select([name]).in_memory(purpose).column(0)

    def select(self, names: Sequence[str]) -> "FileTable":
        """The table with these columns, in this order."""
        return FileTable(self._tables, names, self._n_rows, self.memory, self._verbose)

    def parts(self) -> Iterator[pa.Table]:
        """Read the rows in parts."""
        parts = self._tables.batches(self._names)
        return with_progress(parts, self._n_rows, self.name) if self._verbose else parts

    def in_memory(self, purpose: str) -> pa.Table:
        """Read all rows; ValueError, with what requires them, if they do not fit into memory."""
        parts, size = [], 0
        for part in self._tables.batches(self._names):
            parts.append(part)
            size += part.nbytes
            if 2 * size > self.memory:  # the parts, and the table
                raise ValueError(
                    f"{self.name}: {purpose} requires more memory than the"
                    f" {shown_bytes(self.memory)} that scan may use. Pass more, such as"
                    " scan(..., memory='8GiB')."
                )
        if not parts:
            return self._tables.table(self._names)
        return pa.concat_tables(parts).combine_chunks()

    def __repr__(self) -> str:
        return f"<{self._n_rows:,} rows of {self.name}>"
