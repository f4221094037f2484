"""Rows that are read in parts, because they may not fit into memory."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from mlpkit.data.cluster_rows import local
from mlpkit.data.memory_maps import written_rows
from mlpkit.data.tables import n_rows_of
from mlpkit.plugin import Array, Dataset

if TYPE_CHECKING:
    from mlpkit.data.row_caches import RowCache


class StoredTable(ABC):
    """A table in files, which has some of the attributes of a table of pyarrow.

    Parameters
    ----------
    name : str
        Its name in messages.
    is_named : bool, default=True
        Whether the columns have names of their own.
    """

    name: str
    is_named = True

    @property
    def cache(self) -> "RowCache | None":
        """Where encoded rows of these columns are kept for later fits."""
        return None

    @property
    @abstractmethod
    def column_names(self) -> list[str]:
        """The names of the columns."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""

    @abstractmethod
    def column(self, key: str | int) -> Any:
        """Read a column of all rows, by name or index, as an array of pyarrow."""

    @abstractmethod
    def select(self, names: Sequence[str]) -> "StoredTable":
        """The table with these columns, in this order."""

    @abstractmethod
    def parts(self) -> Iterator[Any]:
        """Read the rows in parts, each a table of pyarrow."""

    def blocks(self, convert: Callable[[Any], Array]) -> Iterator[Array]:
        """Convert all parts, one after the other.

        Parameters
        ----------
        convert : callable
            ``convert(part)``: the rows of a part as numbers, (n, n_columns).

        Yields
        ------
        block : ndarray of shape (n, n_columns)
            The rows of a part.

        Raises
        ------
        ValueError
            That of the function, with the file and the numbers of the rows.
        """
        begin = 0
        for part in self.parts():
            end = begin + n_rows_of(part)
            try:
                yield convert(part)
            except ValueError as error:
                raise type(error)(f"{self.located(begin, end)}: {error}") from error
            begin = end

    def located(self, begin: int, end: int) -> str:
        """Return the name and the numbers of the rows of a part, for messages.

        Parameters
        ----------
        begin, end : int
            The indices of its first row, and of the first row after it.

        Returns
        -------
        str
        """
        return f"{self.name}, rows {begin + 1:,} to {end:,}"

    def converted(self, convert: Callable[[Any], Array]) -> Any:
        """Return ``convert(part)`` of all parts as one memory map, (n_rows, n_columns)."""
        blocks = self.blocks(convert)
        first = next(blocks)
        return written_rows(chain([first], blocks), self.shape[0], first.shape[1], first.dtype)

    @abstractmethod
    def in_memory(self, purpose: str) -> Any:
        """Read all rows, as a table of pyarrow.

        Raises ValueError, with the purpose, if they exceed the memory that may be used.
        """


class RowSource(ABC):
    """What `mlpkit.scan` returns: rows in files, which estimators accept in place of X.

    Iterating over it reads the rows in parts.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the source in messages."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """The number of rows."""

    @abstractmethod
    def features_only(self) -> StoredTable:
        """Return the columns that are features, without reading them.

        Returns
        -------
        StoredTable
            Some of its methods are those of a table of pyarrow; `parts` reads the rows.
        """

    @abstractmethod
    def split(self, n_parts: int) -> Sequence["RowSource"]:
        """Divide the rows into parts of consecutive rows with about as many rows.

        Parameters
        ----------
        n_parts : int
            The number of parts.

        Returns
        -------
        list of RowSource
            The parts in the order of the rows.
        """

    @abstractmethod
    def __iter__(self) -> Iterator[Dataset]:
        """Read the rows in parts."""

    @abstractmethod
    def dataset(self) -> Dataset:
        """All rows: X as a `StoredTable`, and targets, weights and labels in memory."""


def dataset_of(X: Any, y: Any, sample_weight: Any, labels: Any) -> Dataset:
    """Rows as the user passed them, or those of a source.

    Raises ValueError if arrays are passed in addition to a source, which contains its own.
    """
    if not isinstance(X, RowSource):
        X, y, sample_weight, labels = local(X=X, y=y, sample_weight=sample_weight, labels=labels)
        return Dataset(X, y, sample_weight, {} if labels is None else labels)
    check_alone(y, sample_weight, labels)
    return X.dataset()


def in_memory(rows: Dataset, purpose: str) -> Dataset:
    """Rows with X in memory; ValueError, with the purpose, if those of files do not fit."""
    if not isinstance(rows.X, StoredTable):
        return rows
    return rows._replace(X=rows.X.in_memory(purpose))


def check_alone(y: Any, sample_weight: Any, labels: Any) -> None:
    """Raise ValueError if arrays are passed in addition to a source of rows."""
    for name, value, argument in (
        ("y", y, "target"),
        ("sample_weight", sample_weight, "weight"),
        ("labels", labels, "labels"),
    ):
        if value is not None:
            raise ValueError(
                f"{name} cannot be passed together with a scan of files. Pass the name of its"
                f" column: scan(..., {argument}='name')."
            )
