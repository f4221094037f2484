"""The structure of a network and its solver, by which compiled functions are cached.

Everything else (weights, learning rates, alpha, seeds, the number of steps) is an argument, so a
second estimator with the same structure compiles nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit import learning_rate_factors, weight_decay_factors
from mlpkit.plugin import Joint, Loss, Network, Recipe, Spec
from mlpkit_jax.networks import Forward, Tensors, forward_of


class TrainingState(NamedTuple):
    """Weights by name, and the optimizer state under the keys of `optimizer_state_name`."""

    weights: Tensors
    optimizer_state: Tensors


class GradientSums(NamedTuple):
    """Sums over rows: the loss; the weight, of each model (n_models,) if there are several; and the
    gradients as `Steps.gradient` returns them.
    """

    loss: Any
    weight: Any
    gradients: Tensors


class Structure(NamedTuple):
    """What compiled code depends on; equal structures share it."""

    forward: Forward  # of one model
    n_models: int
    on_cpu: bool
    loss: Loss
    decayed: frozenset[str]
    frozen: frozenset[str]
    update: Callable[..., Any] | None
    optimizer_state: tuple[str, ...]
    options: tuple[tuple[str, float], ...]
    joint: Joint | None
    with_rate_factors: tuple[str, ...]  # weights with a factor of the learning rate
    with_decay_factors: tuple[str, ...]  # weights that decay, if any do


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
    return Structure(
        forward_of(network, spec, on_cpu),
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
