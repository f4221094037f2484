"""Matrix products into given arrays, of dense and sparse rows."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from mlpkit.plugin import Array


def product(a: Any, b: Array, out: Array) -> None:
    """Write ``a @ b`` into a contiguous array; ``a`` may be sparse.

    >>> out = np.empty((2, 1))
    >>> product(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [1.0]]), out)
    >>> out.ravel().tolist()
    [3.0, 7.0]
    """
    if issparse(a):
        out[...] = a @ b
    else:
        np.dot(a, b, out=out)  # `matmul` of a column and a row takes ten times as long


class SparseProduct:
    """The product of transposed CSR rows (n, n_features) and deltas (n, n_outputs).

    Only features that a row contains have a product that is not 0. It is computed for these alone,
    so that a step needs no temporary array with a row for each feature.

    >>> rows = csr_array(np.array([[0.0, 2.0, 0.0], [0.0, 1.0, 0.0]]))
    >>> out = np.empty((2, 1))
    >>> SparseProduct(rows, np.array([[3.0], [4.0]])).write(slice(1, 3), out)
    >>> out.tolist()
    [[10.0], [0.0]]
    """

    def __init__(self, rows: Any, delta: Array) -> None:
        self.features, columns = np.unique(rows.indices, return_inverse=True)
        shape = (len(delta), len(self.features))
        self.sums = csr_array((rows.data, columns, rows.indptr), shape=shape).T @ delta

    def write(self, features: slice, out: Array) -> None:
        """Write the product of consecutive features, (n_features, n_outputs)."""
        begin, end = np.searchsorted(self.features, (features.start, features.stop))
        out[...] = 0
        out[self.features[begin:end] - features.start] = self.sums[begin:end]
