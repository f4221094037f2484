"""The rows of several steps gathered at once, for a backend that needs no fixed shapes."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array, Dataset

CHUNK_BYTES = 1 << 20  # size of X in a chunk: it is still in the cache when its steps run


def chunks(rows: Dataset, order: Array) -> Iterator[tuple[Dataset, list[int], list[slice]]]:
    """Gather the rows of an epoch in chunks of several steps, without padding.

    The order has shape (n_steps, batch_size), where -1 is padding. Each chunk comes with the
    indices of the steps that have rows, and the place of each in the chunk. Its X is overwritten
    by the next chunk.

    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> order = np.array([[2, 0], [1, -1]])
    >>> [(chunk.y.ravel(), *steps) for chunk, *steps in chunks(Dataset(y, y), order)]
    [(array([2., 0., 1.]), [0, 1], [slice(0, 2, None), slice(2, 3, None)])]
    """
    X = rows.X
    n_steps, batch_size = order.shape
    if n_steps == 1:  # as in a stream
        row = order[0]
        if np.count_nonzero(row >= 0) < batch_size:
            row = row[row >= 0]
        if len(row):
            yield _taken(rows, row, None), [0], [slice(0, len(row))]
        return
    most = max(1, min(n_steps, CHUNK_BYTES // max(1, batch_size * _row_bytes(X))))
    gathered = None if issparse(X) else np.empty((most * batch_size, X.shape[1]), X.dtype)
    for begin in range(0, n_steps, most):
        part = order[begin : begin + most]
        is_row = part >= 0
        ends = [0, *accumulate(np.add.reduce(is_row, axis=1, dtype=np.intp).tolist())]
        steps = [(i, slice(a, b)) for i, (a, b) in enumerate(pairwise(ends), begin) if a < b]
        if steps:
            row = part.ravel() if ends[-1] == part.size else part[is_row]
            chunk = _taken(rows, row, gathered)
            yield chunk, [i for i, _ in steps], [place for _, place in steps]


def _taken(rows: Dataset, row: Array, out: Array | None) -> Dataset:
    """Return the rows of these indices; a dense X is written to ``out`` if there is one."""
    X, y, w = rows[:3]
    if issparse(X):
        X = X[row]
    elif out is None:
        X = X.take(row, 0)
    else:
        X = X.take(row, 0, out[: len(row)], "clip")  # other modes make another copy
    return Dataset(X, y.take(row, 0), None if w is None else w.take(row))


def _row_bytes(X: Any) -> int:
    """Return the size of a row of X, or the mean size if X is sparse."""
    if issparse(X):
        return int((X.data.nbytes + X.indices.nbytes) // max(1, X.shape[0]))
    return int(X.shape[1] * X.itemsize)
