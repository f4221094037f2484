"""Rows gathered on the host into a few fixed shapes, for backends that compile by shape.

Steps of a full batch come in blocks of a power of two of steps; a single smaller step is
padded to a power of two of rows. So any stream of sizes needs about ten shapes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array, Batches

#: Approximate number of rows of a block of steps.
BLOCK_ROWS = 4096
#: Approximate size of a block in bytes. A larger step is a block of its own.
BLOCK_BYTES = 1 << 26
ALIGNMENT = 64  # bytes
SMALLEST = 8  # rows of the smallest padded step
#: Size in bytes up to which the blocks of all rows are kept.
KEPT_BYTES = 1 << 31
KEPT_SPARSE_BYTES = 1 << 28  # the same of sparse X, as dense blocks


class HostRows(NamedTuple):
    """Training data on the host: X dense or CSR, y (n, n_outputs), w (n,) or None."""

    X: Any
    y: Array
    w: Array | None

    def taken(self, indices: Array) -> "HostRows":
        """Copies of the rows of these indices (m,), none negative."""
        X = self.X[indices] if issparse(self.X) else self.X.take(indices, axis=0)
        w = None if self.w is None else self.w.take(indices)
        return HostRows(X, self.y.take(indices, axis=0), w)

    def width(self) -> int:
        """Numbers in a row of a block: X and y, and the outputs if they are watched."""
        return int(self.X.shape[1] + 2 * self.y.shape[1])

    def may_be_kept(self) -> bool:
        """Whether all rows in dense blocks take little enough memory to keep them."""
        size = len(self.y) * self.width() * self.y.itemsize
        return size <= (KEPT_SPARSE_BYTES if issparse(self.X) else KEPT_BYTES)

    def part(self, rows: slice) -> "HostRows":
        """Views of consecutive rows."""
        return HostRows(self.X[rows], self.y[rows], None if self.w is None else self.w[rows])


class Plan(NamedTuple):
    """Row indices of ``steps`` steps (what lies behind them is not to be run).

    A negative index ``~i`` is padding: row i with weight 0.
    """

    order: Array  # (steps or more, batch)
    learning_rates: Array  # (...,) float64
    seeds: Array  # (...,) uint32
    steps: int


class Block(NamedTuple):
    """``steps`` steps (what lies behind them is not to be run), rows padded with weight 0."""

    X: Array  # (steps or more, batch, n_features)
    y: Array  # (..., batch, n_outputs)
    w: Array  # (..., batch)
    learning_rates: Array  # (...,)
    seeds: Array  # (...,)
    steps: int
    indices: Array | None = None  # (..., batch) as in `Plan.order`: for dropout


def host_rows(X: Any, y: Array, w: Array | None, dtype: str) -> HostRows:
    """The data in `dtype`, copied only where it is of another."""
    X = X.tocsr() if issparse(X) else np.asarray(X)
    w = None if w is None else w.astype(dtype, copy=False)
    return HostRows(X.astype(dtype, copy=False), y.astype(dtype, copy=False), w)


def bucket(n: int, full: int) -> int:
    """The padded size of n rows where a full step has `full`: a power of two, or `full`.

    >>> [bucket(n, 200) for n in (1, 9, 100, 129, 200, 201)]
    [8, 16, 128, 200, 200, 256]
    >>> bucket(100, 10**12)
    128
    """
    smallest = max(SMALLEST, min(full // 256, 64))
    padded = max(smallest, 1 << (n - 1).bit_length())
    return padded if n > full else min(full, padded)


def rows_within(width: int, itemsize: int, most: int, size: int = BLOCK_BYTES) -> int:
    """Rows of `width` numbers that fit into `size` bytes: a power of two, and not above `most`.

    >>> rows_within(784, 8, 4096), rows_within(100_000, 8, 4096)
    (4096, 64)
    """
    found = max(1, min(most, size // max(1, width * itemsize)))
    return 1 << (found.bit_length() - 1)


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """An uninitialised array where compilers' vector instructions want it, which saves a copy
    on the way to a compiled function.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    begin = -buffer.ctypes.data % ALIGNMENT
    array: Array = buffer[begin : begin + size].view(dtype).reshape(shape)
    return array


def gathered(rows: HostRows, indices: Array) -> tuple[Array, Array, Array]:
    """X, y and w of the rows, in the shape of the indices; ``~i`` gives row i with weight 0."""
    row = np.where(indices < 0, ~indices, indices)
    X = aligned((*row.shape, rows.X.shape[1]), rows.X.dtype)
    if issparse(rows.X):
        rows.X[row.ravel()].toarray(out=X.reshape(-1, X.shape[-1]))
    else:
        rows.X.take(row, axis=0, out=X, mode="clip")  # another mode copies once more
    w = (indices >= 0).astype(X.dtype)
    if rows.w is not None:
        w *= rows.w.take(row)
    return X, rows.y.take(row, axis=0), w


def plans(batches: Batches, full: int, block_rows: int = BLOCK_ROWS) -> Iterator[Plan]:
    """The steps of `batches`, whose full step has `full` rows, in their order."""
    steps, batch = batches.order.shape
    padded = bucket(batch, full)
    most = 1 << max(0, (block_rows // padded).bit_length() - 1)
    for begin in range(0, steps, most):
        part = slice(begin, begin + most)
        live = len(batches.order[part])
        size = 1 << (live - 1).bit_length()
        order = np.full((size, padded), -1)
        order[:live, :batch] = batches.order[part]
        _repeat(order)
        learning_rates, seeds = np.zeros(size), np.zeros(size, np.uint32)
        learning_rates[:live], seeds[:live] = batches.learning_rates[part], batches.seeds[part]
        yield Plan(order, learning_rates, seeds, live)


def _repeat(order: Array) -> None:
    """Let the padding of each step repeat the step's rows, for the sake of layers that
    look at a whole batch (its mean and variance stay about what they are).
    """
    short = (order.min(axis=1) < 0) & (order.max(axis=1) >= 0)
    for step in np.flatnonzero(short):
        live = order[step] >= 0
        order[step, ~live] = ~np.resize(order[step, live], len(live) - live.sum())


def blocks(rows: HostRows, batches: Batches, full: int) -> Iterator[Block]:
    """The plans of `batches` with their rows."""
    for plan in plans(batches, full, rows_within(rows.width(), rows.y.itemsize, BLOCK_ROWS)):
        # no reference is kept: a block may be let go before the next one is gathered
        learning_rates = plan.learning_rates.astype(rows.y.dtype)
        yield Block(*gathered(rows, plan.order), learning_rates, plan.seeds, plan.steps, plan.order)
