"""Rows gathered on the host into a few fixed shapes, for backends that compile by shape.

Steps of a full batch come in blocks of a power of two of steps; a single smaller step is
padded to a power of two of rows. So any stream of sizes needs about ten shapes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.plugin import Array, Batches

BLOCK_ROWS = 4096  # rows of a block of steps, about
SMALLEST = 8  # rows of the smallest padded step


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

    def part(self, rows: slice) -> "HostRows":
        """Views of consecutive rows."""
        return HostRows(self.X[rows], self.y[rows], None if self.w is None else self.w[rows])


class Plan(NamedTuple):
    """Row indices of ``steps`` steps (what lies behind them is not to be run).

    A negative index ``~i`` is padding: row i with weight 0.
    """

    order: Array  # (steps or more, batch)
    rates: Array  # (...,) float64
    seeds: Array  # (...,) uint32
    steps: int


class Block(NamedTuple):
    """``steps`` steps (what lies behind them is not to be run), rows padded with weight 0."""

    X: Array  # (steps or more, batch, n_features)
    y: Array  # (..., batch, n_outputs)
    w: Array  # (..., batch)
    rates: Array  # (...,)
    seeds: Array  # (...,)
    steps: int


def host_rows(X: Any, y: Array, w: Array | None, dtype: str) -> HostRows:
    """The data in `dtype`, copied only where it is of another."""
    X = X.tocsr() if issparse(X) else np.asarray(X)
    w = None if w is None else w.astype(dtype, copy=False)
    return HostRows(X.astype(dtype, copy=False), y.astype(dtype, copy=False), w)


def bucket(n: int, full: int) -> int:
    """The padded size of n rows where a full step has `full`: a power of two, or `full`.

    >>> [bucket(n, 200) for n in (1, 9, 100, 129, 200, 201)]
    [8, 16, 128, 200, 200, 256]
    """
    smallest = max(SMALLEST, full // 256)
    padded = max(smallest, 1 << (n - 1).bit_length())
    return padded if n > full else min(full, padded)


def gathered(rows: HostRows, indices: Array) -> tuple[Array, Array, Array]:
    """X, y and w of the rows, in the shape of the indices; ``~i`` gives row i with weight 0."""
    row = np.where(indices < 0, ~indices, indices)
    if issparse(rows.X):
        X = rows.X[row.ravel()].toarray().reshape(*row.shape, -1)
    else:
        X = rows.X.take(row, axis=0)
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
        rates, seeds = np.zeros(size), np.zeros(size, np.uint32)
        rates[:live], seeds[:live] = batches.rates[part], batches.seeds[part]
        yield Plan(order, rates, seeds, live)


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
    for plan in plans(batches, full):
        X, y, w = gathered(rows, plan.order)
        yield Block(X, y, w, plan.rates.astype(X.dtype), plan.seeds, plan.steps)
