"""The training data in the form that the compiled loop reads."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import training_dataset
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a

SPARSE_SHARE = 0.1  # of values that are not 0, up to which sparse products are faster


class TrainingRows(NamedTuple):
    """Training data.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    form : int
        `DENSE`, `DENSIFIED` or `SPARSE`.
    values : dict of int
        Addresses and strides by their places among the arguments of the loop.
    arrays : tuple of ndarray
        The arrays at the addresses.
    """

    n_rows: int
    form: int
    values: dict[int, int]
    arrays: tuple[Array, ...]


def training_rows(
    X: Any, y: Array | None, w: Array | None, dtype: str, ids: Array | None = None
) -> TrainingRows:
    """Return X (n, n_features), dense or CSR, y (n, n_outputs), w (n,) and ids (n,) for the loop.

    Arrays are copied only if they have another dtype, or are not aligned. A dense X may have any
    memory order.
    """
    rows = training_dataset(X, np.empty((X.shape[0], 0), dtype) if y is None else y, w, dtype)
    X, form = rows.X, a.DENSE
    arrays = []
    if issparse(X):
        n_values = max(1, X.shape[0] * X.shape[1])
        form = a.SPARSE if X.nnz <= SPARSE_SHARE * n_values else a.DENSIFIED
        columns = np.ascontiguousarray(X.indices, np.int32)
        begins = np.ascontiguousarray(X.indptr, np.int64)
        data = np.ascontiguousarray(X.data)
        arrays = [data, columns, begins]
        found = {a.X: data, a.COLUMNS: columns, a.BEGINS: begins}
        values = {place: array.ctypes.data for place, array in found.items()}
    else:
        X = np.require(X, requirements="A")
        arrays = [X]
        values = {a.X: X.ctypes.data, a.ROW_STRIDE: X.strides[0], a.COLUMN_STRIDE: X.strides[1]}
    values[a.FORM] = form
    ids = None if ids is None else ids.astype(np.int64, copy=False)
    targets = None if y is None else rows.y
    for place, array in ((a.Y, targets), (a.W, rows.sample_weight), (a.IDS, ids)):
        if array is not None:
            contiguous = np.ascontiguousarray(array)
            arrays.append(contiguous)
            values[place] = contiguous.ctypes.data
    return TrainingRows(X.shape[0], form, values, tuple(arrays))
