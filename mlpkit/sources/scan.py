"""Rows of files that are read in parts, because they may not fit into memory."""

from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.data.row_sources import RowSource
from mlpkit.data.temporary_folders import TemporaryFolder
from mlpkit.plugin import Dataset
from mlpkit.registry.distributions import install_hint

try:
    import pyarrow as pa
except ImportError as error:
    hint = install_hint("mlpkit[data]")
    raise ImportError(f"mlpkit.scan requires pyarrow. Try: {hint}.") from error

from mlpkit.sources import memory_budgets
from mlpkit.sources.csv_files import CsvOptions
from mlpkit.sources.csv_types import typed_parquet
from mlpkit.sources.errors import InputError
from mlpkit.sources.file_table import FileTable
from mlpkit.sources.files import Source
from mlpkit.sources.kinds import as_numbers, numpy_of
from mlpkit.sources.opening import tables_of, tables_of_source
from mlpkit.sources.reading import Tables

Names = str | Sequence[str] | None


def scan(
    source: Any,
    *,
    target: Names = None,
    weight: str | None = None,
    labels: Names = None,
    drop: Names = None,
    memory: str | float | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] = (),
    verbose: bool = False,
) -> "Scan":
    """Describe rows of files, which are read in parts when they are used.

    The result takes the place of X where all rows need not fit into memory: `partial_fit`,
    `predict` and the other methods of prediction, and `evaluate`.

    Parameters
    ----------
    source : path, list, or pyarrow.dataset.Dataset
        A file or a folder of Parquet, Arrow or CSV files with the same columns; a list of such
        files; a dataset of pyarrow; or a list of arrays or memory maps (n, n_columns) of numbers,
        whose columns are called "x0", "x1" and so on.
    target : str, list of str or None, default=None
        Name of the column of the targets, or a list of names. Not needed for rows to predict.
    weight : str or None, default=None
        Name of the column of the sample weights.
    labels : str, list of str or None, default=None
        Names of columns that are not features, by which ``by_labels("name")`` groups the rows.
    drop : str, list of str or None, default=None
        Names of columns that are not used. All other columns are features.
    memory : str, float or None, default=None
        How much memory reading at once may use, such as "1GiB" or a number of bytes. None means a
        quarter of the free memory.
    delimiter : str or None, default=None
        The delimiter of CSV files; None chooses it by the header.
    encoding : str, default="utf-8"
        The encoding of CSV files.
    missing : sequence of str, default=()
        Further spellings of a missing value in CSV files.
    verbose : bool, default=False
        Whether to print, once a second, how many rows have been read and how long the rest takes.

    Returns
    -------
    Scan

    Raises
    ------
    ValueError
        If a file does not exist or cannot be read, or if it lacks a column.

    Examples
    --------
    >>> import tempfile, numpy as np, pyarrow as pa
    >>> from pyarrow import parquet
    >>> from mlpkit import MLPClassifier, evaluate, scan
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> table = pa.table({"a": X[:, 0], "b": X[:, 1], "sold": X[:, 0] > 0})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parquet.write_table(table, f"{folder}/rows.parquet", row_group_size=100)
    ...     rows = scan(folder, target="sold")
    ...     clf = MLPClassifier(learning_rate_init=0.05, random_state=0)
    ...     for _ in range(20):
    ...         clf = clf.partial_fit(rows, classes=[False, True])
    ...     report = evaluate(clf, rows)
    >>> rows.features, report["accuracy"] > 0.9
    (['a', 'b'], True)
    """
    options = CsvOptions(delimiter, encoding, tuple(missing))
    roles = Roles(_names(target), weight, _names(labels), _names(drop))
    return Scan(source, roles, memory_budgets.budget(memory), options, verbose)


class Roles(NamedTuple):
    """The columns that are not features, by what they are."""

    target: list[str]
    weight: str | None
    labels: list[str]
    drop: list[str]

    @property
    def used(self) -> list[str]:
        """The columns that are read beside the features, each once."""
        weights = [] if self.weight is None else [self.weight]
        return list(dict.fromkeys([*self.target, *weights, *self.labels]))

    def check(self, tables: Tables) -> None:
        """Raise InputError, with the role, for a column that the files lack."""
        for role, names in self._asdict().items():
            tables.check_columns([names] if isinstance(names, str) else names or [], role)


