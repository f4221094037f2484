"""The step functions of the NumPy backend.

All weights are in one array, and so are the gradients and each array of the optimizer state;
layers are views of them. An epoch copies the state once and then works in place.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import (
    WeightLayout,
    check_deltas,
    check_joint_update,
    check_row_losses,
    check_update,
    clipped,
    initial_optimizer_state,
    training_dataset,
    with_weight_decays,
)
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.backpropagation import Backpropagation
from mlpkit.numpy_backend.chunks import chunks
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

UPDATE_BYTES = 1 << 17  # of each array in a solver update: its temporaries stay in the cache


class TrainingState(NamedTuple):
    """The weights (n_weights,) and the optimizer state: of an elementwise solver one array
    (n_arrays, n_weights), of a joint solver a dict.
    """

    weights: Array
    optimizer_state: Any

    def copy(self) -> "TrainingState":
        """Return a state that can be changed in place."""
        return TrainingState(self.weights.copy(), self.optimizer_state.copy())


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
    layout = WeightLayout(network)
    n_decayed = layout.n_decayed
    max_size = UPDATE_BYTES // layout.dtype.itemsize
    segments = {decays: layout.segments(decays, max_size) for decays in (False, True)}
    has_rate_factors = any(s.learning_rate_factor != 1 for s in segments[False])
    loss, solver, alpha = spec.loss, recipe.solver, recipe.alpha
    has_dropout = any(spec.dropouts)

    def put(X: Any, y: Array, w: Array | None) -> Dataset:
        return training_dataset(X, y, w, spec.dtype)

    def start(arrays: Arrays) -> TrainingState:
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

    def arrays(state: TrainingState) -> Arrays:
        return {name: view.copy() for name, view in layout.views(state.weights).items()}

    def optimizer_state(state: TrainingState) -> Arrays:
        if solver.joint is not None:
            return {key: np.array(a) for key, a in state.optimizer_state.items()}
        return {
            optimizer_state_name(name, weight): view.copy()
            for name, flat in zip(solver.optimizer_state, state.optimizer_state, strict=True)
            for weight, view in layout.views(flat).items()
        }

    def penalty(weights: Array) -> float:
        decayed = weights[:n_decayed]
        return 0.5 * alpha * float(decayed @ decayed)

    def advance(
        state: TrainingState, mean: Array, weight: float, learning_rate: float, decay: float
    ) -> float:
        """Make one solver step in place, with the mean gradient of rows of this summed weight.

        Return the L2 penalty of the weights before the step.
        """
        if solver.joint is not None:
            return advance_jointly(state, mean, weight, learning_rate, decay)
        assert solver.update is not None
        strength, squares = alpha / weight, 0.0
        if recipe.max_gradient_norm is not None:
            add_penalty_and_clip(state.weights, mean, weight)
            strength = 0.0
        for block, rate_factor, decay_factor in segments[decay > 0]:
            old = (state.weights[block], *state.optimizer_state[:, block])
            g, decayed = mean[block], old[0][: max(0, n_decayed - block.start)]
            squares += float(decayed @ decayed)
            if strength:
                g[: len(decayed)] += strength * decayed
            rate = learning_rate * rate_factor
            decrease = rate * decay * decay_factor * old[0] if decay_factor else None
            returned = solver.update(xp, old[0], g, old[1:], rate, solver.options)
            p, new_state = check_update(returned, old[0], old[1:])
            new = [
                array if array is own else _apart(array, old)
                for own, array in zip(old, (p, *new_state), strict=True)
            ]
            for own, array in zip(old, new, strict=True):
                if array is not own:  # the solver did not work in place
                    own[...] = array
            if decrease is not None:
                old[0][...] -= decrease
        return 0.5 * alpha * squares

    def add_penalty_and_clip(weights: Array, mean: Array, weight: float) -> None:
        """Add the gradient of the L2 penalty to the mean gradient, in place, and limit its norm."""
        mean[:n_decayed] += alpha / weight * weights[:n_decayed]
        if recipe.max_gradient_norm is not None:
            views = layout.views(mean)
            for name, g in clipped(np, views, recipe.max_gradient_norm).items():
                views[name][...] = g

    def advance_jointly(
        state: TrainingState, mean: Array, weight: float, learning_rate: float, decay: float
    ) -> float:
        """Do the same for a solver that updates all weights at once."""
        assert solver.joint is not None
        penalty_before = penalty(state.weights)
        before = state.weights.copy() if has_rate_factors or decay > 0 else state.weights
        add_penalty_and_clip(state.weights, mean, weight)
        views, old_state = layout.views(state.weights), state.optimizer_state
        means = layout.views(mean)
        returned = solver.joint.update(xp, views, means, dict(old_state), learning_rate)
        new, new_state = check_joint_update(returned, views, old_state)
        old_state.update({key: _apart(a, [state.weights]) for key, a in new_state.items()})
        replaced = {
            name: _apart(new[name], [state.weights])
            for name, view in views.items()
            if new[name] is not view  # otherwise the solver worked in place
        }
        for name, array in replaced.items():
            views[name][...] = array
        if before is not state.weights:
            for block, rate_factor, decay_factor in segments[decay > 0]:
                p, old = state.weights[block], before[block]
                if rate_factor != 1:
                    p[...] = old + rate_factor * (p - old)
                if decay_factor:
                    p -= learning_rate * rate_factor * decay * decay_factor * old
        return penalty_before

    def summed_weight(rows: Dataset) -> float:
        w = rows.sample_weight
        return float(len(rows.y) if w is None else w.sum())

    def backward(
        passes: Backpropagation,
        weights: Arrays,
        gradients: Arrays,
        rows: Dataset,
        p: Array,
        divisor: float,
    ) -> None:
        """Write the gradients, summed over rows and divided, from the activated outputs p."""
        assert loss.delta is not None
        delta = check_deltas(loss.delta(xp, rows.y, p), p)
        w = rows.sample_weight
        delta *= 1 / divisor if w is None else w[:, None] / divisor
        passes.backward(weights, gradients, rows.X, delta)

    def weighted_losses(rows: Dataset, p: Array) -> Array:
        losses: Array = check_row_losses(loss.rows(xp, rows.y, p), rows.y)
        w = rows.sample_weight
        # the loss of a row of weight 0 may be infinite
        return losses if w is None else np.where(w > 0, losses, 0) * w

    def gradient(
        state: TrainingState, rows: Dataset, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        indices = None if indices is None else indices[indices >= 0]
        step_rows = rows if indices is None else rows.take(indices)
        gradients = layout.views(np.zeros(layout.size, layout.dtype))
        n, p = len(step_rows.y), np.empty_like(step_rows.y)
        value = 0.0
        with OneThread():
            if n:
                passes, weights = Backpropagation(spec, n), layout.views(state.weights)
                row_seed = None
                if has_dropout:
                    row_seed = np.arange(n) if indices is None else indices, seed
                passes.forward(weights, step_rows.X, p, row_seed)
                backward(passes, weights, gradients, step_rows, p, 1.0)
                value = float(weighted_losses(step_rows, p).sum())
            sums = StepSums(value, summed_weight(step_rows), penalty(state.weights))
        return sums, gradients

    def update(
        state: TrainingState,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        state = state.copy()
        decay = solver.weight_decay if weight_decay is None else weight_decay
        if weight > 0:
            with OneThread():
                advance(state, layout.filled(gradients) / weight, weight, learning_rate, decay)
        return state

    def epoch(
        state: TrainingState, rows: Dataset, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        state = state.copy()
        weights = layout.views(state.weights)
        mean = np.empty(layout.size, layout.dtype)
        gradients = layout.views(mean)
        n_steps, batch_size = batches.order.shape
        passes, sums = Backpropagation(spec, batch_size), np.zeros((3, n_steps))
        learning_rates = batches.learning_rates.tolist()
        strengths = with_weight_decays(batches, solver).weight_decays
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
                    if has_dropout:
                        order = batches.order[i]
                        row_seed = order[order >= 0], int(batches.seeds[i])
                    passes.forward(weights, step_rows.X, p[place], row_seed, float(factors[i]))
                    sums[1, i] = weight = summed_weight(step_rows)
                    if weight > 0:
                        backward(passes, weights, gradients, step_rows, p[place], weight)
                        sums[2, i] = advance(state, mean, weight, learning_rates[i], decays[i])
                    if predictions is not None:
                        predictions[i, batches.order[i] >= 0] = p[place]
                losses = weighted_losses(chunk, p)
                for i, place in steps:
                    sums[0, i] = losses[place].sum()
        return state, StepSums(sums[0], sums[1], sums[2], predictions)

    def outputs(state: TrainingState, X: Any) -> Array:
        weights = layout.views(state.weights)
        return dense.predict(X, *dense.layers(weights), spec.activations, "identity")

    return Steps(put, start, arrays, optimizer_state, gradient, update, epoch, outputs)


def _apart(array: Array, buffers: Iterable[Array]) -> Array:
    """Return the array, or a copy if it shares memory with a buffer that will be overwritten."""
    return array.copy() if any(np.may_share_memory(array, b) for b in buffers) else array
