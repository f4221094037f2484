"""The step functions of the TensorFlow backend.

Rows stay on the host and are moved in blocks of many steps, padded to a few shapes; states stay on
the device. An epoch waits for the device once.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from scipy.sparse import issparse

from mlpkit.backend_kit import (
    BLOCK_ROWS,
    Device,
    has_rows,
    initial_optimizer_state,
    padded_size,
    rows_within,
    training_dataset,
    unpadded_rows,
    with_weight_decays,
)
from mlpkit.plugin import Array, Arrays, Batches, Network, Recipe, Spec, Steps, StepSums
from mlpkit_tensorflow import programs
from mlpkit_tensorflow.devices import check_dtype, fork_guard, on_device, selected_device, tensor
from mlpkit_tensorflow.structure import (
    Tensor,
    Tensors,
    TrainingState,
    joined_arrays,
    settings,
    structure_of,
)
from mlpkit_tensorflow.training_rows import TrainingRows


def backend(
    network: Network,
    spec: Spec,
    recipe: Recipe,
    *,
    jit_compile: bool = True,
    device: Device = "auto",
) -> Steps:
    """Return the step functions for the dense network or for an `apply` that uses TensorFlow.

    ``device`` is "auto" (the default device of TensorFlow), "cpu", "gpu" or the index of a GPU.
    ``jit_compile=False`` disables XLA, for an `apply` with operations that XLA does not support.
    """
    place = selected_device(device)
    f = StepFunctions(network, spec, recipe, jit_compile, place)
    return Steps(**{name: fork_guard(on_device(place, getattr(f, name))) for name in Steps._fields})


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(
        self,
        network: Network,
        spec: Spec,
        recipe: Recipe,
        jit_compile: bool,
        device: str | None,
    ) -> None:
        self.device = device
        self.solver, self.frozen = recipe.solver, network.frozen
        optimizer_state = self._initial_state(network.arrays)
        self.structure = structure_of(network, optimizer_state, spec, recipe, jit_compile, device)
        self.batch_size = recipe.batch_size
        self.settings = {d: settings(network, recipe, spec.dtype, d) for d in (False, True)}
        self.setting_tensors: dict[bool, Tensors] = {}
        n_outputs = max(1, network.n_members) * spec.n_outputs
        self.dtype, self.n_models = spec.dtype, network.n_models
        self.widest = max(*spec.layer_units, n_outputs) * max(1, network.n_models)

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> TrainingRows:
        """Return the rows of X (n, n_features), y (n, n_outputs), w (n,) and ids (n,)."""
        check_dtype(self.dtype, self.device)
        host = training_dataset(X, y, w, self.dtype)
        return TrainingRows(host, self.batch_size, self.structure.has_ids, self.n_models, ids)

    def start(self, arrays: Arrays) -> TrainingState:
        """Copy the weights and the optimizer state to the device."""
        weights = {name: arrays[name] for name, _, _ in self.structure.weights}
        initial = self._initial_state(weights)
        optimizer_state = {key: arrays.get(key, a) for key, a in initial.items()}
        state = self.structure.joined(TrainingState(weights, optimizer_state), np)
        return TrainingState(_to_tensors(state.weights), _to_tensors(state.optimizer_state))

    def arrays(self, state: TrainingState) -> Arrays:
        """Return the weights as NumPy arrays."""
        return self.structure.weight_layout.to_numpy(joined_arrays(state.weights))

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Return the optimizer state as NumPy arrays."""
        return self.structure.optimizer_layout.to_numpy(joined_arrays(state.optimizer_state))

    def gradient(
        self,
        state: TrainingState,
        rows: TrainingRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        alpha, sums = self._setting_tensors(False)["alpha"], []
        if not has_rows(len(rows.host.y), indices):
            return self._without_rows(state, alpha)
        flat: Any = None
        has_factor = rows.has_ids and dropout_factor != 1
        fine = self.structure.apply is None  # an `apply` may draw numbers for each row
        parts = rows.all() if indices is None else rows.step(indices, fine)
        for i, part in enumerate(parts):
            program = programs.gradient(self.structure, len(part[2]), has_factor)
            if has_factor:
                part = (*part, tf.constant(dropout_factor, self.dtype))
            # dropout depends on rows; other networks may draw for each part
            part_seed = tf.constant(seed if rows.has_ids else seed + i, tf.int64)
            gradients, part_sums = program(state.weights, part, part_seed, alpha)
            flat = gradients if flat is None else flat + gradients
            sums.append(part_sums)
        by_part = np.array([s.numpy() for s in sums], float)
        weights = by_part[:, 2:].sum(axis=0)
        if not weights.any():  # what a network computes for these may not be a number
            return self._without_rows(state, alpha)
        weight: Any = weights if self.n_models else float(weights[0])
        step_sums = StepSums(float(by_part[:, 0].sum()), weight, float(by_part[0, 1]))
        return step_sums, self.structure.divided(np.array(flat.numpy()))

    def _without_rows(self, state: TrainingState, alpha: Tensor) -> tuple[StepSums, Arrays]:
        """Return the sums and gradients of no rows, or of rows of weight 0."""
        penalty = programs.penalty(self.structure)(state.weights, alpha)
        weight = np.zeros(self.n_models) if self.n_models else 0.0
        zeros = np.zeros(self.structure.n_gradients, self.dtype)
        return StepSums(0.0, weight, float(penalty)), self.structure.divided(zeros)

    def update(
        self,
        state: TrainingState,
        gradients: Arrays,
        weight: Any,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        """Make one solver step with sums of gradients."""
        if not np.sum(weight) > 0:
            return state
        decay = self.solver.weight_decay if weight_decay is None else weight_decay
        numbers = [learning_rate, *np.ravel(weight), *([decay] if decay > 0 else [])]
        flat = np.concatenate([gradients[name].ravel() for name, *_ in self.structure.weights])
        return programs.update(self.structure, decay > 0)(
            state,
            tf.constant(flat, self.dtype),
            tf.constant(numbers, self.dtype),
            self._setting_tensors(decay > 0),
        )

    def epoch(
        self, state: TrainingState, rows: TrainingRows, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        batches, sums = with_weight_decays(batches, self.solver), []
        decays = batches.weight_decays is not None
        settings = self._setting_tensors(decays)
        outputs: list[Tensor] = []
        for block in rows.epoch(batches):
            has_factors = batches.dropout_factors is not None
            program = programs.epoch(
                self.structure, *block.w.shape, batches.with_predictions, decays, has_factors
            )
            rates = {"learning_rates": tensor(block.learning_rates)}
            if block.weight_decays is not None:
                rates["weight_decays"] = tensor(block.weight_decays)
            seeds = tensor(block.seeds.astype(np.int64))
            arguments = rows.tensors(block), rates, seeds, rows.order(block), settings
            del block  # it may be large, and the tensors may be copies
            state, block_sums, p = program(state, *arguments)
            del arguments
            sums.append(block_sums)
            outputs.append(p)
        n_steps, batch_size = batches.order.shape
        step_sums = np.concatenate([s.numpy() for s in sums], axis=1, dtype=float)[:, :n_steps]
        predictions = None
        if batches.with_predictions:
            padded = np.concatenate([p.numpy() for p in outputs])[:n_steps]
            predictions = unpadded_rows(padded, batch_size, self.n_models)
        loss, weight, penalty = step_sums
        return state, StepSums(loss, weight, penalty, predictions)

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        axis, n, parts = X.ndim - 2, X.shape[-2], []
        most = rows_within(self.widest, np.dtype(self.dtype).itemsize, BLOCK_ROWS)
        for begin in range(0, max(1, n), most):
            part = X[:, begin : begin + most] if axis else X[begin : begin + most]
            part = part.toarray() if issparse(part) else part
            parts.append(self._outputs_of_part(state, np.asarray(part, self.dtype), most))
        z: Array = (tf.concat(parts, axis) if len(parts) > 1 else parts[0]).numpy()
        return z

    def _outputs_of_part(self, state: TrainingState, part: Array, most: int) -> Tensor:
        """Return the outputs of x (n, n_features) or (n_models, n, n_features)."""
        if self.structure.xp_apply is None:
            return programs.outputs(self.structure, None)(state.weights, tf.constant(part))
        *models, n, width = part.shape
        x = np.zeros((*models, padded_size(n, most), width), part.dtype)
        x[..., :n, :] = part
        z = programs.outputs(self.structure, *x.shape[:-1])(state.weights, tf.constant(x))
        return z[:, :n] if models else z[:n]

    def _initial_state(self, weights: Arrays) -> Arrays:
        trained = {name: a for name, a in weights.items() if name not in self.frozen}
        return initial_optimizer_state(self.solver, trained)

    def _setting_tensors(self, decays: bool) -> Tensors:
        if decays not in self.setting_tensors:
            self.setting_tensors[decays] = _to_tensors(self.settings[decays])
        return self.setting_tensors[decays]


def _to_tensors(arrays: Arrays) -> Tensors:
    return {name: tf.constant(a) for name, a in arrays.items()}
