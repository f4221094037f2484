"""All files of a path as one table, whole or in batches of rows."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby, pairwise, repeat
from operator import attrgetter
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from mlpkit.data.row_caches import SourceFiles
from mlpkit.data.tables import duplicates
from mlpkit.messages import comma_separated, did_you_mean, escaped
from mlpkit.sources.errors import InputError, one_line

MAX_ROWS = 1 << 16  # maximum number of rows in a batch
MAX_CELLS = 1 << 20  # maximum number of values in a batch


class TableFile(Protocol):
    """A part of a table: a file of any format, or arrays in memory."""

    @property
    def names(self) -> list[str]:
        """The names of its columns."""

    @property
    def name(self) -> str:
        """Its name in messages, escaped."""

    @property
    def schema(self) -> pa.Schema | None:
        """The types of its columns; None for a format without types."""

    def count_rows(self) -> int | None:
        """Return the number of rows, or None if it is not known without reading all of them."""

    def piece_rows(self) -> list[int] | None:
        """Return the numbers of rows of its pieces, or None if they cannot be read apart."""

    def piece_name(self, piece: int) -> str:
        """Return the name of a piece in messages, after a comma; empty if it has none."""

    def pieces(self, begin: int, end: int) -> "TableFile":
        """Return the file with these pieces alone."""

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read these columns of all rows; ``types`` are for formats without types."""

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield these columns in batches."""


class Piece(NamedTuple):
    """A piece of a file: its number, and the index of its first row in the whole file."""

    file: TableFile
    number: int
    first_row: int


class Tables:
    """The rows of several files with the same columns as one table.

    Parameters
    ----------
    name : str
        The name of all files in messages, escaped.
    openers : sequence of callable
        Functions without arguments, each of which opens a file. The first one is called at once.
    is_text : bool, default=False
        Whether the values have no types.
    owner : object, default=None
        What must exist as long as the files are read.
    schema : pyarrow.Schema or None, default=None
        The types of the columns; None means those of the first file.
    origin : SourceFiles or None, default=None
        The files; None if they are not files of this machine.
    first_rows : sequence of int, default=()
        The index of the first row of each file in the whole file, if only some pieces are read.
    """

    def __init__(
        self,
        name: str,
        openers: Sequence[Callable[[], TableFile]],
        is_text: bool = False,
        owner: object = None,
        schema: pa.Schema | None = None,
        origin: SourceFiles | None = None,
        first_rows: Sequence[int] = (),
    ) -> None:
        self.name, self.is_text, self.owner, self.origin = name, is_text, owner, origin
        self.openers = [partial(_checked, opener) for opener in openers]
        self.first = self.openers[0]()
        self.names = self.first.names
        self.schema = self.first.schema if schema is None else schema
        self.first_rows = first_rows or [0] * len(openers)

    def check_columns(self, names: Iterable[str], purpose: str = "") -> None:
        """Raise InputError unless the first file has these columns."""
        check_columns(self.first, names, purpose)

    def count_rows(self) -> int | None:
        """Return the number of rows of all files; None for a format that does not contain it."""
        counts = [file.count_rows() for file in self._files()]
        return None if None in counts else sum(counts)  # type: ignore[arg-type]

    def located(self, begin: int, end: int) -> str:
        """Return the file, the row group, if there are any, and the numbers of rows in the file.

        The rows are those with the indices ``begin`` to ``end - 1`` of all rows, in one file.
        """
        first = 0
        for file, start in zip(self._files(), self.first_rows, strict=True):
            numbers = file.piece_rows()
            if numbers is None or self.owner is not None:  # the file is converted from others
                break
            ends = np.cumsum([first, *numbers])
            if begin < ends[-1]:
                piece = int(np.searchsorted(ends, begin, side="right")) - 1
                shift = start - first
                rows = f"rows {begin + shift + 1:,} to {end + shift:,}"
                return f"{file.name}{file.piece_name(piece)}, {rows}"
            first = int(ends[-1])
        return f"{self.name}, rows {begin + 1:,} to {end:,}"

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
                _check_types(self.first.name, parts[0].schema, file.name, part.schema)
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
        if self.schema is not None:
            schema = pa.schema([self.schema.field(name) for name in columns])
        for file in self._files():
            check_columns(file, columns)
            for batch in file.batches(columns, types or {}):
                schema = batch.schema.remove_metadata() if schema is None else schema
                table = _as_schema(pa.Table.from_batches([batch]), schema, file.name)
                for start in range(0, table.num_rows, size):
                    yield table.slice(start, size)

    def split(self, n_parts: int) -> list["Tables"]:
        """Divide the pieces of the files, in their order, into parts with about as many rows.

        Raises InputError for formats whose files cannot be divided.
        """
        pieces: list[Piece] = []
        n_rows = []
        for file, start in zip(self._files(), self.first_rows, strict=True):
            numbers = file.piece_rows()
            if numbers is None:
                raise InputError(
                    f"{file.name}: the rows of CSV files and of Arrow streams cannot be divided,"
                    " since they can only be read from the first to the last. Write them to"
                    " Parquet files."
                )
            first_rows = accumulate(numbers[:-1], initial=start)
            pieces += map(Piece, repeat(file), range(len(numbers)), first_rows)
            n_rows += numbers
        ends = np.cumsum([0, *n_rows])
        ideal = np.linspace(0, ends[-1], n_parts + 1)
        cuts = np.abs(ends - ideal[:, np.newaxis]).argmin(axis=1)
        cuts[0], cuts[-1] = 0, len(pieces)
        return [self._part(pieces[begin:end]) for begin, end in pairwise(cuts.tolist())]

    def _part(self, pieces: Sequence[Piece]) -> "Tables":
        """The table of some pieces, or one without rows."""
        runs = [list(run) for _, run in groupby(pieces, attrgetter("file"))]
        files = [run[0].file.pieces(run[0].number, run[-1].number + 1) for run in runs]
        openers = [partial(_same, file) for file in files or [self.first.pieces(0, 0)]]
        first_rows = [run[0].first_row for run in runs]
        return Tables(
            self.name, openers, owner=self.owner, schema=self.schema, first_rows=first_rows
        )

    def _files(self) -> Iterator[TableFile]:
        yield self.first
        for opener in self.openers[1:]:
            yield opener()


def _same(file: TableFile) -> TableFile:
    return file


def _checked(opener: Callable[[], TableFile]) -> TableFile:
    """Open a file, and raise InputError if two of its columns have one name."""
    file = opener()
    if repeated := duplicates(file.names):
        raise InputError(
            f"{file.name}: several columns have the name {escaped(repeated[0])!r}. The names"
            " of columns must be distinct."
        )
    return file


def check_columns(file: TableFile, names: Iterable[str], purpose: str = "") -> None:
    """Raise InputError, which names them, if a file lacks columns; ``purpose`` precedes them."""
    missing = [name for name in names if name not in file.names]
    if missing:
        raise InputError(missing_columns(file.name, missing, file.names, purpose))


def missing_columns(
    source: str, missing: Sequence[str], names: Collection[str], purpose: str = ""
) -> str:
    """Return the message about columns that a file lacks.

    >>> missing_columns("a.csv", ["agee"], ["age", "sex"], "--drop")
    "a.csv: --drop: column 'agee' not found. Did you mean 'age'? The columns are: age, sex."
    """
    listed = comma_separated(repr(escaped(name)) for name in missing[:20])
    more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
    hint = did_you_mean(missing[0], names) if len(missing) == 1 else ""
    known = list(names)
    others = f", and {len(known) - 30} more" if len(known) > 30 else ""
    start = f"{source}: {purpose}: " if purpose else f"{source}: "
    what = "column" if len(missing) == 1 else "columns"
    text = f"{start}{what} {listed}{more} not found. {hint}".rstrip()
    return f"{text} The columns are: {comma_separated(known[:30])}{others}."


def _check_types(first: str, expected: pa.Schema, name: str, actual: pa.Schema) -> None:
    """Raise InputError if a column has types in two files that have no common type."""
    for field in expected:
        other = actual.field(field.name)
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
                f"{name}: column {escaped(field.name)!r} has the type {column.type}, which cannot"
                f" be converted to {field.type} of the first file: {one_line(error)}"
            ) from error
    return pa.table(columns, schema=schema)
