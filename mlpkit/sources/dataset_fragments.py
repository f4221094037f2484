"""The fragments of a dataset of pyarrow."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa

from mlpkit.messages import escaped
from mlpkit.sources.errors import errors_of
from mlpkit.sources.typed_files import TypedFile

BATCH_ROWS = 1 << 16


class DatasetFragment(TypedFile):
    """A fragment of a dataset, usually a file, with the columns of the whole dataset.

    Columns that the dataset takes from the names of folders are among them. The fragment None has
    no rows.
    """

    def __init__(self, fragment: Any, schema: pa.Schema) -> None:
        self.fragment, self.schema = fragment, schema

    @property
    def name(self) -> str:
        """Its name in messages."""
        return escaped(getattr(self.fragment, "path", "a part of the dataset in memory"))

    def piece_rows(self) -> list[int]:
        """Return the number of rows of each row group of Parquet, or of the whole fragment."""
        if self.fragment is None:
            return []
        with self._errors():
            groups = getattr(self.fragment, "row_groups", None)
            if groups is None:
                return [int(self.fragment.count_rows())]
            return [int(group.num_rows) for group in groups]

    def pieces(self, begin: int, end: int) -> "DatasetFragment":
        """Return the fragment with these row groups alone."""
        if end <= begin:
            return DatasetFragment(None, self.schema)
        with self._errors():
            row_groups = getattr(self.fragment, "row_groups", None)
            if row_groups is None:
                return self
            groups = [group.id for group in row_groups[begin:end]]
            return DatasetFragment(self.fragment.subset(row_group_ids=groups), self.schema)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches, without reading ahead."""
        if self.fragment is None:
            return
        with self._errors():
            yield from self.fragment.to_batches(
                schema=self.schema,
                columns=list(columns),
                batch_size=BATCH_ROWS,
                batch_readahead=0,
                fragment_readahead=0,
                use_threads=False,
            )

    def _errors(self) -> AbstractContextManager[None]:
        return errors_of(self.name, "data of the format of the dataset")
