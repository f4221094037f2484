"""Arrays in temporary files, for rows that do not fit into memory."""

import os
import shutil
from collections.abc import Iterable
from typing import Any
from weakref import finalize

import numpy as np

from mlpkit.data.temporary_folders import TemporaryFolder
from mlpkit.messages import shown_bytes
from mlpkit.plugin import Array

RESERVE = 1 << 26  # bytes of the disk that are left free


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
    rows = empty_rows((n_rows, n_columns), dtype)
    end = 0
    for block in blocks:
        begin, end = end, end + len(block)
        if end <= n_rows:
            rows[begin:end] = block
    if end != n_rows:
        raise ValueError(f"There were {n_rows:,} rows before, but {end:,} have been read now.")
    return rows


def empty_rows(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array in a temporary file, see `written_rows`."""
    folder = TemporaryFolder()
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        _check_space(folder, size)
        with (folder.path / "rows").open("w+b") as file:
            if hasattr(os, "posix_fallocate") and size:
                os.posix_fallocate(
                    file.fileno(), 0, size
                )  # a full disk would end the process later
            rows = np.memmap(file, dtype, "w+", shape=shape)
    except BaseException:
        folder.close()
        raise
    finalize(rows._mmap, folder.close)  # type: ignore[attr-defined]
    return rows


def _check_space(folder: TemporaryFolder, size: int) -> None:
    free = shutil.disk_usage(folder.path).free
    if size + RESERVE > free:
        raise OSError(
            f"The encoded rows require {shown_bytes(size)} of disk space in {folder.path.parent},"
            f" where {shown_bytes(free)} are free. Set the environment variable TMPDIR to a folder"
            " with more space, or train in float32 (dtype='float32')."
        )
