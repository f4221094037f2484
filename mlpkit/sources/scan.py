"""Rows of files that are read in parts, because they may not fit into memory."""

import os
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from mlpkit.data.row_caches import RowCache, array_digest
from mlpkit.data.row_sources import RowSource
from mlpkit.data.temporary_folders import TemporaryFolder
from mlpkit.messages import comma_separated, escaped
from mlpkit.plugin import Array, Dataset
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
from mlpkit.sources.file_table import FileTable, Reading
from mlpkit.sources.files import Source
from mlpkit.sources.kinds import as_numbers, numpy_of, objects_of
from mlpkit.sources.opening import tables_of, tables_of_source
from mlpkit.sources.reading import Tables
from mlpkit.sources.selected_rows import SelectedTables

Names = str | Sequence[str] | None
CONVERTED = "rows.parquet"  # the file of converted CSV files


def scan(
    source: Any,
    *,
    target: Names = None,
    weight: str | None = None,
    labels: Names = None,
    drop: Names = None,
    categorical: Names = None,
    memory: str | float | None = None,
    cache: str | os.PathLike[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] = (),
    verbose: bool = False,
) -> "Scan":
    """Describe rows of files, which are read in parts when they are used.

    The result takes the place of X and y where all rows need not fit into memory: in `fit`,
    `partial_fit`, `score`, `calibrate`, `predict` and the other methods of prediction, and in
    `evaluate`.

    Parameters
    ----------
    source : path, list, or pyarrow.dataset.Dataset
        A file or a folder of Parquet, Arrow or CSV files with the same columns; a pattern of their
        names such as ``"2024-*.csv"``; a list of these; a dataset of pyarrow; or a list of arrays
        or memory maps (n, n_columns) of numbers, whose columns are called "x0", "x1" and so on.
    target : str, list of str or None, default=None
        Name of the column of the targets, or a list of names. Not needed for rows to predict.
    weight : str or None, default=None
        Name of the column of the sample weights.
    labels : str, list of str or None, default=None
        Names of columns that are not features, by which ``by_labels("name")`` groups the rows.
    drop : str, list of str or None, default=None
        Names of columns that are not used. All other columns are features.
    categorical : str, list of str or None, default=None
        Names of features that are categories although they are numbers: they become text. In CSV
        files they are read as text, so "00501" keeps its zeros.
    memory : str, float or None, default=None
        How much memory the rows may use, such as "1GiB" or a number of bytes: what is read at once,
        and 8 bytes of each row for its place in the order and for each target, weight and label.
        None means a quarter of the free memory.
    cache : path or None, default=None
        A folder that keeps the encoded rows for the next fit to the same files with the same
        columns, targets, weights and encoder. It contains a copy of the data.
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
    OSError
        If the folder of the cache cannot be created.

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
    roles = Roles(_names(target), weight, _names(labels), _names(drop), _names(categorical))
    tables = tables_of_source(source, options)
    return Scan(tables, roles, memory_budgets.budget(memory), options, cache, verbose)


class Roles(NamedTuple):
    """The columns by what they are; all others are features, as the categorical ones are."""

    target: list[str]
    weight: str | None
    labels: list[str]
    drop: list[str]
    categorical: list[str]

    @property
    def used(self) -> list[str]:
        """The columns that are read in addition to the features, each once."""
        weights = [] if self.weight is None else [self.weight]
        return list(dict.fromkeys([*self.target, *weights, *self.labels]))

    def features(self, tables: Tables) -> list[str]:
        """The features; InputError for a column that the files lack, or if none is left."""
        for role, names in self._asdict().items():
            tables.check_columns([names] if isinstance(names, str) else names or [], role)
        others = {*self.used, *self.drop}
        features = [name for name in tables.names if name not in others]
        if not features:
            raise InputError(f"{tables.name}: no column is left as a feature")
        for name in self.categorical:
            if name not in features:
                raise InputError(f"categorical: {escaped(name)!r} is not a feature")
        return features


class Scan(RowSource):
    """What `scan` returns. Iterating over it reads the rows in parts, each a `Dataset`."""

    def __init__(
        self,
        tables: Tables,
        roles: Roles,
        memory: int,
        options: CsvOptions,
        cache: str | os.PathLike[str] | None = None,
        verbose: bool = False,
    ) -> None:
        self.memory, self._options, self._verbose = memory, options, verbose
        self.is_part = False  # of another scan
        self._roles, self._tables = roles, tables
        self.features = roles.features(tables)
        self._used = [*self.features, *roles.used]
        self._cache = None if cache is None else _cache_of(tables, cache)

    @property
    def name(self) -> str:
        """The name of the source in messages."""
        return self._tables.name

    @cached_property
    def tables(self) -> Tables:
        """The table of all files. CSV files are converted when it is first requested."""
        if not self._tables.is_text:
            return self._tables
        owner: Any = self._cache
        if self._cache is None:
            owner = TemporaryFolder()
            try:
                path = self._converted(owner.path)
            except BaseException:
                owner.close()
                raise
        else:
            content = {
                "table": self._used,
                "csv": list(self._options),
                "text": self._roles.categorical,
            }
            path = self._cache.entry(content, self._converted, lambda folder: folder / CONVERTED)
        source = Source(self.name, path, "parquet")
        return tables_of(self.name, [source], self._options, owner, self._tables.origin)

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

    def features_only(self) -> FileTable:
        """The columns that are features, which are not read yet."""
        return self._file_table(self.features)

    def dataset(self) -> Dataset:
        """All rows: X as a table that stays in the files, and the other columns in memory."""
        if not self.n_rows and not self.is_part:
            raise InputError(f"{self.name} contains no rows")
        used = self._roles.used
        reading = self._reading.holding(self.name, self.n_rows, len(used))
        others = FileTable(self.tables, used, self.n_rows, reading._replace(held=0))
        columns = others.with_codes("reading the targets, the weights and the labels")
        features = FileTable(self.tables, self.features, self.n_rows, reading)
        return self._dataset(features, columns)

    def split(self, n_parts: int) -> list[Self]:
        """Divide the rows into parts of consecutive rows, by row groups.

        The parts have about as many rows, the same types of columns, and no cache. A part has no
        rows if there are fewer row groups than parts. They can be pickled, and read on any machine
        that has the files under the same names.

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
        part._tables, part._cache, part.is_part = tables, None, True
        return part

    def columns(self, names: list[str]) -> pa.Table:
        """Read columns that are not features, text as codes of its values."""
        return self._file_table(names).with_codes(f"reading {comma_separated(names)}")

    def selected(self, is_selected: Array) -> Self:
        """The rows for which a mask (n_rows,) is true."""
        part = copy(self)
        part.__dict__["tables"] = SelectedTables(self.tables, is_selected)
        part.__dict__.pop("n_rows", None)
        if self._cache is not None:
            part._cache = self._cache.with_selected(rows=array_digest(is_selected))
        return part

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "A scan of files is not an array. The estimators of mlpkit and mlpkit.evaluate accept"
            " it in place of X and y. A transformer of scikit-learn can be the encoder:"
            " encoder=StandardScaler() instead of a Pipeline. Other functions accept the parts that"
            " iterating over the scan yields."
        )

    def __repr__(self) -> str:
        return f"<scan of {self.name} with {len(self.features)} features>"

    @property
    def _reading(self) -> Reading:
        text = tuple(self._roles.categorical)
        return Reading(self.memory, 0, text, self._cache, self._verbose)

    def _file_table(self, names: list[str]) -> FileTable:
        return FileTable(self.tables, names, self.n_rows, self._reading)

    def _converted(self, folder: Path) -> Path:
        """The path of a Parquet file that CSV files are converted to."""
        path = folder / CONVERTED
        typed_parquet(self._tables, path, self._used, self._roles.categorical)
        return path

    def _dataset(self, X: Any, table: pa.Table) -> Dataset:
        y = [numpy_of(table.column(name), name) for name in self._roles.target]
        weight = self._roles.weight
        several = np.stack(y, axis=1) if len(y) > 1 else None
        if several is not None and several.dtype == bool:
            several = several.astype(int)  # indicators of label sets
        return Dataset(
            X,
            several if several is not None else y[0] if y else None,
            None if weight is None else numpy_of(as_numbers(table.column(weight), weight), weight),
            {name: objects_of(table.column(name)) for name in self._roles.labels},
        )


def _names(names: Names) -> list[str]:
    """A list of names."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def _cache_of(tables: Tables, folder: str | os.PathLike[str]) -> RowCache:
    if tables.origin is None:
        raise InputError(
            f"cache requires files on this machine, whose changes are noticed, but the source is"
            f" {tables.name}. Remove cache."
        )
    return RowCache(Path(folder), tables.origin)
