"""Sources of rows that are opened as a table: paths, datasets of pyarrow, and arrays."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from mlpkit.messages import escaped, plain_repr
from mlpkit.sources.array_parts import ArrayPart
from mlpkit.sources.arrow_files import ArrowFile
from mlpkit.sources.csv_files import CsvFile, CsvOptions
from mlpkit.sources.dataset_fragments import DatasetFragment
from mlpkit.sources.errors import InputError
from mlpkit.sources.files import STDIN, Source, rereadable, sources_of
from mlpkit.sources.parquet_files import ParquetFile
from mlpkit.sources.reading import TableFile, Tables

NEED_SEEK = ("parquet", "arrow")


@contextmanager
def opened(path: str, options: CsvOptions, several_times: bool = False) -> Iterator[Tables]:
    """Open a file, all files of a folder, or, for "-", standard input.

    ``several_times`` is whether the rows are read more than once, for which standard input is
    copied to a file until the end of the context.
    """
    sources = sources_of(path)
    name = escaped(path) if path != STDIN else sources[0].name
    if not several_times and sources[0].format not in NEED_SEEK:
        yield tables_of(name, sources, options)
        return
    with rereadable(sources) as copies:
        yield tables_of(name, copies, options)


def tables_of(
    name: str, sources: Sequence[Source], options: CsvOptions, owner: object = None
) -> Tables:
    """Return the table of several files, which has this name in messages, see `Tables`."""
    openers = [partial(_opened, source, options) for source in sources]
    return Tables(name, openers, sources[0].format == "csv", owner)


def _opened(source: Source, options: CsvOptions) -> TableFile:
    if source.format == "csv":
        return CsvFile(source, options)
    return ParquetFile(source) if source.format == "parquet" else ArrowFile(source)


def tables_of_source(source: Any, options: CsvOptions) -> Tables:
    """Return the table of a path, a list of paths, a dataset of pyarrow, or a list of arrays.

    Raises InputError for anything else.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        return tables_of(escaped(path), [file.stamped() for file in sources_of(path)], options)
    if hasattr(source, "get_fragments"):
        return _tables_of_dataset(source)
    parts = list(source) if isinstance(source, list | tuple) else [source]
    if parts and all(isinstance(part, str | os.PathLike) for part in parts):
        files = [file.stamped() for part in parts for file in sources_of(os.fspath(part))]
        if len({file.format for file in files}) > 1:
            raise InputError("the files of a list must have one format")
        return tables_of(f"{len(files)} files", files, options)
    if parts and all(isinstance(part, np.ndarray) and part.ndim == 2 for part in parts):
        openers = [partial(ArrayPart, f"array {i}", X) for i, X in enumerate(parts)]
        return Tables(f"{len(parts)} arrays", openers)
    raise InputError(
        "the source of rows must be a path, a list of paths, a dataset of pyarrow, or a list of"
        f" arrays with two dimensions, got {plain_repr(type(source).__name__)}"
    )


def _tables_of_dataset(dataset: Any) -> Tables:
    fragments = list(dataset.get_fragments())
    if not fragments:
        raise InputError("the dataset contains no file")
    openers = [partial(DatasetFragment, fragment, dataset.schema) for fragment in fragments]
    return Tables("the dataset", openers)
