"""Files whose columns have types."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa


class TypedFile(ABC):
    """A part of a table that has a schema, so that no types need to be passed."""

    schema: pa.Schema

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in messages, escaped."""

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.schema.names)

    @abstractmethod
    def piece_rows(self) -> list[int] | None:
        """Return the numbers of rows of its pieces; None for a stream, which has none."""

    def piece_name(self, piece: int) -> str:
        """Return the name of a piece in messages, after a comma; empty if it has none."""
        return ""

    @abstractmethod
    def pieces(self, begin: int, end: int) -> "TypedFile":
        """Return the file with these pieces alone."""

    def count_rows(self) -> int | None:
        """Return the number of rows, or None if it is not known without reading all of them."""
        numbers = self.piece_rows()
        return None if numbers is None else sum(numbers)

    @abstractmethod
    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield these columns of all rows in parts."""

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield these columns of all rows; ``types`` are ignored."""
        return self.parts(columns)

    def table(self, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read these columns of all rows; ``types`` are ignored."""
        fields = pa.schema([self.schema.field(name) for name in columns])
        return pa.Table.from_batches(self.parts(columns), fields)
