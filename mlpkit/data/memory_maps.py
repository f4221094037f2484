"""Arrays in files, for rows that do not fit into memory."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np

from mlpkit.data.temporary_folders import TemporaryFolder
from mlpkit.messages import shown_bytes
from mlpkit.plugin import Array

RESERVE = 1 << 26  # bytes of the disk that are left free
ELSEWHERE = "Set the environment variable TMPDIR to a folder with more space"


def written_rows(blocks: Iterable[Array], n_rows: int, n_columns: int, dtype: Any) -> Array:
    """Write blocks of rows to a temporary file, and return them as one memory map.

    The file is removed when no array refers to it any more.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n, n_columns)
        The rows in their order.
    n_rows, n_columns : int
        The shape of the result.
    dtype : dtype
        The dtype of the result.

    Raises
    ------
    ValueError
        If there are more or fewer rows.
    OSError
        If the disk does not have enough space. Nothing is left on it.

    Examples
    --------
    >>> written_rows([np.ones((2, 3)), np.zeros((1, 3))], 3, 3, "float32").shape
    (3, 3)
    """
    folder = TemporaryFolder()
    try:
        rows = created_rows(folder.path / "rows", (n_rows, n_columns), dtype)
    except BaseException:
        folder.close()
        raise
    finalize(rows._mmap, folder.close)  # type: ignore[attr-defined]
    fill(rows, blocks)
    return rows


def created_rows(
    path: Path, shape: tuple[int, ...], dtype: Any, remedy: str = ELSEWHERE
) -> np.memmap[Any, Any]:
    """Create a file with space for an array, and return it as a memory map.

    Raises OSError, with a remedy, if the disk does not have enough space.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    _check_space(path.parent, size, remedy)
    with path.open("w+b") as file:
        if hasattr(os, "posix_fallocate") and size:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk would end the process later
        return np.memmap(file, dtype, "w+", shape=shape)


def opened_rows(path: Path, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return the array in a file; changes of the array do not change the file."""
    return np.memmap(path, dtype, "c", shape=shape)


def fill(rows: Array, blocks: Iterable[Array]) -> None:
    """Write blocks of rows to an array; ValueError if there are more or fewer rows."""
    n_rows, end = len(rows), 0
    for block in blocks:
        begin, end = end, end + len(block)
        if end <= n_rows:
            rows[begin:end] = block
    if end != n_rows:
        raise ValueError(
            f"{end:,} rows were read, but there were {n_rows:,} before. The rows must not change"
            " during a fit."
        )


def _check_space(folder: Path, size: int, remedy: str) -> None:
    free = shutil.disk_usage(folder).free
    if size + RESERVE > free:
        raise OSError(
            f"The encoded rows require {shown_bytes(size)} of disk space in {folder.parent},"
            f" where {shown_bytes(free)} are free. {remedy}, or train in float32"
            " (dtype='float32')."
        )
