"""The files that rows are read from, which identify the rows in caches."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyarrow import fs

from mlpkit.data.row_caches import SourceFiles
from mlpkit.sources.files import Source


def origin_of(paths: Sequence[str], files: Sequence[Source]) -> SourceFiles:
    """Return the origin of stamped files, which the user named by these paths."""
    stamps = [[os.path.abspath(str(file.path)), list(file.stamp or ())] for file in files]
    return SourceFiles([os.path.abspath(path) for path in paths], stamps, partial(_check, files))


def _check(files: Sequence[Source]) -> None:
    for file in files:
        file.check_unchanged()


def origin_of_dataset(dataset: Any, fragments: Sequence[Any]) -> SourceFiles | None:
    """Return the origin of a dataset of pyarrow; None unless it has files on this machine."""
    filesystem = getattr(dataset, "filesystem", None)
    if not isinstance(filesystem, fs.LocalFileSystem):
        return None
    files = [Source(f.path, Path(f.path), "parquet").stamped() for f in fragments]
    origin = origin_of([file.name for file in files], files)
    how = [[str(f.partition_expression), str(f.format)] for f in fragments]
    details = [[*file, *own] for file, own in zip(origin.files, how, strict=True)]
    return origin._replace(files=[*details, str(dataset.schema)])