class Scan(RowSource):
    """What `scan` returns. Iterating over it reads the rows in parts, each a `Dataset`."""

    def __init__(
        self, source: Any, roles: Roles, memory: int, options: CsvOptions, verbose: bool
    ) -> None:
        self.memory, self._options, self._verbose = memory, options, verbose
        self.is_part = False  # of another scan
        self._roles, self._tables = roles, tables_of_source(source, options)
        roles.check(self._tables)
        others = {*roles.used, *roles.drop}
        self.features = [name for name in self._tables.names if name not in others]
        if not self.features:
            raise InputError(f"{self.name}: no column is left as a feature")
        self._used = [*self.features, *roles.used]

    @property
    def name(self) -> str:
        """The name of the source in messages."""
        return self._tables.name

    @cached_property
    def tables(self) -> Tables:
        """The table of all files. CSV files are converted when it is first requested."""
        if not self._tables.is_text:
            return self._tables
        folder = TemporaryFolder()
        path = folder.path / "rows.parquet"
        typed_parquet(self._tables, path, self._used)
        return tables_of(self.name, [Source(self.name, path, "parquet")], self._options, folder)

    @cached_property
    def n_rows(self) -> int:
        """The number of rows."""
        n_rows = self.tables.count_rows()
        if n_rows is None:  # of Arrow streams
            n_rows = sum(table.num_rows for table in self.tables.batches(self.features[:1]))
        return n_rows

    def __iter__(self) -> Iterator[Dataset]:
        is_empty = True
        for table in self._file_table(self._used).parts():
            is_empty = False
            yield self._dataset(table.select(self.features), table)
        if is_empty:
            raise InputError(f"{self.name} contains no rows")

    def dataset(self) -> Dataset:
        """All rows: X as a table that stays in the files, and the other columns in memory."""
        if not self.n_rows and not self.is_part:
            raise InputError(f"{self.name} contains no rows")
        purpose = "reading the targets, the weights and the labels"
        others = self._file_table(self._roles.used).in_memory(purpose)
        return self._dataset(self._file_table(self.features), others)

    def split(self, n_parts: int) -> list[Self]:
        """Divide the rows into parts of consecutive rows, by row groups.

        The parts have about as many rows, and the same types of columns. A part has no rows if
        there are fewer row groups than parts. They can be pickled, and read on any machine that
        has the files under the same names.

        Parameters
        ----------
        n_parts : int
            The number of parts.

        Returns
        -------
        list of Scan
            The parts in the order of the rows.

        Raises
        ------
        ValueError
            For CSV files and Arrow streams, which can only be read from the first row to the last.

        Examples
        --------
        >>> import numpy as np
        >>> from mlpkit import scan
        >>> parts = scan([np.ones((20_000, 2)), np.ones((30_000, 2))]).split(2)
        >>> [part.n_rows for part in parts]
        [20000, 30000]
        """
        return [self._part(tables) for tables in self._tables.split(n_parts)]

    def _part(self, tables: Tables) -> Self:
        part = copy(self)
        for name in ("tables", "n_rows"):  # computed for all rows
            part.__dict__.pop(name, None)
        part._tables, part.is_part = tables, True
        return part

    def __repr__(self) -> str:
        return f"<scan of {self.name} with {len(self.features)} features>"

    def _file_table(self, names: list[str]) -> FileTable:
        return FileTable(self.tables, names, self.n_rows, self.memory, self._verbose)

    def _dataset(self, X: Any, table: pa.Table) -> Dataset:
        y = [numpy_of(table.column(name), name) for name in self._roles.target]
        weight = self._roles.weight
        return Dataset(
            X,
            None if not y else y[0] if len(y) == 1 else np.stack(y, axis=1),
            None if weight is None else numpy_of(as_numbers(table.column(weight), weight), weight),
            {name: np.array(table.column(name).to_pylist(), object) for name in self._roles.labels},
        )


def _names(names: Names) -> list[str]:
    """A list of names."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)
