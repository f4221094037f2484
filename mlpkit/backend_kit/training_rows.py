"""Training data on the host: its precision, its size, and its rows by index."""

from math import prod
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array, Dataset, Network, Spec

BLOCK_BYTES = 1 << 26  # approximate size of a block of rows; a larger step is a block of its own
KEPT_BYTES = 1 << 31  # data larger than this are not copied as a whole
KEPT_SPARSE_BYTES = 1 << 28  # the same limit for sparse X, as dense rows
ALIGNMENT = 64  # bytes, of the address of an array


def training_dataset(X: Any, y: Array, w: Array | None, dtype: str) -> Dataset:
    """Convert training data to the precision of the network.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n, n_features)
        Features. A sparse matrix becomes CSR.
    y : ndarray of shape (n, n_outputs)
        Targets.
    w : ndarray of shape (n,) or None
        Weights of the rows.
    dtype : {"float32", "float64"}
        Precision of the result.

    Returns
    -------
    Dataset
        X, y and sample weights in `dtype`. What already has this dtype is not copied.

    Examples
    --------
    >>> import numpy as np
    >>> rows = training_dataset(np.ones((3, 2)), np.zeros((3, 1)), None, "float32")
    >>> rows.X.shape, rows.y.dtype.name
    ((3, 2), 'float32')
    """
    X = X.tocsr() if issparse(X) else np.asarray(X)
    w = None if w is None else w.astype(dtype, copy=False)
    return Dataset(X.astype(dtype, copy=False), y.astype(dtype, copy=False), w)


def needs_ids(network: Network, spec: Spec) -> bool:
    """Return whether training depends on the ids of the rows.

    Parameters
    ----------
    network : Network
        The network.
    spec : Spec
        Its specification.

    Returns
    -------
    bool
        True for the dense network with dropout, and for networks with an `xp_apply`, which receive
        the ids in a `StepContext`.

    Examples
    --------
    >>> from mlpkit.testing import spec
    >>> needs_ids(Network({}), spec())
    False
    """
    if network.xp_apply is not None:
        return True
    return network.apply is None and any(spec.dropouts)


def row_ids(indices: Array, ids: Array | None) -> Array:
    """Return the ids of the rows with the given indices.

    Parameters
    ----------
    indices : ndarray of int, of shape (...)
        Indices of rows. A negative index ``~i`` is padding with row i.
    ids : ndarray of int of shape (n,) or None
        The id of each row, as in `Steps.put`. None means that ids are indices.

    Returns
    -------
    ndarray of int, of the shape of `indices`
        The ids; any value for padding if `ids` is None.

    Examples
    --------
    >>> import numpy as np
    >>> row_ids(np.array([[2, 0], [1, ~1]]), np.array([5, 7, 9])).tolist()
    [[9, 5], [7, 7]]
    """
    if ids is None:
        return indices
    return ids.take(np.where(indices < 0, ~indices, indices))


def has_rows(n: int, indices: Array | None) -> bool:
    """Return whether a step has rows.

    Parameters
    ----------
    n : int
        Number of rows of the training data.
    indices : ndarray of int, of any shape, or None
        Indices of the rows of the step, where a negative number is padding; None means all rows.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> has_rows(3, np.array([-1, -1])), has_rows(3, None)
    (False, True)
    """
    return n > 0 if indices is None else bool((indices >= 0).any())


def row_width(rows: Dataset) -> int:
    """Return how many numbers one row has in a block.

    Parameters
    ----------
    rows : Dataset
        X of shape (n, n_features) and y of shape (n, n_outputs).

    Returns
    -------
    int
        The number of features plus twice the number of outputs: a block has the targets and may
        have the predictions.

    Examples
    --------
    >>> import numpy as np
    >>> row_width(training_dataset(np.ones((3, 5)), np.zeros((3, 2)), None, "float64"))
    9
    """
    return int(rows.X.shape[1] + 2 * rows.y.shape[1])


