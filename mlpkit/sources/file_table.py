"""A table in files, which is read by columns or in parts."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from mlpkit.data.row_caches import RowCache
from mlpkit.data.row_sources import StoredTable
from mlpkit.messages import escaped, shown_bytes
from mlpkit.sources.kinds import as_text, coded, is_text, plain_type
from mlpkit.sources.progress import with_progress
from mlpkit.sources.reading import Tables

PER_VALUE = 8  # bytes of a target, a weight, a label, or the place of a row in the order


class Reading(NamedTuple):
    """How the columns of files are read.

    Parameters
    ----------
    memory : int
        How many bytes the rows may use in memory.
    held : int, default=0
        How many of these are used for what is held in memory during a fit.
    categorical : tuple of str, default=()
        Columns that become text.
    cache : RowCache or None, default=None
        Where encoded rows are kept.
    verbose : bool, default=False
        Whether to print how many rows have been read.
    """

    memory: int
    held: int = 0
    categorical: tuple[str, ...] = ()
    cache: RowCache | None = None
    verbose: bool = False

    def holding(self, name: str, n_rows: int, n_columns: int) -> "Reading":
        """This with columns that are held in memory, and the order of the rows.

        Raises ValueError if they require more memory than may be used.
        """
        size = PER_VALUE * n_rows * (n_columns + 1)
        if size > self.memory:
            raise ValueError(
                f"{name}: the targets, the weights, the labels and the order of {n_rows:,} rows"
                f" require {shown_bytes(size)}, 8 bytes each, but scan may use"
                f" {shown_bytes(self.memory)}. {MORE}"
            )
        return self._replace(held=size)

    def check(self, size: int, name: str, purpose: str) -> None:
        """Raise ValueError if reading requires more memory than is left."""
        if size > self.memory - self.held:
            held = (
                f", of which {shown_bytes(self.held)} are for the targets, the weights, the labels"
                " and the order of the rows"
            )
            raise ValueError(
                f"{name}: {purpose} requires more memory than the {shown_bytes(self.memory)} that"
                f" scan may use{held if self.held else ''}. {MORE}"
            )


MORE = "Pass more, such as scan(..., memory='8GiB')."


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
    reading : Reading
        How they are read.
    """

    def __init__(self, tables: Tables, names: Sequence[str], n_rows: int, reading: Reading) -> None:
        self._tables, self._names, self._n_rows = tables, list(names), n_rows
        self.name, self._reading = tables.name, reading

    @property
    def cache(self) -> RowCache | None:
        """Where encoded rows of these columns are kept."""
        cache = self._reading.cache
        if cache is None:
            return None
        text = [name for name in self._names if name in self._reading.categorical]
        return cache.with_selected(columns=self._names, categorical=text)

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
        return FileTable(self._tables, names, self._n_rows, self._reading)

    def parts(self) -> Iterator[pa.Table]:
        """Read the rows in parts."""
        parts = map(self._with_text, self._tables.batches(self._names))
        if not self._reading.verbose:
            return parts
        return with_progress(parts, self._n_rows, self.name)

    def in_memory(self, purpose: str) -> pa.Table:
        """Read all rows; ValueError, with what requires them, if they do not fit into memory."""
        return self._whole(map(self._with_text, self._tables.batches(self._names)), purpose)

    def with_codes(self, purpose: str) -> pa.Table:
        """Read all rows, text as codes of its values."""
        parts = map(_coded, map(self._with_text, self._tables.batches(self._names)))
        return self._whole(parts, purpose).unify_dictionaries()

    def located(self, begin: int, end: int) -> str:
        """Return the file, the row group, if there are any, and the numbers of rows in the file."""
        return self._tables.located(begin, end)

    def _whole(self, parts: Iterator[pa.Table], purpose: str) -> pa.Table:
        read, size = [], 0
        for part in parts:
            read.append(part)
            size += part.nbytes
            self._reading.check(2 * size, self.name, purpose)  # the parts, and the table
        if not read:
            return self._tables.table(self._names)
        return pa.concat_tables(read).unify_dictionaries().combine_chunks()

    def _with_text(self, part: pa.Table) -> pa.Table:
        """The part with categories as text."""
        for name in self._reading.categorical:
            if name in self._names:
                i = self._names.index(name)
                part = part.set_column(i, name, as_text(part.column(i)))
        return part

    def __repr__(self) -> str:
        return f"<{self._n_rows:,} rows of {self.name}>"


def _coded(part: pa.Table) -> pa.Table:
    """The part with text as codes."""
    for i, field in enumerate(part.schema):
        if is_text(plain_type(field.type)):
            part = part.set_column(i, field.name, coded(part.column(i)))
    return part
