"""Tables that are written batch by batch, whole or not at all."""

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import ipc, parquet

from mlpkit.files.atomic_file import write_atomically
from mlpkit.messages import comma_separated, escaped
from mlpkit.sources.errors import InputError

STDOUT = "-"


def writer_of(path: str) -> Callable[[Any, pa.Schema], Any]:
    """Return ``writer(file, schema)``, which has ``write_table`` and ``close``, by the suffix.

    Raises InputError for another suffix.
    """
    suffix = ".csv" if path == STDOUT else Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise InputError(
            f"{escaped(path)}: the suffix of the output must be one of: {comma_separated(WRITERS)}"
        )
    return WRITERS[suffix]


def write_table(path: str, tables: Iterable[pa.Table]) -> int:
    """Write tables of one schema, and return the number of rows.

    ``path`` is a file, whose suffix chooses the format, or "-" for CSV on standard output. A file
    is written under another name and renamed at the end.
    """
    writer = writer_of(path)
    rows = 0

    def write(file: Any) -> None:
        nonlocal rows
        with ExitStack() as stack:
            opened = None
            for table in tables:
                if opened is None:
                    opened = writer(file, table.schema)
                    stack.callback(opened.close)  # also after an error, while the file is open
                opened.write_table(table)
                rows += table.num_rows

    if path == STDOUT:
        write(_Stdout(sys.stdout.buffer))
    else:
        write_atomically(path, write)
    return rows


class _Stdout:
    """Standard output as a file that is flushed after each batch and not closed."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def write(self, data: bytes) -> int:
        """Write and flush."""
        n = self.stream.write(data)
        self.stream.flush()
        return n

    def flush(self) -> None:
        """Flush."""
        self.stream.flush()

    def writable(self) -> bool:
        """Return True."""
        return True


def _csv(file: Any, schema: pa.Schema) -> Any:
    options = arrow_csv.WriteOptions(quoting_style="needed")
    return arrow_csv.CSVWriter(file, schema, write_options=options)


WRITERS: dict[str, Callable[[Any, pa.Schema], Any]] = {
    ".csv": _csv,
    ".parquet": parquet.ParquetWriter,
    ".pq": parquet.ParquetWriter,
    ".arrow": ipc.new_file,
    ".feather": ipc.new_file,
    ".arrows": ipc.new_stream,
}
