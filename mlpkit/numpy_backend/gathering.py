"""The rows of several steps gathered at once: for a backend that needs no fixed shapes."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from mlpkit.backend_kit.blocks import HostRows
from mlpkit.plugin import Array

CHUNK_BYTES = 1 << 20  # of X: still in the cache when its steps run

Part = tuple[int, slice]  # which step of the epoch, and where its rows lie


def chunks(rows: HostRows, order: Array) -> Iterator[tuple[HostRows, list[Part]]]:
    """The rows of the steps of an order (steps, batch), padded with -1: of several steps, one
    step behind the other, without padding.

    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> order = np.array([[2, 0], [1, -1]])
    >>> [(chunk.y.ravel(), parts) for chunk, parts in chunks(HostRows(y, y, None), order)]
    [(array([2., 0., 1.]), [(0, slice(0, 2, None)), (1, slice(2, 3, None))])]
    """
    step_bytes = order.shape[1] * rows.X.shape[1] * rows.y.dtype.itemsize
    most = max(1, CHUNK_BYTES // max(1, step_bytes))
    for begin in range(0, len(order), most):
        part = order[begin : begin + most]
        live = part >= 0
        taken = part[live]
        ends = [0, *np.cumsum(np.count_nonzero(live, axis=1)).tolist()]
        parts = [(i, slice(a, b)) for i, (a, b) in enumerate(pairwise(ends), begin) if a < b]
        yield rows.taken(taken), parts
