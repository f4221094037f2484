"""All files of a path as one table, whole or in batches of rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, Self

import pyarrow as pa

from mlpkit.data.tables import duplicates
from mlpkit.messages import comma_separated, did_you_mean, escaped
from mlpkit.sources.arrow_files import ArrowFile
from mlpkit.sources.csv_files import CsvFile, CsvOptions
from mlpkit.sources.errors import InputError, one_line
from mlpkit.sources.files import Source, rereadable, sources_of
from mlpkit.sources.parquet_files import ParquetFile

MAX_ROWS = 1 << 16  # of a batch
MAX_CELLS = 1 << 20  # of a batch
NEED_SEEK = ("parquet", "arrow")


class TableFile(Protocol):
    """A file of any format."""

    source: Source
    names: list[str]

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read these columns of all rows; ``types`` are for formats without types."""

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield these columns in batches."""


class Tables:
    """The rows of a file, of all files of a folder, or of standard input.

    Parameters
    ----------
    path : str
        The file or folder, or "-" for standard input.
    options : CsvOptions
        How CSV is read.
    several_times : bool, default=False
        Whether the rows are read more than once.
    """

    def __init__(self, path: str, options: CsvOptions, several_times: bool = False) -> None:
        self._stack = ExitStack()
        self._options = options
        sources = sources_of(path)
        if several_times or sources[0].format in NEED_SEEK:
            sources = self._stack.enter_context(rereadable(sources))
        self.name = escaped(path) if path != "-" else sources[0].name
        self.sources = sources
        self.first = self._opened(sources[0])
        self.names = self.first.names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    @property
    def is_text(self) -> bool:
        """Whether the values have no types."""
        return self.sources[0].format == "csv"

    def check_columns(self, names: Iterable[str], purpose: str = "") -> None:
        """Raise InputError unless the first file has these columns."""
        check_columns(self.first, names, purpose)

    def table(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType] | None = None
    ) -> pa.Table:
        """Read these columns of all rows of all files.

        Types of columns that differ between files are promoted, for example integers to real
        numbers; InputError is raised for types that have no common type.
        """
        parts: list[pa.Table] = []
        for file in self._files():
            check_columns(file, columns)
            part = file.table(columns, types or {}).select(list(columns))
            if parts:
                _check_types(self.sources[0].name, parts[0].schema, file.source.name, part.schema)
            parts.append(part)
        return pa.concat_tables(parts, promote_options="permissive").combine_chunks()

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType] | None = None
    ) -> Iterator[pa.Table]:
        """Yield these columns of all rows in tables of limited size.

        A column has the type that it has in the first file.
        """
        size = max(1, min(MAX_ROWS, MAX_CELLS // max(1, len(columns))))
        schema: pa.Schema | None = None
        for file in self._files():
            check_columns(file, columns)
            for batch in file.batches(columns, types or {}):
                schema = batch.schema.remove_metadata() if schema is None else schema
                table = _as_schema(pa.Table.from_batches([batch]), schema, file.source.name)
                for start in range(0, table.num_rows, size):
                    yield table.slice(start, size)

    def _files(self) -> Iterator[TableFile]:
        yield self.first
        for source in self.sources[1:]:
            yield self._opened(source)

    def _opened(self, source: Source) -> TableFile:
        file: TableFile
        if source.format == "csv":
            file = CsvFile(source, self._options)
        else:
            file = ParquetFile(source) if source.format == "parquet" else ArrowFile(source)
        if repeated := duplicates(file.names):
            raise InputError(
                f"{source.name}: several columns have the name {escaped(repeated[0])!r}. The names"
                " of columns must be distinct."
            )
        return file


def check_columns(file: TableFile, names: Iterable[str], purpose: str = "") -> None:
    """Raise InputError, which names them, if a file lacks columns; ``purpose`` precedes them."""
    missing = [name for name in names if name not in file.names]
    if missing:
        raise InputError(missing_columns(file.source.name, missing, file.names, purpose))


def missing_columns(
    source: str, missing: Sequence[str], names: Collection[str], purpose: str = ""
) -> str:
    """Return the message about columns that a file lacks.

    >>> missing_columns("a.csv", ["agee"], ["age", "sex"], "--drop")
    "a.csv: --drop: there is no column 'agee'. Did you mean 'age'? The columns are: age, sex."
    """
    listed = comma_separated(repr(escaped(name)) for name in missing[:20])
    more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
    hint = did_you_mean(missing[0], names) if len(missing) == 1 else ""
    known = list(names)
    others = f", and {len(known) - 30} more" if len(known) > 30 else ""
    start = f"{source}: {purpose}: " if purpose else f"{source}: "
    there = "there is no column" if len(missing) == 1 else "there are no columns"
    text = f"{start}{there} {listed}{more}. {hint}".rstrip()
    return f"{text} The columns are: {comma_separated(known[:30])}{others}."


def _check_types(first: str, expected: pa.Schema, name: str, found: pa.Schema) -> None:
    """Raise InputError if a column has types in two files that have no common type."""
    for field in expected:
        other = found.field(field.name)
        try:
            pa.unify_schemas([pa.schema([field]), pa.schema([other])], promote_options="permissive")
        except pa.ArrowException as error:
            raise InputError(
                f"{name}: column {escaped(field.name)!r} has the type {other.type}, but"
                f" {field.type} in {first}. Pass --categorical {escaped(field.name)} if it contains"
                " categories."
            ) from error


def _as_schema(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """The table with the types of a schema."""
    if table.schema.equals(schema):
        return table
    columns = []
    for field in schema:
        column = table.column(field.name)
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowException as error:
            raise InputError(
                f"{name}: column {escaped(field.name)!r} has the type {column.type}, which can't be"
                f" converted to {field.type} of the first file: {one_line(error)}"
            ) from error
    return pa.table(columns, schema=schema)
