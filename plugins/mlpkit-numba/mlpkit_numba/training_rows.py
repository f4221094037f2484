"""The training data in the form that the compiled loop reads."""

from array import array
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import training_dataset
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba.addresses import address

SPARSE_SHARE = 0.1  # of values that are not 0, up to which sparse products are faster


class TrainingRows(NamedTuple):
    """Training data.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    form : int
        `DENSE`, `DENSIFIED` or `SPARSE`.
    integers : array of int
        Addresses and strides: the arguments of the loop from `FORM` to `IDS`.
    arrays : tuple of ndarray
        The arrays at the addresses.
    """

    n_rows: int
    form: int
    integers: "array[int]"
    arrays: tuple[Array | None, ...]


def training_rows(
    X: Any, y: Array | None, w: Array | None, dtype: str, ids: Array | None = None
) -> TrainingRows:
    """Return X (n, n_features), dense or CSR, y (n, n_outputs), w (n,) and ids (n,) for the loop.

    Arrays are copied only if they have another dtype, or are not aligned. A dense X may have any
    memory order.
    """
    rows = training_dataset(X, np.empty((X.shape[0], 0), dtype) if y is None else y, w, dtype)
    X, form, row_stride, column_stride = rows.X, a.DENSE, 0, 0
    columns = begins = None
    if issparse(X):
        n_values = max(1, X.shape[0] * X.shape[1])
        form = a.SPARSE if X.nnz <= SPARSE_SHARE * n_values else a.DENSIFIED
        columns = np.ascontiguousarray(X.indices, np.int32)
        begins = np.ascontiguousarray(X.indptr, np.int64)
        data = np.ascontiguousarray(X.data)
    else:
        data = np.require(X, requirements="A")
        row_stride, column_stride = data.strides
    ids = None if ids is None else ids.astype(np.int64, copy=False)
    others = columns, begins, None if y is None else rows.y, rows.sample_weight, ids
    arrays = [None if one is None else np.ascontiguousarray(one) for one in others]
    addresses = [0 if one is None else address(one) for one in arrays]
    integers = array("q", [form, address(data), row_stride, column_stride, *addresses])
    return TrainingRows(X.shape[0], form, integers, (data, *arrays))
