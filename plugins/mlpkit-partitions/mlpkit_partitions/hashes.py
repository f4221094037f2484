"""Groups by a hash of values: the same in every process, on every machine."""

from functools import partial
from zlib import crc32

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features, column


def hashed(column: str | int | None = None, n: int = 10, name: str | None = None) -> Partitioner:
    """n groups by the CRC-32 of a column's value as text, such as a user's id; without a
    column, of the whole row.
    """
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n={n!r}: two groups or more.")
    own = name or ("hash" if column is None else f"hash of {column}")
    return Partitioner(own, partial(_fit, n), partial(_assign, column))


def _fit(n: int, dataset: Dataset) -> tuple[str, ...]:
    return tuple(f"hash {i}" for i in range(n))


def _assign(key: str | int | None, fitted: tuple[str, ...], dataset: Dataset) -> Groups:
    if key is None:
        table = Features(dataset.X).of(dataset.X)
        rows = np.ascontiguousarray(table.toarray() if issparse(table) else table)
        texts = [row.tobytes() for row in rows.astype("<f8") + 0.0]  # -0.0 is 0.0
    else:
        texts = [_text(value) for value in column(dataset.X, key)]
    return Groups(np.array([crc32(t) % len(fitted) for t in texts], dtype=np.intp), fitted)


def _text(value: object) -> bytes:
    """The number 3 is one text, whatever its type."""
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        value = int(value)
    return str(value).encode()