def can_be_kept(rows: Dataset) -> bool:
    """Return whether a dense copy of all rows is small enough to be kept.

    Parameters
    ----------
    rows : Dataset
        X of shape (n, n_features), dense or CSR, and y of shape (n, n_outputs).

    Returns
    -------
    bool
        Whether the copy has at most 2 GiB, or 256 MiB if X is sparse. False for a memory map.

    Examples
    --------
    >>> import numpy as np
    >>> can_be_kept(training_dataset(np.ones((3, 5)), np.zeros((3, 2)), None, "float64"))
    True
    """
    size: int = len(rows.y) * row_width(rows) * rows.y.itemsize
    return not isinstance(rows.X, np.memmap) and size <= (
        KEPT_SPARSE_BYTES if issparse(rows.X) else KEPT_BYTES
    )


def rows_within(width: int, itemsize: int, max_rows: int, max_bytes: int = BLOCK_BYTES) -> int:
    """Return how many rows fit into a number of bytes.

    Parameters
    ----------
    width : int
        How many numbers one row has.
    itemsize : int
        Bytes of one number.
    max_rows : int
        Upper limit of the result.
    max_bytes : int, default=67108864
        Upper limit of the bytes.

    Returns
    -------
    int
        A power of two, at least 1.

    Examples
    --------
    >>> rows_within(784, 8, 4096), rows_within(100_000, 8, 4096)
    (4096, 64)
    """
    n_rows = max(1, min(max_rows, max_bytes // max(1, width * itemsize)))
    return 1 << (n_rows.bit_length() - 1)


def gather_rows(
    rows: Dataset, indices: Array, n_steps: int | None = None
) -> tuple[Array, Array, Array]:
    """Copy the rows with the given indices into dense arrays.

    Parameters
    ----------
    rows : Dataset
        X of shape (n, n_features), dense or CSR, y of shape (n, n_outputs), and sample weights
        of shape (n,) or None.
    indices : ndarray of int, of shape (...)
        Indices of rows. A negative index ``~i`` is padding: row i with weight 0.
    n_steps : int or None, default=None
        How many elements of the first axis of `indices` are copied, None for all. X and y of the
        others are not initialised.

    Returns
    -------
    X : ndarray of shape (..., n_features)
        Features, dense, at an address that compiled code can use without a copy.
    y : ndarray of shape (..., n_outputs)
        Targets.
    w : ndarray of shape (...)
        Weights of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> rows = training_dataset(np.arange(6.0).reshape(3, 2), np.ones((3, 1)), None, "float64")
    >>> X, y, w = gather_rows(rows, np.array([2, 0, ~0]))
    >>> X.tolist(), w.tolist()
    ([[4.0, 5.0], [0.0, 1.0], [0.0, 1.0]], [1.0, 1.0, 0.0])
    """
    is_row = indices >= 0
    row = indices if is_row.all() else np.where(is_row, indices, ~indices)
    X = aligned(indices.shape + rows.X.shape[1:], rows.X.dtype)
    y = np.empty(indices.shape + rows.y.shape[1:], rows.y.dtype)
    first = row[:n_steps]
    if issparse(rows.X):
        rows.X[first.ravel()].toarray(out=X[:n_steps].reshape(-1, X.shape[-1]))
    else:
        rows.X.take(first, axis=0, out=X[:n_steps], mode="clip")  # other modes make another copy
    rows.y.take(first, axis=0, out=y[:n_steps], mode="clip")
    w = is_row.astype(X.dtype)
    if rows.sample_weight is not None:
        w *= rows.sample_weight.take(row)
    return X, y, w


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array at an address that suits vector instructions, so that a
    compiled function does not copy it.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its dtype.

    Returns
    -------
    ndarray
        Its address is a multiple of `ALIGNMENT`.

    Examples
    --------
    >>> array = aligned((2, 3), "float32")
    >>> array.shape, array.ctypes.data % ALIGNMENT
    ((2, 3), 0)
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    begin = -buffer.ctypes.data % ALIGNMENT
    return np.ndarray(shape, dtype, buffer, begin)
