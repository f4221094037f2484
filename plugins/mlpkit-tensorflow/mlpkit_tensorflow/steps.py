"""The backend: `mlpkit.plugin.Steps` over compiled TensorFlow.

Rows stay on the host and travel in blocks of many steps, padded to a few shapes (see
`mlpkit.blocks`); states stay on the device. An epoch waits for the device once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.sparse import issparse

from mlpkit.blocks import BLOCK_ROWS, HostRows, blocks, host_rows
from mlpkit.plugin import Array, Arrays, Batches, Network, Recipe, Spec, Steps, Sums, slot_name
from mlpkit_tensorflow import programs
from mlpkit_tensorflow.network import State, Structure, Tensor, Tensors, structure_of
from mlpkit_tensorflow.process import hint_at_float32, unforked


@dataclass(frozen=True)
class Rows:
    """Training data, and all of it as tensors once somebody asks for all of it at once."""

    host: HostRows

    @cached_property
    def whole(self) -> list[programs.Rows]:
        """Every row, in blocks."""
        n = len(self.host.y)
        return list(_in_blocks(self.host, np.arange(n), BLOCK_ROWS))


def _in_blocks(rows: HostRows, indices: Array, full: int) -> Iterator[programs.Rows]:
    """The rows of the indices as tensors, ``full`` of them or a bucket at a time."""
    for begin in range(0, len(indices), full):
        part = indices[None, begin : begin + full]
        for block in blocks(rows, Batches(part, np.zeros(1), np.zeros(1, np.uint32)), full):
            yield tf.constant(block.X[0]), tf.constant(block.y[0]), tf.constant(block.w[0])


def backend(
    network: Network, spec: Spec, recipe: Recipe, *, jit_compile: bool = True
) -> Steps:
    """Steps for the dense chain, or for a network whose ``apply`` is written in TensorFlow.

    ``jit_compile=False`` leaves XLA out, for an ``apply`` with operations that it lacks.
    """
    return _Steps(structure_of(network, spec, recipe, jit_compile), spec, recipe).functions()
