"""Training data on the host, in blocks of a few fixed shapes."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from mlpkit.backend_kit import BLOCK_ROWS, Block, blocks, can_be_kept, row_width, rows_within
from mlpkit.plugin import Array, Batches, Dataset
from mlpkit_tensorflow.devices import tensor
from mlpkit_tensorflow.programs import RowTensors
from mlpkit_tensorflow.structure import Tensor


class TrainingRows:
    """The training rows on the host; a full step has `full` rows.

    Tensors of all rows are kept after the first request for all rows, if they are not too large.
    """

    def __init__(
        self,
        host: Dataset,
        full: int,
        has_ids: bool,
        n_models: int,
        ids: Array | None = None,
    ) -> None:
        self.host, self.full, self.has_ids = host, full, has_ids
        self.ids = ids if has_ids else None
        self.n_models = n_models
        self.part_rows = rows_within(row_width(host), host.y.itemsize, BLOCK_ROWS)
        self.kept: list[RowTensors] = []
        self.most_steps = 1  # of a block of an epoch

    def epoch(self, batches: Batches) -> Iterator[Block]:
        """Return the steps in their order in blocks, padded to as many steps as those of earlier
        calls.
        """
        for block in self.blocks(batches, smallest=self.most_steps):
            self.most_steps = max(self.most_steps, len(block.w))
            yield block

    def blocks(self, batches: Batches, fine: bool = False, smallest: int = 1) -> Iterator[Block]:
        """Return the steps in their order in blocks."""
        n_models, ids = self.n_models, self.ids
        return blocks(self.host, batches, self.full, n_models, ids, fine, smallest)

    def tensors(self, block: Block, step: Any = ...) -> RowTensors:
        """Return the rows of a block, or of one of its steps."""
        X, y, w = tensor(block.X[step]), tensor(block.y[step]), tensor(block.w[step])
        if not self.has_ids:
            return X, y, w
        assert block.ids is not None
        rows = X, y, w, tf.constant(block.ids[step], tf.int64)
        if block.dropout_factors is None:
            return rows
        return (*rows, tf.constant(block.dropout_factors[step]))

    def order(self, block: Block) -> Tensor:
        """Return how many steps of a block have rows, and the order of its steps, these first:
        (1 + n_steps,).
        """
        has_weight: Array = np.any(block.w, axis=1)
        n_run = int(has_weight.sum())
        if has_weight[:n_run].all():
            return _in_order(n_run, len(has_weight))
        return _order(n_run, np.argsort(~has_weight, kind="stable"))

    def step(self, indices: Array, fine: bool = False) -> Iterator[RowTensors]:
        """Return the rows with these indices, (n,), in parts.

        The rows of one step are one part. They are padded as in an epoch, so that layers which draw
        random numbers draw the same, or to more sizes if ``fine`` is true.
        """
        most = max(self.full, self.part_rows)
        if self.n_models:  # the parts of the models are not divided
            most = max(1, len(indices))
        for begin in range(0, max(1, len(indices)), most):
            order = indices[None, begin : begin + most]
            plan = Batches(order, np.zeros(1), np.zeros(1, np.uint32))
            for block in self.blocks(plan, fine):
                yield self.tensors(block, 0)

    def all(self) -> Iterable[RowTensors]:
        """Return all rows in parts. L-BFGS requests them hundreds of times."""
        n = len(self.host.y)
        parts = (
            part
            for begin in range(0, max(1, n), self.part_rows)
            for part in self.step(
                np.tile(np.arange(begin, min(begin + self.part_rows, n)), max(1, self.n_models))
            )
        )
        if not can_be_kept(self.host):
            return parts
        self.kept = self.kept or list(parts)
        return self.kept


@lru_cache(maxsize=256)
def _in_order(n_run: int, n_steps: int) -> Tensor:
    return _order(n_run, np.arange(n_steps))


def _order(n_run: int, steps: Array) -> Tensor:
    return tf.constant([n_run, *steps], tf.int32)
