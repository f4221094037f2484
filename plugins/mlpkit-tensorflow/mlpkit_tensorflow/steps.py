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
from mlpkit_tensorflow.network import State, structure_of
from mlpkit_tensorflow.process import hint_at_float32, unforked


@dataclass(frozen=True)
class Rows:
    """Training data on the host; all of it in tensors, once all of it is asked for at once."""

    host: HostRows

    @cached_property
    def whole(self) -> list[programs.Rows]:
        """Every row, in blocks: kept, since L-BFGS asks hundreds of times."""
        return list(_padded(self.host, np.arange(len(self.host.y)), BLOCK_ROWS))


def _padded(rows: HostRows, indices: Array, full: int) -> Iterator[programs.Rows]:
    """The rows of the indices, ``full`` at a time, the last ones padded to a bucket."""
    for begin in range(0, max(1, len(indices)), full):
        order = indices[None, begin : begin + full]
        for block in blocks(rows, Batches(order, np.zeros(1), np.zeros(1, np.uint32)), full):
            yield tf.constant(block.X[0]), tf.constant(block.y[0]), tf.constant(block.w[0])


def backend(network: Network, spec: Spec, recipe: Recipe, *, jit_compile: bool = True) -> Steps:
    """Steps for the dense chain, or for an ``apply`` that is written in TensorFlow.

    ``jit_compile=False`` leaves XLA out, for an ``apply`` with operations that it lacks.
    """
    it = _Backend(network, spec, recipe, jit_compile)
    functions = (
        it.put,
        it.start,
        it.arrays,
        it.slots,
        it.gradient,
        it.update,
        it.epoch,
        it.outputs,
    )
    return Steps(*map(unforked, functions))


class _Backend:
    """What the functions of `Steps` share; each does what `Steps` says."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe, jit_compile: bool) -> None:
        self.structure = structure_of(network, spec, recipe, jit_compile)
        self.slot_names = recipe.solver.slots
        self.batch_size = recipe.batch_size
        self.alpha = recipe.alpha
        self.dtype = spec.dtype

    def scalar(self, value: float) -> Any:
        return tf.constant(value, self.dtype)

    def put(self, X: Any, y: Array, w: Array | None) -> Rows:
        if self.dtype == "float64":
            hint_at_float32()
        return Rows(host_rows(X, y, w, self.dtype))

    def start(self, arrays: Arrays) -> State:
        weights = {name: tf.constant(arrays[name]) for name, _, _ in self.structure.shapes}

        def slot(slot: str, name: str) -> Any:
            key = slot_name(slot, name)
            return tf.constant(arrays[key]) if key in arrays else tf.zeros_like(weights[name])

        trained = weights.keys() - self.structure.frozen
        return State(
            weights, {name: tuple(slot(s, name) for s in self.slot_names) for name in trained}
        )

    def arrays(self, state: State) -> Arrays:
        return {name: np.asarray(p.numpy()) for name, p in state.weights.items()}

    def slots(self, state: State) -> Arrays:
        return {
            slot_name(slot, name): np.asarray(value.numpy())
            for name, values in state.slots.items()
            for slot, value in zip(self.slot_names, values, strict=True)
        }

    def gradient(
        self, state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[Sums, Arrays]:
        if indices is None:
            parts = iter(rows.whole)
        else:  # as `epoch` pads it, if it is a step of an epoch
            full = self.batch_size if len(indices) <= self.batch_size else BLOCK_ROWS
            parts = _padded(rows.host, indices, full)
        alpha, sums, total = self.scalar(self.alpha), [], None
        for i, part in enumerate(parts):
            program = programs.gradient(self.structure, len(part[2]))
            found, gradients = program(
                state.weights, part, tf.constant(seed + i, tf.int64), alpha
            )
            sums.append(found)
            total = tf.nest.map_structure(tf.add, total, gradients) if total else gradients
        loss, weight, penalty = tf.stack(sums, axis=1).numpy()
        return (
            Sums(float(loss.sum()), float(weight.sum()), float(penalty[0])),
            {name: np.asarray(g.numpy()) for name, g in (total or {}).items()},
        )

    def update(self, state: State, gradients: Arrays, weight: float, rate: float) -> State:
        return programs.update(self.structure)(
            state,
            {name: tf.constant(gradients[name], self.dtype) for name in state.weights},
            *map(self.scalar, (weight, rate, self.alpha)),
        )

    def epoch(self, state: State, rows: Rows, batches: Batches) -> tuple[State, Sums]:
        alpha, sums = self.scalar(self.alpha), []
        for block in blocks(rows.host, batches, self.batch_size):
            state, found = programs.epoch(self.structure, *block.w.shape)(
                state,
                (tf.constant(block.X), tf.constant(block.y), tf.constant(block.w)),
                tf.constant(block.rates),
                tf.constant(block.seeds, tf.int64),
                tf.constant(block.steps, tf.int32),
                alpha,
            )
            sums.append(found)
        found = tf.concat(sums, axis=1).numpy()[:, : len(batches.order)]
        return state, Sums(*found.astype(np.float64))

    def outputs(self, state: State, X: Any) -> Array:
        X = X.tocsr() if issparse(X) else np.asarray(X)
        program, parts = programs.outputs(self.structure), []
        for begin in range(0, max(1, X.shape[0]), BLOCK_ROWS):
            part = X[begin : begin + BLOCK_ROWS]
            part = part.toarray() if issparse(part) else part
            parts.append(program(state.weights, tf.constant(part, self.dtype)))
        found: Array = tf.concat(parts, axis=0).numpy()
        return found
