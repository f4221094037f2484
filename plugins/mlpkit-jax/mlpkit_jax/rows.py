"""Training data, on the host or on the device, handed out in blocks of few shapes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import issparse

from mlpkit.blocks import Block, gathered, host_rows, plans
from mlpkit.plugin import Array, Batches

KEPT_BYTES = 1 << 31  # larger data are not copied as a whole: neither to the device nor in blocks
RESIDENT_ROWS = 4096  # fewer rows are moved faster than found on a device

Gather = Callable[[Array], tuple[Any, Any, Any]]


class Sizes(NamedTuple):
    """Rows of a block, about, and rows of a step over the whole data."""

    block: int
    step: int


HOST = Sizes(4096, 512)  # a step stays in the cache, the next block is gathered meanwhile
DEVICE = Sizes(65536, 8192)  # every dispatch costs, and wide steps use more of the device


class Rows:
    """n rows, taken by `gather`: indices (steps, batch) -> X, y, w with these in front."""

    def __init__(self, n: int, dtype: str, gather: Gather, sizes: Sizes, keep: bool) -> None:
        self.n, self.dtype, self.gather, self.sizes, self.keep = n, dtype, gather, sizes, keep
        self.kept: list[Block] = []

    def blocks(self, batches: Batches, full: int) -> Iterator[Block]:
        """The steps of `batches`, whose full step has `full` rows, in their order."""
        for plan in plans(batches, full, self.sizes.block):
            data = self.gather(plan.order)
            yield Block(*data, plan.rates.astype(self.dtype), plan.seeds, plan.steps)

    def step(self, indices: Array | None, full: int, seed: int) -> Iterator[Block]:
        """One step over the indices (batch,), -1 as padding, or over all rows.

        All rows come in parts, each with a seed of its own, and are gathered only once.
        """
        if indices is not None:
            seeds = np.array([seed], np.uint32)
            yield from self.blocks(Batches(indices[None], np.zeros(1), seeds), full)
        else:
            for block in self.kept or self._in_order():
                yield block._replace(seeds=block.seeds + np.uint32(seed))

    def _in_order(self) -> Iterator[Block]:
        step = min(self.n, self.sizes.step)
        steps = -(-self.n // step)
        order = np.full(steps * step, -1)
        order[: self.n] = np.arange(self.n)
        seeds = (np.arange(steps) * 0x9E3779B1).astype(np.uint32)
        batches = Batches(order.reshape(steps, step), np.zeros(steps), seeds)
        blocks = self.blocks(batches, self.sizes.step)
        if self.keep:
            self.kept = [
                b._replace(**jax.device_put({"X": b.X, "y": b.y, "w": b.w})) for b in blocks
            ]
            return iter(self.kept)
        return blocks


def rows_of(X: Any, y: Array, w: Array | None, dtype: Any, resident: bool) -> Rows:
    """Rows of X (n, n_features) dense or CSR, y (n, n_outputs) and w (n,) or None."""
    rows = host_rows(X, y, w, dtype)
    n = len(rows.y)
    keep = n * X.shape[1] * np.dtype(dtype).itemsize <= KEPT_BYTES
    if not (resident and keep):
        return Rows(n, dtype, partial(gathered, rows), HOST, keep)
    dense = rows._replace(X=rows.X.toarray()) if issparse(rows.X) else rows
    weights = np.ones(n, dtype) if rows.w is None else rows.w
    data = jax.device_put([_padded(a) for a in (dense.X, dense.y, weights)])
    return Rows(n, dtype, partial(_taken, *data), DEVICE, keep)


def _padded(array: Array) -> Array:
    """A copy with zeros behind it: its length has one of 8 sizes between two powers of two."""
    n = len(array)
    unit = max(8, (1 << (n - 1).bit_length()) // 16)
    padded = np.zeros((-(-n // unit) * unit, *array.shape[1:]), array.dtype)
    padded[:n] = array
    return padded


@jax.jit
def _taken(X: Any, y: Any, w: Any, order: Any) -> tuple[Any, Any, Any]:
    """What `gathered` does, on the device."""
    row = jnp.where(order < 0, ~order, order)
    return X[row], y[row], jnp.where(order < 0, 0, w[row])
