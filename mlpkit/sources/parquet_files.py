"""Parquet files, row group by row group."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa
from pyarrow import parquet

from mlpkit.sources.errors import errors_of
from mlpkit.sources.files import Source
from mlpkit.sources.typed_files import TypedFile


class ParquetFile(TypedFile):
    """A Parquet file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        with self._errors(), self._opened() as file:
            self.schema: pa.Schema = file.schema_arrow

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.source.name

    def count_rows(self) -> int:
        """Return the number of rows that the file states."""
        with self._errors(), self._opened() as file:
            return int(file.metadata.num_rows)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches."""
        with self._opened() as file:
            for group in range(file.num_row_groups):
                with self._errors(f", row group {group + 1}"):
                    read = file.iter_batches(row_groups=[group], columns=list(columns))
                    for batch in read:  # a dot in a name selects nested columns, too
                        yield batch.select(list(columns))

    @contextmanager
    def _opened(self) -> Iterator[parquet.ParquetFile]:
        self.source.check_unchanged()
        with parquet.ParquetFile(self.source.path) as file:
            yield file

    def _errors(self, where: str = "") -> AbstractContextManager[None]:
        return errors_of(f"{self.source.name}{where}", "a Parquet file")
