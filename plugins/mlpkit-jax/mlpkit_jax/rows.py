"""Training data, on the host or on the device, handed out in blocks of few shapes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.sparse import issparse

from mlpkit.backend_kit import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    KEPT_BYTES,
    Block,
    gathered,
    host_rows,
    plans,
    rows_within,
)
from mlpkit.plugin import Array, Batches

RESIDENT_ROWS = 4096  # fewer rows are moved faster than found on a device

Gather = Callable[[Array], tuple[Any, Any, Any]]


class Sizes(NamedTuple):
    """Rows of a block, about, rows of a step over the whole data, and bytes of either."""

    block: int
    step: int
    size: int

    def within(self, width: int, itemsize: int) -> "Sizes":
        """Fewer rows, where `width` numbers are in each and the bytes would be exceeded."""
        block, step = (rows_within(width, itemsize, n, self.size) for n in self[:2])
        return Sizes(block, step, self.size)


# a step stays in the cache, the next block is gathered meanwhile
HOST = Sizes(BLOCK_ROWS, 512, BLOCK_BYTES)
# every dispatch costs, and wide steps use more of the device
DEVICE = Sizes(65536, 8192, BLOCK_BYTES * 8)


class Rows:
    """n rows, taken by `gather`: indices (steps, batch) -> X, y, w with these in front.

    With ``drops`` the blocks hold the indices, for dropout.
    """

    drops = False

    def __init__(self, n: int, dtype: str, gather: Gather, sizes: Sizes, keep: bool) -> None:
        self.n, self.dtype, self.gather, self.sizes, self.keep = n, dtype, gather, sizes, keep
        self.kept: list[Block] = []

    def blocks(self, batches: Batches, full: int) -> Iterator[Block]:
        """The steps of `batches`, whose full step has `full` rows, in their order."""
        for plan in plans(batches, full, self.sizes.block):
            # no reference is kept: a block may be let go before the next one is gathered
            learning_rates = plan.learning_rates.astype(self.dtype)
            drawn = plan.order.astype(np.uint32) if self.drops else None
            yield Block(*self.gather(plan.order), learning_rates, plan.seeds, plan.steps, drawn)

    def step(self, indices: Array | None, full: int, seed: int) -> Iterator[Block]:
        """One step over the indices (batch,), -1 as padding, or over all rows.

        All rows come in parts, each with a seed of its own, and are gathered only once.
        """
        if indices is not None:
            seeds = np.array([seed], np.uint32)
            yield from self.blocks(Batches(indices[None], np.zeros(1), seeds), full)
        else:
            for block in self.kept or self._in_order():
                # dropout draws by row, other networks part by part
                seeds = np.zeros_like(block.seeds) if self.drops else block.seeds
                yield block._replace(seeds=seeds + np.uint32(seed))

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
    n, width, itemsize = len(rows.y), rows.width(), np.dtype(dtype).itemsize
    keep = rows.may_be_kept()
    if not (resident and n * width * itemsize <= KEPT_BYTES):
        return Rows(n, dtype, partial(gathered, rows), HOST.within(width, itemsize), keep)
    weights = np.ones(n, dtype) if rows.w is None else rows.w
    dense = _made_dense(rows.X) if issparse(rows.X) else _padded(rows.X)
    data = jax.device_put([dense, _padded(rows.y), _padded(weights)])
    return Rows(n, dtype, partial(_taken, *data), DEVICE.within(width, itemsize), keep)


def _unit(n: int) -> int:
    """Lengths are multiples of it: 8 of them lie between two powers of two."""
    return max(8, (1 << (n - 1).bit_length()) // 16)


def _padded(array: Array, length: int | None = None) -> Array:
    """A copy with zeros behind it."""
    unit = _unit(len(array))
    length = length or -(-len(array) // unit) * unit
    padded = np.zeros((length, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded


def _made_dense(X: Any) -> Any:
    """What `_padded` gives, of CSR rows, on the device: the host has a part at a time."""
    (n, width), unit = X.shape, _unit(X.shape[0])
    part = rows_within(width, X.dtype.itemsize, unit)
    whole = jnp.zeros((-(-n // unit) * unit, width), X.dtype)
    for begin in range(0, n, part):
        rows = _padded(X[begin : begin + part].toarray(), part)
        whole = jax.block_until_ready(_written(whole, rows, np.int32(begin)))  # type: ignore[no-untyped-call]
    return whole


@partial(jax.jit, donate_argnums=0)
def _written(whole: Any, part: Any, begin: Any) -> Any:
    return lax.dynamic_update_slice(whole, part, (begin, np.int32(0)))


@jax.jit
def _taken(X: Any, y: Any, w: Any, order: Any) -> tuple[Any, Any, Any]:
    """What `gathered` does, on the device."""
    row = jnp.where(order < 0, ~order, order)
    return X[row], y[row], jnp.where(order < 0, 0, w[row])
