"""Sources of rows that are opened as a table: paths, datasets of pyarrow, and arrays."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from mlpkit.data.row_caches import SourceFiles
from mlpkit.messages import escaped, plain_repr
from mlpkit.sources.array_parts import ArrayPart
from mlpkit.sources.arrow_files import ArrowFile
from mlpkit.sources.csv_files import CsvFile, CsvOptions
from mlpkit.sources.dataset_fragments import DatasetFragment
from mlpkit.sources.errors import InputError
from mlpkit.sources.files import STDIN, Source, rereadable, sources_of
from mlpkit.sources.origins import origin_of, origin_of_dataset
from mlpkit.sources.parquet_files import ParquetFile
from mlpkit.sources.reading import TableFile, Tables

NEED_SEEK = ("parquet", "arrow")


@contextmanager
def opened(
    paths: str | Sequence[str], options: CsvOptions, several_times: bool = False
) -> Iterator[Tables]:
    """Open files, all files of folders and of patterns, or, for "-", standard input.

    ``several_times`` is whether the rows are read more than once, for which standard input is
    copied to a file until the end of the context.
    """
    given = [paths] if isinstance(paths, str) else list(paths)
    if STDIN not in given:
        yield _tables_of_paths(given, options)
        return
    if len(given) > 1:
        raise InputError('"-" (standard input) cannot be combined with files')
    sources = sources_of(STDIN)
    if not several_times and sources[0].format not in NEED_SEEK:
        yield tables_of(sources[0].name, sources, options)
        return
    with rereadable(sources) as copies:
        yield tables_of(sources[0].name, copies, options)


def tables_of(
    name: str,
    sources: Sequence[Source],
    options: CsvOptions,
    owner: object = None,
    origin: SourceFiles | None = None,
) -> Tables:
    """Return the table of several files, which has this name in messages, see `Tables`."""
    openers = [partial(_opened, source, options) for source in sources]
    return Tables(name, openers, sources[0].format == "csv", owner, origin=origin)


def _opened(source: Source, options: CsvOptions) -> TableFile:
    if source.format == "csv":
        return CsvFile(source, options)
    return ParquetFile(source) if source.format == "parquet" else ArrowFile(source)


def tables_of_source(source: Any, options: CsvOptions) -> Tables:
    """Return the table of a path, a list of paths, a dataset of pyarrow, or a list of arrays.

    Raises InputError for anything else.
    """
    if hasattr(source, "get_fragments"):
        return _tables_of_dataset(source)
    parts = list(source) if isinstance(source, list | tuple) else [source]
    if parts and all(isinstance(part, str | os.PathLike) for part in parts):
        return _tables_of_paths([os.fspath(part) for part in parts], options)
    if parts and all(isinstance(part, np.ndarray) and part.ndim == 2 for part in parts):
        openers = [partial(ArrayPart, f"array {i}", X) for i, X in enumerate(parts)]
        return Tables(f"{len(parts)} arrays", openers)
    raise InputError(
        "the source of rows must be a path, a list of paths, a dataset of pyarrow, or a list of"
        f" arrays with two dimensions, got {plain_repr(type(source).__name__)}"
    )


def _tables_of_paths(paths: Sequence[str], options: CsvOptions) -> Tables:
    files = [file.stamped() for path in paths for file in sources_of(path)]
    if len({file.format for file in files}) > 1:
        raise InputError("the files of a list must have one format")
    name = escaped(paths[0]) if len(paths) == 1 else f"{len(files)} files"
    return tables_of(name, files, options, origin=origin_of(paths, files))


def _tables_of_dataset(dataset: Any) -> Tables:
    fragments = list(dataset.get_fragments())
    if not fragments:
        raise InputError("the dataset contains no file")
    openers = [partial(DatasetFragment, fragment, dataset.schema) for fragment in fragments]
    return Tables("the dataset", openers, origin=origin_of_dataset(dataset, fragments))
