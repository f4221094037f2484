"""The step functions of the NumPy backend.

All weights are in one array, and so are the gradients and each array of the optimizer state;
layers are views of them. An epoch copies the state once and then works in place.
"""

from functools import partial
from typing import Any

import numpy as np

from mlpkit.backend_kit import (
    WeightLayout,
    check_deltas,
    check_row_losses,
    initial_optimizer_state,
    training_dataset,
    with_weight_decays,
)
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.backpropagation import Backpropagation
from mlpkit.numpy_backend.chunks import chunks
from mlpkit.numpy_backend.solver_step import SolverStep, TrainingState
from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Dataset,
    Network,
    PluginError,
    Recipe,
    Spec,
    Steps,
    StepSums,
    optimizer_state_name,
)
from mlpkit.plugin.capabilities import unsupported


def backend(network: Network, spec: Spec, recipe: Recipe) -> Steps:
    """Return the step functions for the dense network.

    Raises PluginError for what the backend does not declare to support.
    """
    if network.xp_apply is not None:
        raise PluginError(unsupported("backend='numpy'", "portable_networks", "the builder"))
    if network.apply is not None:
        raise PluginError(unsupported("backend='numpy'", "custom_networks", "the builder"))
    if spec.loss.delta is None:
        loss_name = f"loss {spec.loss.name!r}"
        raise PluginError(unsupported("backend='numpy'", "losses_without_delta", loss_name))
    f = StepFunctions(network, spec, recipe)
    return Steps(
        f.put, f.start, f.arrays, f.optimizer_state, f.gradient, f.update, f.epoch, f.outputs
    )


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe) -> None:
        self.spec, self.loss, self.solver = spec, spec.loss, recipe.solver
        self.layout = WeightLayout(network)
        self.solver_step = SolverStep(self.layout, recipe)
        self.has_dropout = any(spec.dropouts)

    def put(self, X: Any, y: Array, w: Array | None) -> Dataset:
        """Return the rows of X (n, n_features), y (n, n_outputs) and w (n,)."""
        return training_dataset(X, y, w, self.spec.dtype)

    def start(self, arrays: Arrays) -> TrainingState:
        """Copy the weights and the optimizer state."""
        layout, solver = self.layout, self.solver
        weights = layout.filled(arrays)
        if solver.joint is not None:
            initial = initial_optimizer_state(
                solver, {name: arrays[name] for name in layout.shapes}
            )
            return TrainingState(
                weights, {key: np.array(arrays.get(key, a)) for key, a in initial.items()}
            )
        optimizer_state = [
            layout.filled(arrays, partial(optimizer_state_name, name))
            for name in solver.optimizer_state
        ]
        shape = (len(optimizer_state), layout.size)
        return TrainingState(weights, np.array(optimizer_state).reshape(shape))

    def arrays(self, state: TrainingState) -> Arrays:
        """Return copies of the weights."""
        return {name: view.copy() for name, view in self.layout.views(state.weights).items()}

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Return copies of the optimizer state."""
        if self.solver.joint is not None:
            return {key: np.array(a) for key, a in state.optimizer_state.items()}
        return {
            optimizer_state_name(name, weight): view.copy()
            for name, flat in zip(self.solver.optimizer_state, state.optimizer_state, strict=True)
            for weight, view in self.layout.views(flat).items()
        }

    def gradient(
        self, state: TrainingState, rows: Dataset, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        indices = None if indices is None else indices[indices >= 0]
        step_rows = rows if indices is None else rows.take(indices)
        gradients = self.layout.views(np.zeros(self.layout.size, self.layout.dtype))
        n, p = len(step_rows.y), np.empty_like(step_rows.y)
        value = 0.0
        with OneThread():
            if n:
                passes, weights = Backpropagation(self.spec, n), self.layout.views(state.weights)
                row_seed = None
                if self.has_dropout:
                    row_seed = np.arange(n) if indices is None else indices, seed
                passes.forward(weights, step_rows.X, p, row_seed)
                self._backward(passes, weights, gradients, step_rows, p, 1.0)
                value = float(self._weighted_losses(step_rows, p).sum())
            penalty = self.solver_step.penalty(state.weights)
            sums = StepSums(value, _summed_weight(step_rows), penalty)
        return sums, gradients

    def update(
        self,
        state: TrainingState,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        """Make one solver step with sums of gradients."""
        state = state.copy()
        decay = self.solver.weight_decay if weight_decay is None else weight_decay
        if weight > 0:
            with OneThread():
                mean = self.layout.filled(gradients) / weight
                self.solver_step(state, mean, weight, learning_rate, decay)
        return state

    def epoch(
        self, state: TrainingState, rows: Dataset, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        state, spec = state.copy(), self.spec
        weights = self.layout.views(state.weights)
        mean = np.empty(self.layout.size, self.layout.dtype)
        gradients = self.layout.views(mean)
        n_steps, batch_size = batches.order.shape
        passes, sums = Backpropagation(spec, batch_size), np.zeros((3, n_steps))
        learning_rates = batches.learning_rates.tolist()
        strengths = with_weight_decays(batches, self.solver).weight_decays
        decays = [0.0] * n_steps if strengths is None else strengths.tolist()
        factors = np.ones(n_steps) if batches.dropout_factors is None else batches.dropout_factors
        row_seed = predictions = None
        if batches.with_predictions:
            predictions = np.zeros((n_steps, batch_size, spec.n_outputs), spec.dtype)
        with OneThread():
            for chunk, steps in chunks(rows, batches.order):
                p = np.empty_like(chunk.y)
                for i, place in steps:
                    step_rows = chunk.slice(place)
                    if self.has_dropout:
                        order = batches.order[i]
                        row_seed = order[order >= 0], int(batches.seeds[i])
                    passes.forward(weights, step_rows.X, p[place], row_seed, float(factors[i]))
                    sums[1, i] = weight = _summed_weight(step_rows)
                    if weight > 0:
                        self._backward(passes, weights, gradients, step_rows, p[place], weight)
                        sums[2, i] = self.solver_step(
                            state, mean, weight, learning_rates[i], decays[i]
                        )
                    if predictions is not None:
                        predictions[i, batches.order[i] >= 0] = p[place]
                losses = self._weighted_losses(chunk, p)
                for i, place in steps:
                    sums[0, i] = losses[place].sum()
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        weights = self.layout.views(state.weights)
        return dense.predict(X, *dense.layers(weights), self.spec.activations, "identity")

    def _backward(
        self,
        passes: Backpropagation,
        weights: Arrays,
        gradients: Arrays,
        rows: Dataset,
        p: Array,
        divisor: float,
    ) -> None:
        """Write the gradients, summed over rows and divided, from the activated outputs p."""
        assert self.loss.delta is not None
        delta = check_deltas(self.loss.delta(xp, rows.y, p), p)
        w = rows.sample_weight
        delta *= 1 / divisor if w is None else w[:, None] / divisor
        passes.backward(weights, gradients, rows.X, delta)

    def _weighted_losses(self, rows: Dataset, p: Array) -> Array:
        losses: Array = check_row_losses(self.loss.rows(xp, rows.y, p), rows.y)
        w = rows.sample_weight
        # the loss of a row of weight 0 may be infinite
        return losses if w is None else np.where(w > 0, losses, 0) * w


def _summed_weight(rows: Dataset) -> float:
    w = rows.sample_weight
    return float(len(rows.y) if w is None else w.sum())
