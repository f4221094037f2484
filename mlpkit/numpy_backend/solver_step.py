"""One step of the solver, in place, with the training state that it changes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout, check_joint_update, check_update, clipped
from mlpkit.numpy_backend import namespace as xp
from mlpkit.plugin import Array, Recipe

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


class SolverStep:
    """The step of the solver of a recipe, on weights in one array.

    Parameters
    ----------
    layout : WeightLayout
        Where each weight is.
    recipe : Recipe
        The solver, the L2 penalty and the largest norm of the gradient.
    """

    def __init__(self, layout: WeightLayout, recipe: Recipe) -> None:
        self.layout, self.solver, self.alpha = layout, recipe.solver, recipe.alpha
        self.max_gradient_norm = recipe.max_gradient_norm
        max_size = UPDATE_BYTES // layout.dtype.itemsize
        self.segments = {decays: layout.segments(decays, max_size) for decays in (False, True)}
        self.has_rate_factors = any(s.learning_rate_factor != 1 for s in self.segments[False])

    def penalty(self, weights: Array) -> float:
        """Return the L2 penalty."""
        decayed = weights[: self.layout.n_decayed]
        return 0.5 * self.alpha * float(decayed @ decayed)

    def __call__(
        self, state: TrainingState, mean: Array, weight: float, learning_rate: float, decay: float
    ) -> float:
        """Make a step with the mean gradient of rows of this summed weight.

        Return the L2 penalty of the weights before the step.
        """
        if self.solver.joint is not None:
            return self._jointly(state, mean, weight, learning_rate, decay)
        assert self.solver.update is not None
        n_decayed, options = self.layout.n_decayed, self.solver.options
        strength, squares = self.alpha / weight, 0.0
        if self.max_gradient_norm is not None:
            self._add_penalty_and_clip(state.weights, mean, weight)
            strength = 0.0
        for block, rate_factor, decay_factor in self.segments[decay > 0]:
            old = (state.weights[block], *state.optimizer_state[:, block])
            g, decayed = mean[block], old[0][: max(0, n_decayed - block.start)]
            squares += float(decayed @ decayed)
            if strength:
                g[: len(decayed)] += strength * decayed
            rate = learning_rate * rate_factor
            decrease = rate * decay * decay_factor * old[0] if decay_factor else None
            returned = self.solver.update(xp, old[0], g, old[1:], rate, options)
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
        return 0.5 * self.alpha * squares

    def _jointly(
        self, state: TrainingState, mean: Array, weight: float, learning_rate: float, decay: float
    ) -> float:
        """Do the same for a solver that updates all weights at once."""
        assert self.solver.joint is not None
        penalty_before = self.penalty(state.weights)
        before = state.weights.copy() if self.has_rate_factors or decay > 0 else state.weights
        self._add_penalty_and_clip(state.weights, mean, weight)
        views, old_state = self.layout.views(state.weights), state.optimizer_state
        means = self.layout.views(mean)
        returned = self.solver.joint.update(xp, views, means, dict(old_state), learning_rate)
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
            for block, rate_factor, decay_factor in self.segments[decay > 0]:
                p, old = state.weights[block], before[block]
                if rate_factor != 1:
                    p[...] = old + rate_factor * (p - old)
                if decay_factor:
                    p -= learning_rate * rate_factor * decay * decay_factor * old
        return penalty_before

    def _add_penalty_and_clip(self, weights: Array, mean: Array, weight: float) -> None:
        """Add the gradient of the L2 penalty to the mean gradient, in place, and limit its norm."""
        n_decayed = self.layout.n_decayed
        mean[:n_decayed] += self.alpha / weight * weights[:n_decayed]
        if self.max_gradient_norm is not None:
            views = self.layout.views(mean)
            for name, g in clipped(np, views, self.max_gradient_norm).items():
                views[name][...] = g


def _apart(array: Array, buffers: Iterable[Array]) -> Array:
    """Return the array, or a copy if it shares memory with a buffer that will be overwritten."""
    return array.copy() if any(np.may_share_memory(array, b) for b in buffers) else array
