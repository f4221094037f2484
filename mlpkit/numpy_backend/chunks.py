"""The rows of several steps gathered at once, for a backend that needs no fixed shapes."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from mlpkit.plugin import Array, Dataset

CHUNK_BYTES = 1 << 20  # size of X in a chunk: it is still in the cache when its steps run

StepSlice = tuple[int, slice]  # the index of a step, and the place of its rows in a chunk


def chunks(rows: Dataset, order: Array) -> Iterator[tuple[Dataset, list[StepSlice]]]:
    """Gather the rows of an epoch in chunks of several steps, without padding.

    The order has shape (n_steps, batch_size), where -1 is padding. Each chunk comes with the
    places of its steps.

    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> order = np.array([[2, 0], [1, -1]])
    >>> [(chunk.y.ravel(), steps) for chunk, steps in chunks(Dataset(y, y), order)]
    [(array([2., 0., 1.]), [(0, slice(0, 2, None)), (1, slice(2, 3, None))])]
    """
    step_bytes = order.shape[1] * rows.X.shape[1] * rows.y.dtype.itemsize
    most = max(1, CHUNK_BYTES // max(1, step_bytes))
    for begin in range(0, len(order), most):
        indices = order[begin : begin + most]
        is_row = indices >= 0
        ends = [0, *np.cumsum(np.count_nonzero(is_row, axis=1)).tolist()]
        steps = [(i, slice(a, b)) for i, (a, b) in enumerate(pairwise(ends), begin) if a < b]
        yield rows.take(indices[is_row]), steps
