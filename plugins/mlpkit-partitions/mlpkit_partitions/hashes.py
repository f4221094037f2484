"""Groups by a hash of values that is the same in every process and on every machine."""

from functools import partial
from zlib import crc32

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features, check_n, column


def hashed(column: str | int | None = None, n: int = 10, name: str | None = None) -> Partitioner:
    """Group rows by a hash, such as that of a user's id.

    Rows with equal values belong to the same group in every data set and in every process. The
    hash is the CRC-32 of the value as text, or of all features of the row.

    Parameters
    ----------
    column : str, int or None, default=None
        Name or index of the column to hash. None means the whole row.
    n : int, default=10
        Number of groups.
    name : str or None, default=None
        Name of the partitioner, by default "hash of" and the column, or "hash".

    Returns
    -------
    Partitioner
        Its fitted groups cannot be merged with others.

    Raises
    ------
    ValueError
        If `n` is not an integer of at least 2.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(np.array([["ann"], ["bob"], ["ann"]], dtype=object))
    >>> users = by("hashed", column=0, n=4)
    >>> codes = users.assign(users.fit(dataset), dataset).codes
    >>> bool(codes[0] == codes[2])
    True
    """
    check_n(n)
    default = "hash" if column is None else f"hash of {column}"
    return Partitioner(name or default, partial(_fit, n), partial(_assign, column))


def _fit(n: int, dataset: Dataset) -> tuple[str, ...]:
    return tuple(f"hash {i}" for i in range(n))


def _assign(key: str | int | None, fitted: tuple[str, ...], dataset: Dataset) -> Groups:
    if key is None:
        table = Features(dataset.X).transform(dataset.X)
        rows = np.ascontiguousarray(table.toarray() if issparse(table) else table)
        texts = [row.tobytes() for row in rows.astype("<f8") + 0.0]  # -0.0 becomes 0.0
    else:
        texts = [_encoded(value) for value in column(dataset.X, key)]
    return Groups(np.array([crc32(t) % len(fitted) for t in texts], dtype=np.intp), fitted)


def _encoded(value: object) -> bytes:
    """The value as text, in which 3 and 3.0 are equal."""
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        value = int(value)
    return str(value).encode()
