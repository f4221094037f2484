"""Parquet files, row group by row group."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa
from pyarrow import parquet

from mlpkit.sources.errors import errors_of
from mlpkit.sources.files import Source
from mlpkit.sources.typed_files import TypedFile

BUFFER = 1 << 18  # bytes that are read of a column at once


class ParquetFile(TypedFile):
    """A Parquet file, or some row groups of it."""

    def __init__(self, source: Source, groups: range | None = None) -> None:
        self.source = source
        with self._errors(), self._opened() as file:
            self.schema: pa.Schema = file.schema_arrow
            self.groups = range(file.num_row_groups) if groups is None else groups

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.source.name

    def piece_rows(self) -> list[int]:
        """Return the number of rows of each row group."""
        with self._errors(), self._opened() as file:
            return [int(file.metadata.row_group(group).num_rows) for group in self.groups]

    def piece_name(self, piece: int) -> str:
        """Return the number of a row group."""
        return f", row group {self.groups[piece] + 1}"

    def pieces(self, begin: int, end: int) -> "ParquetFile":
        """Return the file with these row groups alone."""
        return ParquetFile(self.source, self.groups[begin:end])

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches."""
        with self._opened() as file:
            for group in self.groups:
                with self._errors(f", row group {group + 1}"):
                    read = file.iter_batches(row_groups=[group], columns=list(columns))
                    for batch in read:  # a dot in a name selects nested columns, too
                        yield batch.select(list(columns))

    @contextmanager
    def _opened(self) -> Iterator[parquet.ParquetFile]:
        self.source.check_unchanged()
        # with other options, whole columns of a row group would be read at once
        with parquet.ParquetFile(self.source.path, buffer_size=BUFFER, pre_buffer=False) as file:
            yield file

    def _errors(self, where: str = "") -> AbstractContextManager[None]:
        return errors_of(f"{self.source.name}{where}", "a Parquet file")
