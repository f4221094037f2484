"""CSV files: the header, the delimiter, and rows with line numbers in errors."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mlpkit.messages import escaped
from mlpkit.sources.errors import ConversionError, InputError, errors_of, one_line
from mlpkit.sources.files import Source

BLOCK = 1 << 20  # bytes that are parsed at once; a row must be shorter, and 32 are read ahead
DELIMITERS = ",;\t|"
IN_COLUMN = re.compile(r"In CSV column #(\d+): ")
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class CsvOptions(NamedTuple):
    """How CSV files are read.

    Parameters
    ----------
    delimiter : str or None, default=None
        The character between two values. None chooses the one that the header has, among comma,
        semicolon, tab and vertical bar.
    encoding : str, default="utf-8"
        The encoding of the text.
    missing : tuple of str, default=()
        Further spellings of a missing value, in addition to the empty string, "NA" and others.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


NOT_DIVIDED = "{} is a CSV file, which cannot be divided. Convert it to Parquet."


class CsvFile:
    """A CSV file with a header."""

    def __init__(self, source: Source, options: CsvOptions) -> None:
        self.source, self.options = source, options
        self._stdin: Any = None  # the rest of standard input
        self._start = b""  # what was read of it
        header = self._header()
        self.delimiter = options.delimiter or _delimiter_of(header)
        self.names: list[str] = next(csv.reader([header], delimiter=self.delimiter), [])
        if not self.names:
            raise InputError(f"{source.name}: the file is empty; it must begin with a header")

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.source.name

    @property
    def schema(self) -> None:
        """None: the values have no types."""

    def piece_rows(self) -> None:
        """Return None: a row can only be found by reading those before it."""

    def piece_name(self, piece: int) -> str:
        """Raise ValueError, since CSV files are not divided."""
        raise ValueError(NOT_DIVIDED.format(self.name))

    def pieces(self, begin: int, end: int) -> "CsvFile":
        """Raise ValueError, since CSV files are not divided."""
        raise ValueError(NOT_DIVIDED.format(self.name))

    def count_rows(self) -> None:
        """Return None: the number of rows is not known without reading them."""

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read all rows; the types of columns follow from all values, unless ``types`` has them."""
        with self._opened() as file, self._errors():
            return self._checked(arrow_csv.read_csv(file, *self._arguments(columns, types)))

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches; a column without a type in ``types`` is text."""
        return self.typed_batches(columns, {name: types.get(name, pa.string()) for name in columns})

    def typed_batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches; the first one decides on the types that ``types`` lacks."""
        with self._opened() as file, self._errors():
            reader = arrow_csv.open_csv(file, *self._arguments(columns, types))
            for batch in reader:
                yield self._checked(batch)

    def _arguments(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> tuple[Any, Any, Any]:
        # one thread, since only then errors have the number of the row
        read = arrow_csv.ReadOptions(
            use_threads=False, block_size=BLOCK, encoding=self.options.encoding
        )
        parse = arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        convert = arrow_csv.ConvertOptions(
            include_columns=list(columns),
            column_types=dict(types),
            strings_can_be_null=True,
        )
        convert.null_values = [*convert.null_values, *self.options.missing]
        return read, parse, convert

    def _header(self) -> str:
        """The first line, or the lines that it extends over."""
        with self.source.stream() as stream, errors_of(self.source.name):
            start = b""
            while start.count(b"\n") == 0 or start.count(b'"') % 2:
                more = stream.read(1 << 16)
                start += more
                if not more or len(start) > BLOCK:
                    break
            if self.source.path is None:
                self._start, self._stdin = start, stream
        if self.options.encoding.lower() in ("utf-8", "utf8"):
            for mark, encoding in MARKS:
                if start.startswith(mark):
                    raise InputError(
                        f"{self.source.name}: the encoding is {encoding}. Pass --encoding"
                        f" {encoding}."
                    )
        with errors_of(self.source.name):
            text = start.decode(self.options.encoding, "replace")
        header = _first_record(text.removeprefix("\ufeff"))
        if "\ufffd" in header:
            raise InputError(
                f"{self.source.name}: the header is not valid {self.options.encoding}. Pass the"
                " encoding, for example --encoding latin-1."
            )
        return header

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        self.source.check_unchanged()
        if self._stdin is not None:
            yield pa.PythonFile(_Joined(self._start, self._stdin), mode="r")
            return
        with self.source.stream() as stream:
            yield stream

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the errors of pyarrow into `InputError` with the name of the file and the column."""
        name = self.source.name
        with errors_of(name):
            try:
                yield
            except pa.ArrowInvalid as error:
                text = one_line(error)
                if "straddling object" in text:
                    raise InputError(
                        f"{name}: a row is longer than {BLOCK >> 20} MiB, or a quotation mark is"
                        " not closed"
                    ) from error
                text = text.removeprefix("CSV parse error: ")
                if match := IN_COLUMN.search(text):
                    column = self._name(int(match[1]))
                    text = f"{name}: {IN_COLUMN.sub(f'column {column!r}: ', text)}"
                    raise ConversionError(text, column) from error
                raise InputError(f"{name}: {text}") from error

    def _name(self, index: int) -> str:
        return escaped(self.names[index]) if index < len(self.names) else f"number {index}"

    def _checked(self, rows: Any) -> Any:
        """The rows; InputError if text could not be decoded."""
        for field in rows.schema:
            if pa.types.is_binary(field.type):
                raise InputError(
                    f"{self.source.name}: column {escaped(field.name)!r} is not valid UTF-8. Pass"
                    " the encoding, for example --encoding latin-1."
                )
        return rows


class _Joined(io.RawIOBase):
    """Bytes that were read from a stream, followed by the rest of it."""

    def __init__(self, start: bytes, stream: Any) -> None:
        self.start, self.stream = start, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        if not self.start:
            return bytes(self.stream.read(size if size >= 0 else None))
        size = len(self.start) if size < 0 else size
        data, self.start = self.start[:size], self.start[size:]
        return data


def _first_record(text: str) -> str:
    """The text up to the first line break outside quotation marks."""
    quoted = False
    for i, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted:
            return text[:i]
    return text


def _delimiter_of(header: str) -> str:
    """The delimiter that occurs most often outside quotation marks; a comma if none does.

    >>> _delimiter_of('"a, b";c;d')
    ';'
    """
    unquoted = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)
