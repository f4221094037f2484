"""One step of the solver, in place, with the training state that it changes."""

from collections.abc import Iterable, Iterator
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout, check_joint_update, check_update, clipped
from mlpkit.numpy_backend import namespace as xp
from mlpkit.plugin import Array, Recipe

UPDATE_BYTES = 1 << 18  # of each array in a solver update: its temporaries stay in the cache


class TrainingState(NamedTuple):
    """The weights (n_weights,) and the optimizer state: of an elementwise solver one array
    (n_arrays, n_weights), of a joint solver a dict.
    """

    weights: Array
    optimizer_state: Any

    def copy(self) -> "TrainingState":
        """Return a state that can be changed in place."""
        return TrainingState(self.weights.copy(), self.optimizer_state.copy())


class Block(NamedTuple):
    """Views of consecutive weights with the same factors, which fit into the cache.

    Parameters
    ----------
    weights, gradient : ndarray of shape (n,)
    optimizer_state : tuple of ndarray of shape (n,)
    decayed : tuple of ndarray or None
        The weights that the L2 penalty includes, and their gradient.
    learning_rate_factor, weight_decay_factor : float
    """

    weights: Array
    gradient: Array
    optimizer_state: tuple[Array, ...]
    decayed: tuple[Array, Array] | None
    learning_rate_factor: float
    weight_decay_factor: float


class StepSize(NamedTuple):
    """How far a step goes.

    Parameters
    ----------
    learning_rate : float
    weight_decay : float
        The strength of the decoupled weight decay.
    penalty : float
        The factor of the weights in the gradient of the L2 penalty.
    """

    learning_rate: float
    weight_decay: float
    penalty: float


class SolverStep:
    """The step of the solver of a recipe, on weights in one array.

    Parameters
    ----------
    layout : WeightLayout
        Where each weight is.
    recipe : Recipe
        The solver, the L2 penalty and the largest norm of the gradient.

    Attributes
    ----------
    needs_all : bool
        Whether a step requires the gradients of all weights before it updates any of them.
    """

    def __init__(self, layout: WeightLayout, recipe: Recipe) -> None:
        self.layout, self.solver, self.alpha = layout, recipe.solver, recipe.alpha
        self.max_gradient_norm = recipe.max_gradient_norm
        self.needs_all = self.solver.joint is not None or self.max_gradient_norm is not None
        self.segments = {decays: layout.segments(decays) for decays in (False, True)}
        self.has_rate_factors = any(s.learning_rate_factor != 1 for s in self.segments[False])

    def penalty(self, weights: Array) -> float:
        """Return the L2 penalty."""
        decayed = weights[: self.layout.n_decayed]
        return self.penalty_of(float(np.dot(decayed, decayed)))

    def penalty_of(self, squares: float) -> float:
        """Return the L2 penalty of decayed weights with this sum of squares."""
        return 0.5 * self.alpha * squares

    def blocks(
        self, state: TrainingState, mean: Array, place: slice, with_decay: bool
    ) -> Iterator[Block]:
        """Return the blocks of an elementwise solver for the weights at a place.

        ``mean`` is the array of the mean gradient. ``with_decay`` is whether a step may have a
        weight decay.
        """
        n_decayed, size = self.layout.n_decayed, UPDATE_BYTES // mean.itemsize
        for segment, rate_factor, decay_factor in self.segments[with_decay]:
            end = min(place.stop, segment.stop)
            for begin in range(max(place.start, segment.start), end, size):
                part = slice(begin, min(begin + size, end))
                w, g = state.weights[part], mean[part]
                n = max(0, min(n_decayed - begin, len(w)))
                yield Block(
                    w,
                    g,
                    tuple(state.optimizer_state[:, part]),
                    (w[:n], g[:n]) if n else None,
                    rate_factor,
                    decay_factor,
                )

    def update(self, blocks: Iterable[Block], size: StepSize) -> float:
        """Update the weights of blocks with their mean gradients.

        Return the sum of the squares of the decayed weights before the step.
        """
        squares, options, update = 0.0, self.solver.options, self.solver.update
        assert update is not None
        for block in blocks:
            w, g, old_state, decayed, rate_factor, decay_factor = block
            if decayed is not None:
                squares += float(np.dot(decayed[0], decayed[0]))
                if size.penalty:
                    np.add(decayed[1], size.penalty * decayed[0], out=decayed[1])
            rate = size.learning_rate * rate_factor
            decay = size.weight_decay * decay_factor
            decrease = rate * decay * w if decay else None
            new, new_state = check_update(update(xp, w, g, old_state, rate, options), w, old_state)
            if new is not w or not all(map(is_, new_state, old_state)):
                _write((w, *old_state), (new, *new_state))  # the solver did not work in place
            if decrease is not None:
                w -= decrease
        return squares

    def update_all(self, state: TrainingState, mean: Array, size: StepSize) -> None:
        """Update all weights with the mean gradient, which it overwrites."""
        if self.needs_all:
            self._add_penalty_and_clip(state.weights, mean, size.penalty)
            size = size._replace(penalty=0.0)
        if self.solver.joint is not None:
            self._update_jointly(state, mean, size)
        else:
            place = slice(0, self.layout.size)
            self.update(self.blocks(state, mean, place, size.weight_decay > 0), size)

    def _update_jointly(self, state: TrainingState, mean: Array, size: StepSize) -> None:
        """Update the weights by `Solver.joint`, with mean gradients that include the L2 penalty."""
        assert self.solver.joint is not None
        rate, decay = size.learning_rate, size.weight_decay
        before = state.weights.copy() if self.has_rate_factors or decay > 0 else state.weights
        views, old_state = self.layout.views(state.weights), state.optimizer_state
        means = self.layout.views(mean)
        returned = self.solver.joint.update(xp, views, means, dict(old_state), rate)
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
            for place, rate_factor, decay_factor in self.segments[decay > 0]:
                p, old = state.weights[place], before[place]
                if rate_factor != 1:
                    p[...] = old + rate_factor * (p - old)
                if decay_factor:
                    p -= rate * rate_factor * decay * decay_factor * old

    def _add_penalty_and_clip(self, weights: Array, mean: Array, penalty: float) -> None:
        """Add the gradient of the L2 penalty to the mean gradient, in place, and limit its norm."""
        n_decayed = self.layout.n_decayed
        mean[:n_decayed] += penalty * weights[:n_decayed]
        if self.max_gradient_norm is not None:
            views = self.layout.views(mean)
            for name, g in clipped(np, views, self.max_gradient_norm).items():
                views[name][...] = g


def _write(old: tuple[Array, ...], new: tuple[Array, ...]) -> None:
    """Write what a solver returned into the arrays that it received."""
    separate = [a if a is own else _apart(a, old) for own, a in zip(old, new, strict=True)]
    for own, array in zip(old, separate, strict=True):
        if array is not own:
            own[...] = array


def _apart(array: Array, buffers: Iterable[Array]) -> Array:
    """Return the array, or a copy if it shares memory with a buffer that will be overwritten."""
    return array.copy() if any(np.may_share_memory(array, b) for b in buffers) else array
