"""The step functions of the NumPy backend.

All weights are in one array, and so are the gradients and each array of the optimizer state;
layers are views of them. An epoch copies the state once and then works in place.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import (
    OneThread,
    WeightLayout,
    check_row_losses,
    initial_optimizer_state,
    needs_ids,
    row_ids,
    training_dataset,
    with_weight_decays,
)
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.chunks import chunks
from mlpkit.numpy_backend.hidden_layer import RowSeed
from mlpkit.numpy_backend.solver_step import SolverStep, StepSize, TrainingState
from mlpkit.numpy_backend.training_step import KeptStep
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


class TrainingRows(NamedTuple):
    """The training data, and the ids of the rows (n,) if dropout depends on them."""

    data: Dataset
    ids: Array | None


class StepFunctions:
    """The functions of `Steps`, with the constants that they share."""

    def __init__(self, network: Network, spec: Spec, recipe: Recipe) -> None:
        self.spec, self.loss, self.solver = spec, spec.loss, recipe.solver
        self.layout = WeightLayout(network)
        self.solver_step = SolverStep(self.layout, recipe)
        self.kept_step = KeptStep(spec, self.solver_step)
        self.has_dropout = needs_ids(network, spec)

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> TrainingRows:
        """Return the rows of X (n, n_features), y (n, n_outputs), w (n,) and ids (n,)."""
        data = training_dataset(X, y, w, self.spec.dtype)
        return TrainingRows(data, ids if self.has_dropout else None)

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
        self,
        state: TrainingState,
        rows: TrainingRows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return sums and gradients over the indices (batch_size,), or over all rows."""
        indices = None if indices is None else indices[indices >= 0]
        step_rows = rows.data if indices is None else rows.data.take(indices)
        gradients = self.layout.views(np.zeros(self.layout.size, self.layout.dtype))
        n, p = len(step_rows.y), np.empty_like(step_rows.y)
        value = 0.0
        with OneThread():
            if n:
                step = self.kept_step.take(state, n, changes_state=False)
                row_seed = None
                if self.has_dropout:
                    places = np.arange(n) if indices is None else indices
                    row_seed = row_ids(places, rows.ids), seed, dropout_factor
                step.write_gradients(step_rows, p, 1.0, row_seed)
                mean = step.mean.copy() if self.kept_step.give(step) else step.mean
                gradients = self.layout.views(mean)
                value = float(self._weighted_losses(step_rows, p).sum(dtype=np.float64))
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
                size = StepSize(learning_rate, decay, self.solver_step.alpha / weight)
                self.solver_step.update_all(state, mean, size)
        return state

    def epoch(
        self, state: TrainingState, rows: TrainingRows, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Run all steps, and return the sums of each, (n_steps,)."""
        alpha = self.solver_step.alpha
        n_steps, batch_size = batches.order.shape
        sums = np.zeros((3, n_steps))
        learning_rates = batches.learning_rates.tolist()
        strengths = with_weight_decays(batches, self.solver).weight_decays
        decays = [0.0] * n_steps if strengths is None else strengths.tolist()
        row_seed = predictions = None
        if batches.with_predictions:
            predictions = np.zeros((n_steps, batch_size, self.spec.n_outputs), self.spec.dtype)
        step = self.kept_step.take(state, batch_size, changes_state=True)
        with step.one_thread:
            for chunk, indices, places in chunks(rows.data, batches.order):
                p, (X, y, w) = np.empty_like(chunk.y), chunk[:3]
                weights = _summed_weights(chunk, places)
                for i, s, weight in zip(indices, places, weights, strict=True):
                    step_rows = Dataset(X[s], y[s], None if w is None else w[s])
                    if self.has_dropout:
                        row_seed = _row_seed(rows, batches, i)
                    if weight > 0:
                        size = StepSize(learning_rates[i], decays[i], alpha / weight)
                        sums[2, i] = step(step_rows, p[s], weight, row_seed, size)
                    else:
                        step.write_outputs(step_rows, p[s], 0.0, row_seed)
                    if predictions is not None:
                        predictions[i, batches.order[i] >= 0] = p[s]
                place = _place_of(indices)
                sums[0, place] = _step_sums(self._weighted_losses(chunk, p), places)
                sums[1, place] = weights
        state = step.state.copy() if self.kept_step.give(step) else step.state
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Return the outputs before activation, (n, n_outputs), of dense or sparse X."""
        weights = self.layout.views(state.weights)
        return dense.predict(X, *dense.layers(weights), self.spec.activations, "identity")

    def _weighted_losses(self, rows: Dataset, p: Array) -> Array:
        losses: Array = check_row_losses(self.loss.rows(xp, rows.y, p), rows.y)
        w = rows.sample_weight
        # the loss of a row of weight 0 may be infinite
        return losses if w is None else np.where(w > 0, losses, 0) * w


def _row_seed(rows: TrainingRows, batches: Batches, i: int) -> RowSeed:
    """Return what dropout depends on in a step of an epoch."""
    order, factors = batches.order[i], batches.dropout_factors
    factor = 1.0 if factors is None else float(factors[i])
    return row_ids(order[order >= 0], rows.ids), int(batches.seeds[i]), factor


def _place_of(indices: list[int]) -> slice | list[int]:
    """Return an index for ascending indices, a slice if it can be: NumPy is faster with it."""
    begin, end = indices[0], indices[-1] + 1
    return slice(begin, end) if end - begin == len(indices) else indices


def _summed_weight(rows: Dataset) -> float:
    w = rows.sample_weight
    return float(len(rows.y) if w is None else w.sum(dtype=np.float64))


def _summed_weights(rows: Dataset, places: list[slice]) -> list[float]:
    """Return the summed weight of each step of a chunk."""
    if rows.sample_weight is None:
        return [float(s.stop - s.start) for s in places]
    sums: list[float] = _step_sums(rows.sample_weight, places).tolist()
    return sums


def _step_sums(values: Array, places: list[slice]) -> Array:
    """Return the sum of the values (n,) of each step of a chunk."""
    sums: Array = np.add.reduceat(values, [s.start for s in places], dtype=np.float64)
    return sums
