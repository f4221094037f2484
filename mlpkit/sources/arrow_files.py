"""Arrow files (also called Feather) and Arrow streams."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from mlpkit.sources.errors import errors_of
from mlpkit.sources.files import Source, stdin
from mlpkit.sources.typed_files import TypedFile


class ArrowFile(TypedFile):
    """An Arrow file or some batches of it, or a stream, of which standard input is read once."""

    def __init__(self, source: Source, batches: range | None = None) -> None:
        self.source, self._batches = source, batches
        self._reader: Any = None  # of standard input
        if source.path is None:
            with self._errors():
                self._reader = ipc.open_stream(stdin())
            self.schema: pa.Schema = self._reader.schema
        else:
            with self._errors(), self._opened() as reader:
                self.schema = reader.schema

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.source.name

    def piece_rows(self) -> list[int] | None:
        """Return the number of rows of each batch of a file, and None for a stream."""
        if self.source.format != "arrow":
            return None
        with self._errors(), self._opened() as reader:
            return [int(batch.num_rows) for batch in self._next(reader)]

    def pieces(self, begin: int, end: int) -> "ArrowFile":
        """Return the file with these batches alone."""
        batches = range(begin, end) if self._batches is None else self._batches[begin:end]
        return ArrowFile(self.source, batches)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the batches in which they were written."""
        with self._opened() as reader:
            read = self._next(reader)
            number = 1 if self._batches is None else self._batches.start + 1
            while True:
                with self._errors(f", batch {number}"):
                    batch = next(read, None)
                    if batch is None:
                        return
                    batch.validate()
                    batch = batch.select(list(columns))
                yield batch
                number += 1

    def _next(self, reader: Any) -> Iterator[pa.RecordBatch]:
        if self.source.format != "arrow":
            yield from reader
            return
        batches = self._batches
        for number in range(reader.num_record_batches) if batches is None else batches:
            yield reader.get_batch(number)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        self.source.check_unchanged()
        if self._reader is not None:
            yield self._reader
            return
        with pa.memory_map(str(self.source.path)) as file:
            yield (ipc.open_file if self.source.format == "arrow" else ipc.open_stream)(file)

    def _errors(self, where: str = "") -> AbstractContextManager[None]:
        return errors_of(f"{self.source.name}{where}", "Arrow data")
