"""Training data on the host or on the device, in blocks of a few fixed shapes."""

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
    can_be_kept,
    gather_rows,
    has_rows,
    index_blocks,
    row_ids,
    row_width,
    rows_within,
    training_dataset,
)
from mlpkit.plugin import Array, Batches

RESIDENT_ROWS = 4096  # fewer rows are moved to a device faster than they are gathered on it

Gather = Callable[[Array, int], tuple[Any, Any, Any]]  # of indices and a number of steps


class BlockSizes(NamedTuple):
    """Approximate rows of a block, rows of a step over the whole data, and bytes of either."""

    block_rows: int
    step_rows: int
    n_bytes: int

    def within(self, width: int, itemsize: int) -> "BlockSizes":
        """Return fewer rows if rows of `width` numbers need more than these bytes."""
        block, step = (rows_within(width, itemsize, n, self.n_bytes) for n in self[:2])
        return BlockSizes(block, step, self.n_bytes)


# a step stays in the cache, and the next block is gathered while one runs
HOST = BlockSizes(BLOCK_ROWS, 512, BLOCK_BYTES)
# every dispatch costs time, and wide steps use more of the device
DEVICE = BlockSizes(65536, 8192, BLOCK_BYTES * 8)


class TrainingRows:
    """n rows, and ``gather(indices, n_steps)``, which returns X, y and w of the rows with these
    indices.

    If ``has_ids`` is true, the blocks contain the ids of the rows: ``ids`` (n,), or the indices if
    it is None. If ``fine`` is true, `step` pads to more sizes.
    """

    has_ids = False
    fine = False
    ids: Array | None = None
    n_models = 0

    def __init__(self, n: int, dtype: str, gather: Gather, sizes: BlockSizes, keep: bool) -> None:
        self.n, self.dtype, self.gather, self.sizes, self.keep = n, dtype, gather, sizes, keep
        self.kept: list[Block] = []
        self.most_steps = 1  # of a block of an epoch

    def epoch(self, batches: Batches, full: int) -> Iterator[Block]:
        """Return the steps in their order in blocks, padded to as many steps as those of earlier
        calls; a full step has `full` rows.
        """
        for block in self.blocks(batches, full, smallest=self.most_steps):
            self.most_steps = max(self.most_steps, len(block.w))
            yield block

    def blocks(
        self, batches: Batches, full: int, fine: bool = False, smallest: int = 1
    ) -> Iterator[Block]:
        """Return the steps in their order in blocks; a full step has `full` rows."""
        block_rows, n_models = self.sizes.block_rows, self.n_models
        for block in index_blocks(batches, full, block_rows, n_models, fine, smallest):
            # no reference is kept: a block can be released before the next one is gathered
            learning_rates = block.learning_rates.astype(self.dtype)
            ids = row_ids(block.indices, self.ids).astype(np.uint32) if self.has_ids else None
            yield Block(
                *self.gather(block.indices, block.n_steps),
                learning_rates,
                block.seeds,
                block.n_steps,
                ids,
                *(
                    None if values is None else values.astype(self.dtype)
                    for values in (block.weight_decays, block.dropout_factors)
                ),
            )

    def step(
        self, indices: Array | None, full: int, seed: int, dropout_factor: float = 1.0
    ) -> Iterator[Block]:
        """Return one step over the indices (batch_size,), where -1 is padding, or over all rows;
        nothing without rows.

        All rows are divided into parts, which have different seeds and are gathered only once.
        """
        if not has_rows(self.n, indices):
            return
        if indices is not None:
            factors = np.array([dropout_factor]) if dropout_factor != 1 else None
            seeds = np.array([seed], np.uint32)
            step = Batches(indices[None], np.zeros(1), seeds, dropout_factors=factors)
            yield from self.blocks(step, full, self.fine)
        else:
            for block in self.kept or self._in_order():
                # dropout depends on rows; other networks may draw for each part
                seeds = np.zeros_like(block.seeds) if self.has_ids else block.seeds
                if dropout_factor != 1:
                    factors = np.full(seeds.shape, dropout_factor, self.dtype)
                    block = block._replace(dropout_factors=factors)
                yield block._replace(seeds=seeds + np.uint32(seed))

    def _in_order(self) -> Iterator[Block]:
        step = min(self.n, self.sizes.step_rows)
        n_steps = -(-self.n // step)
        order = np.full(n_steps * step, -1)
        order[: self.n] = np.arange(self.n)
        seeds = (np.arange(n_steps) * 0x9E3779B1).astype(np.uint32)
        order = np.tile(order.reshape(n_steps, step), max(1, self.n_models))
        blocks = self.blocks(Batches(order, np.zeros(n_steps), seeds), self.sizes.step_rows)
        if self.keep:
            self.kept = [
                b._replace(**jax.device_put({"X": b.X, "y": b.y, "w": b.w})) for b in blocks
            ]
            return iter(self.kept)
        return blocks


def training_rows(X: Any, y: Array, w: Array | None, dtype: Any, resident: bool) -> TrainingRows:
    """Return the rows of X (n, n_features), dense or CSR, y (n, n_outputs) and w (n,) or None.

    If ``resident`` is true, rows that are not too large are moved to the device.
    """
    rows = training_dataset(X, y, w, dtype)
    n, width, itemsize = len(rows.y), row_width(rows), np.dtype(dtype).itemsize
    keep = can_be_kept(rows)
    if not (resident and n * width * itemsize <= KEPT_BYTES):
        sizes = HOST.within(width, itemsize)
        return TrainingRows(n, dtype, partial(gather_rows, rows), sizes, keep)
    weights = np.ones(n, dtype) if rows.sample_weight is None else rows.sample_weight
    dense = _densified(rows.X) if issparse(rows.X) else _padded(rows.X)
    data = jax.device_put([dense, _padded(rows.y), _padded(weights)])
    sizes = DEVICE.within(width, itemsize)

    def gather(indices: Array, n_steps: int) -> tuple[Any, Any, Any]:
        return _gather_on_device(*data, indices)

    return TrainingRows(n, dtype, gather, sizes, keep)


def _unit(n: int) -> int:
    """Return the unit of padded lengths: eight of its multiples are between two powers of two."""
    return max(8, (1 << (n - 1).bit_length()) // 16)


def _padded(array: Array, length: int | None = None) -> Array:
    """Return a copy that is padded with zeros at the end."""
    unit = _unit(len(array))
    length = length or -(-len(array) // unit) * unit
    padded = np.zeros((length, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded


def _densified(X: Any) -> Any:
    """Return what `_padded` returns, for CSR rows and on the device.

    The host has only a part of the dense rows at a time.
    """
    (n, width), unit = X.shape, _unit(X.shape[0])
    n_part = rows_within(width, X.dtype.itemsize, unit)
    whole = jnp.zeros((-(-n // unit) * unit, width), X.dtype)
    for begin in range(0, n, n_part):
        part = _padded(X[begin : begin + n_part].toarray(), n_part)
        whole = jax.block_until_ready(_written(whole, part, np.int32(begin)))  # type: ignore[no-untyped-call]
    return whole


@partial(jax.jit, donate_argnums=0)
def _written(whole: Any, part: Any, begin: Any) -> Any:
    return lax.dynamic_update_slice(whole, part, (begin, np.int32(0)))


@jax.jit
def _gather_on_device(X: Any, y: Any, w: Any, indices: Any) -> tuple[Any, Any, Any]:
    """Do what `gather_rows` does, on the device."""
    row = jnp.where(indices < 0, ~indices, indices)
    return X[row], y[row], jnp.where(indices < 0, 0, w[row])
