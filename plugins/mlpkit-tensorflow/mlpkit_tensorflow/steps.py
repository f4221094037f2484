"""The backend: `mlpkit.plugin.Steps` over compiled TensorFlow.

Rows stay on the host and travel in blocks of many steps, padded to a few shapes (see
`mlpkit.backend_kit.blocks`); states stay on the device. An epoch waits for the device once.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.sparse import issparse

from mlpkit.backend_kit import BLOCK_ROWS, Block, Device, HostRows, blocks, host_rows, rows_within
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    Recipe,
    Spec,
    Steps,
    StepSums,
    optimizer_state_name,
)
from mlpkit_tensorflow import programs
from mlpkit_tensorflow.process import chosen, hint_at_float32, on_device, unforked
from mlpkit_tensorflow.structure import State, Tensor, Tensors, structure_of


def backend(
    network: Network,
    spec: Spec,
    recipe: Recipe,
    *,
    jit_compile: bool = True,
    device: Device = "auto",
) -> Steps:
    """Steps for the dense chain, or for an ``apply`` that is written in TensorFlow.

    ``device`` is "auto" (the default device of TensorFlow), "cpu", "gpu" or the index of a GPU.
    ``jit_compile=False`` leaves XLA out, for an ``apply`` with operations that it lacks.
    """
    name = chosen(device)
    it = _Backend(network, spec, recipe, jit_compile, name)
    return Steps(**{each: unforked(on_device(name, getattr(it, each))) for each in Steps._fields})


class Rows:
    """Training data on the host; all of it in tensors, once all of it is asked for at once and
    it is not too large.
    """

    def __init__(self, host: HostRows, full: int, drops: bool) -> None:
        self.host, self.full, self.drops = host, full, drops
        self.part = rows_within(host.width(), host.y.itemsize, BLOCK_ROWS)
        self.kept: list[programs.Rows] = []

    def taken(self, indices: Array) -> Iterator[programs.Rows]:
        """The rows of the indices; a step's are padded as those of an epoch's step, so that
        dropout draws the same, and more come part by part.
        """
        most = max(self.full, self.part)
        for begin in range(0, max(1, len(indices)), most):
            order = indices[None, begin : begin + most]
            step = Batches(order, np.zeros(1), np.zeros(1, np.uint32))
            for block in blocks(self.host, step, self.full):
                yield self.tensors(block, 0)

    def tensors(self, block: Block, part: Any = ...) -> programs.Rows:
        """The rows of a block, or of one of its steps."""
        X, y, w = (tf.constant(a[part]) for a in (block.X, block.y, block.w))
        if not self.drops:
            return X, y, w
        assert block.indices is not None
        return X, y, w, tf.constant(block.indices[part], tf.int64)

    def whole(self) -> Iterable[programs.Rows]:
        """Every row; kept where memory allows it, since L-BFGS asks hundreds of times."""
        n = len(self.host.y)
        parts = (
            part
            for begin in range(0, max(1, n), self.part)
            for part in self.taken(np.arange(begin, min(begin + self.part, n)))
        )
        if not self.host.may_be_kept():
            return parts
        self.kept = self.kept or list(parts)
        return self.kept


def _to_tensors(arrays: Arrays) -> Tensors:
    return {name: tf.constant(a) for name, a in arrays.items()}


def _to_arrays(tensors: Tensors) -> Arrays:
    return {name: np.asarray(t.numpy()) for name, t in tensors.items()}


class _Backend:
    """The functions of `Steps`, under their names; `Steps` says what they do."""

    def __init__(
        self,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        jit_compile: bool,
        device: str | None,
    ) -> None:
        self.device = device
        self.solver = recipe.solver
        self.frozen = network.frozen
        optimizer_state = self._first_slots(network.arrays)
        self.structure = structure_of(network, optimizer_state, spec, recipe, jit_compile, device)
        self.batch_size = recipe.batch_size
        self.alpha = recipe.alpha
        self.dtype, self.widest = spec.dtype, max(spec.layer_units)

    def _scalar(self, value: float) -> Tensor:
        return tf.constant(value, self.dtype)

    def put(self, X: Any, y: Array, w: Array | None) -> Rows:
        if self.dtype == "float64" and self.device != "/CPU:0":
            hint_at_float32()
        host = host_rows(X, y, w, self.dtype)
        return Rows(host, self.batch_size, bool(self.structure.dropouts))

    def _first_slots(self, arrays: Arrays) -> Arrays:
        """The solver's slots before the first step."""
        trained = {name: a for name, a in arrays.items() if name not in self.frozen}
        if self.solver.joint is not None:
            return self.solver.joint.start(trained)
        return {
            optimizer_state_name(slot, name): np.zeros_like(a)
            for slot in self.solver.optimizer_state
            for name, a in trained.items()
        }

    def start(self, arrays: Arrays) -> State:
        weights = {name: arrays[name] for name, _, _ in self.structure.weights}
        optimizer_state = {key: arrays.get(key, a) for key, a in self._first_slots(weights).items()}
        return State(_to_tensors(weights), _to_tensors(optimizer_state))

    def arrays(self, state: State) -> Arrays:
        return _to_arrays(state.weights)

    def optimizer_state(self, state: State) -> Arrays:
        return _to_arrays(state.optimizer_state)

    def gradient(
        self, state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        parts = rows.whole() if indices is None else rows.taken(indices)
        alpha, sums = self._scalar(self.alpha), []
        total: Tensors = {}
        for i, part in enumerate(parts):
            program = programs.gradient(self.structure, len(part[2]))
            # dropout draws by row, other networks part by part
            seeded = tf.constant(seed if rows.drops else seed + i, tf.int64)
            found, gradients, _ = program(state.weights, part, seeded, alpha)
            total = {name: total[name] + g if i else g for name, g in gradients.items()}
            sums.append(found)
        loss, weight, penalty = tf.stack(sums, axis=1).numpy().astype(np.float64)
        return (
            StepSums(float(loss.sum()), float(weight.sum()), float(penalty[0])),
            _to_arrays(total),
        )

    def update(self, state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        if not weight > 0:
            return state
        return programs.update(self.structure)(
            state,
            {name: tf.constant(gradients[name], self.dtype) for name in state.weights},
            *map(self._scalar, (weight, learning_rate, self.alpha)),
        )

    def epoch(self, state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        alpha, sums = self._scalar(self.alpha), []
        seen: list[Tensor] = []
        for block in blocks(rows.host, batches, self.batch_size):
            empty = block.w.sum(axis=1) <= 0  # these steps are not run
            program = programs.epoch(self.structure, *block.w.shape, batches.with_predictions)
            given = (
                rows.tensors(block),
                tf.constant(block.learning_rates),
                tf.constant(block.seeds, tf.int64),
                tf.constant(empty.argsort(kind="stable"), tf.int32),
                tf.constant(np.count_nonzero(~empty), tf.int32),
                alpha,
            )
            del block  # it may be large, and was copied
            state, found, p = program(state, *given)
            del given
            sums.append(found)
            seen.append(p)
        found = tf.concat(sums, axis=1).numpy()[:, : len(batches.order)]
        steps, width = batches.order.shape
        predictions = None
        if batches.with_predictions:
            predictions = np.concatenate([p.numpy() for p in seen])[:steps, :width]
        loss, weight, penalty = found.astype(np.float64)
        return state, StepSums(loss, weight, penalty, predictions)

    def outputs(self, state: State, X: Any) -> Array:
        X = X.tocsr() if issparse(X) else np.asarray(X)
        program, found = programs.outputs(self.structure), []
        most = rows_within(self.widest, np.dtype(self.dtype).itemsize, BLOCK_ROWS)
        for begin in range(0, max(1, X.shape[0]), most):
            part = X[begin : begin + most]
            part = part.toarray() if issparse(part) else part
            found.append(program(state.weights, tf.constant(part, self.dtype)))
        z: Array = (tf.concat(found, axis=0) if len(found) > 1 else found[0]).numpy()
        return z
