"""The structure of a network and its solver, by which compiled functions are cached.

Everything else (weights, learning rates, alpha, seeds, the number of steps) is an argument, so a
second estimator with the same structure compiles nothing.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jax import lax

from mlpkit.backend_kit import (
    Joined,
    JoinedLayout,
    JoinedPart,
    flat_layout,
    initial_optimizer_state,
    learning_rate_factors,
    slices,
    small_layout,
    weight_decay_factors,
)
from mlpkit.plugin import Joint, Loss, Network, Recipe, Spec
from mlpkit_jax.networks import Forward, Tensors, forward_of

MOST_IN_TURN = 8  # operations


class TrainingState(NamedTuple):
    """Weights by name, and the optimizer state under the keys of `optimizer_state_name`."""

    weights: Tensors
    optimizer_state: Tensors


class JoinedState(NamedTuple):
    """A training state between programs."""

    weights: Joined
    optimizer_state: Joined


class GradientSums(NamedTuple):
    """Sums over rows: the loss; the weight, of each model (n_models,) if there are several; and the
    gradients.
    """

    loss: Any
    weight: Any
    gradients: Tensors


class Structure(NamedTuple):
    """What compiled code depends on; equal structures share it."""

    forward: Forward  # of one model
    weights: JoinedLayout
    optimizer: JoinedLayout  # of the optimizer state
    gradients: JoinedLayout  # in one array
    n_models: int
    on_cpu: bool
    loss: Loss
    decayed: frozenset[str]
    frozen: frozenset[str]
    update: Callable[..., Any] | None
    moments: tuple[str, ...]  # names of the optimizer state of an elementwise solver
    options: tuple[tuple[str, float], ...]
    joint: Joint | None
    with_rate_factors: tuple[str, ...]  # weights with a factor of the learning rate
    with_decay_factors: tuple[str, ...]  # weights that decay, if any do

    def divided(self, state: JoinedState, condition: Any) -> TrainingState:
        """Return the arrays of a state by name. The condition is any scalar of the program."""
        of_parts = partial(slices_in_turn, condition) if self.on_cpu else slices
        return TrainingState(
            self.weights.divided(state.weights, of_parts),
            self.optimizer.divided(state.optimizer_state, of_parts),
        )

    def joined(self, state: TrainingState, concatenate: Callable[[Any], Any]) -> JoinedState:
        """Return a state with its small arrays in one, by the function of NumPy or JAX."""
        return JoinedState(
            self.weights.joined(state.weights, concatenate),
            self.optimizer.joined(state.optimizer_state, concatenate),
        )


def slices_in_turn(condition: Any, joined: Any, parts: Sequence[JoinedPart]) -> list[Any]:
    """Return parts of a joined array, for a program on a CPU.

    As soon as more than eight operations of a program could run, XLA passes some of them to another
    thread and waits for it, which takes longer than a small step. The branches of a conditional are
    one operation, and at most eight in a branch are computed in turn. Both branches are the same.
    """
    arrays: list[Any] = []
    for begin in range(0, len(parts), MOST_IN_TURN):
        of_branch = partial(slices, parts=parts[begin : begin + MOST_IN_TURN])
        arrays += lax.cond(condition > 0, of_branch, of_branch, joined)
    return arrays


class Settings(NamedTuple):
    """Values that compiled functions receive as arguments; None if there are none.

    The factors have the order of the names in `Structure`.
    """

    alpha: Any
    rate_factors: Any = None
    decay_factors: Any = None
    max_gradient_norm: Any = None


def settings(network: Network, recipe: Recipe, dtype: Any, decays: bool) -> Settings:
    """Return the settings of a network, with or without weight decay."""
    rates = list(learning_rate_factors(network).values())
    factors = list(weight_decay_factors(network).values()) if decays else []
    max_norm = recipe.max_gradient_norm
    return Settings(
        dtype.type(recipe.alpha),
        np.array(rates, dtype) if rates else None,
        np.array(factors, dtype) if factors else None,
        None if max_norm is None else dtype.type(max_norm),
    )


def structure(network: Network, spec: Spec, recipe: Recipe, on_cpu: bool) -> Structure:
    """Return the structure of a network that is trained by the solver of the recipe."""
    solver = recipe.solver
    trained = {name: a for name, a in network.arrays.items() if name not in network.frozen}
    return Structure(
        forward_of(network, spec, on_cpu),
        small_layout(network.arrays, spec.dtype),
        small_layout(initial_optimizer_state(solver, trained), spec.dtype),
        flat_layout(network.arrays),
        network.n_models,
        on_cpu,
        spec.loss,
        network.decayed,
        network.frozen,
        solver.update,
        solver.optimizer_state,
        tuple(sorted(solver.options.items())),
        solver.joint,
        tuple(learning_rate_factors(network)),
        tuple(weight_decay_factors(network)),
    )
