"""The types of the columns of CSV files, which all values decide."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from mlpkit.sources.csv_files import CsvFile
from mlpkit.sources.errors import ConversionError
from mlpkit.sources.reading import Tables

# the types of `pyarrow.csv`, each followed by the one that is tried next
NEXT = {
    pa.null(): pa.int64(),
    pa.int64(): pa.float64(),
    pa.date32(): pa.timestamp("s"),
    pa.timestamp("s"): pa.timestamp("ns"),
}


def typed_parquet(
    tables: Tables, path: Any, columns: Sequence[str], text: Sequence[str] = ()
) -> None:
    """Write columns of CSV files to a Parquet file, with the types that hold for all values.

    The types are those that pyarrow chooses for a whole file: integers, real numbers, booleans,
    dates, times, or text. They are guessed from the first rows; whenever a value has another type,
    the files are read again with the next type for its column. The columns ``text`` are read as
    text.
    """
    types: dict[str, pa.DataType] = dict.fromkeys(text, pa.string())
    while True:
        try:
            _write(tables, path, columns, types)
            return
        except ConversionError as error:
            name = error.column
            if types.get(name, pa.string()) == pa.string():
                raise
            types[name] = NEXT.get(types[name], pa.string())


def _write(
    tables: Tables, path: Any, columns: Sequence[str], types: dict[str, pa.DataType]
) -> None:
    schema = _guessed(tables, columns, types)
    types.update(schema)
    fields = pa.schema(list(schema.items()))
    with parquet.ParquetWriter(path, fields, compression="zstd") as writer:
        for table in tables.batches(columns, types):
            writer.write_table(table)


def _guessed(
    tables: Tables, columns: Sequence[str], types: dict[str, pa.DataType]
) -> dict[str, pa.DataType]:
    """The types of the columns, those that are not known from the first rows."""
    file = tables.first
    assert isinstance(file, CsvFile)
    first: Iterator[pa.RecordBatch] = file.typed_batches(columns, types)
    batch = next(first, None)
    if batch is None:
        return {name: types.get(name, pa.null()) for name in columns}
    return {name: types.get(name, batch.schema.field(name).type) for name in columns}
