"""The compiled functions, cached by the structure of the network and its solver.

Everything else (weights, learning rates, alpha, seeds, the number of steps) is an argument, so a
second estimator with the same structure compiles nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from mlpkit.backend_kit import (
    Block,
    by_model,
    check_joint_update,
    check_update,
    clipped,
    deltas,
    expanded_like,
    learning_rate_factors,
    mean_of_members,
    outputs_of_models,
    row_losses,
    weight_decay_factors,
)
from mlpkit.plugin import (
    PENALTY,
    Joint,
    Loss,
    Network,
    Recipe,
    Spec,
    StepContext,
    Unsupported,
    optimizer_state_name,
)
from mlpkit_jax import namespace as xp
from mlpkit_jax.networks import ACTIVATIONS, Forward, Tensors, forward_of


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
    at_once: bool  # whether models are computed together instead of one after the other
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


def structure(network: Network, spec: Spec, recipe: Recipe, at_once: bool) -> Structure:
    """Return the structure of a network that is trained by the solver of the recipe."""
    solver = recipe.solver
    return Structure(
        forward_of(network, spec),
        network.n_models,
        at_once and network.n_models > 0,
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


class Programs(NamedTuple):
    """The functions below, compiled for one structure and, by JAX, for each shape."""

    run: Callable[..., tuple[TrainingState, Any, Any]]
    run_with_predictions: Callable[..., tuple[TrainingState, Any, Any]]
    add: Callable[..., tuple[GradientSums, Any]]
    update: Callable[..., TrainingState]
    outputs: Callable[..., Any]


@lru_cache(maxsize=64)  # bounded: a network of another framework may be large
def programs(s: Structure) -> Programs:
    """Return the programs of a structure."""
    run_with_predictions = partial(run, with_predictions=True)
    return Programs(
        *(jax.jit(partial(f, s)) for f in (run, run_with_predictions, add, update, outputs))
    )


def run(
    s: Structure,
    state: TrainingState,
    block: Block,
    settings: Settings,
    with_predictions: bool = False,
) -> tuple[TrainingState, Any, Any]:
    """Run the steps of a block.

    Return the state; the loss, weight and penalty of each step, (3, n_steps); and the activated
    outputs of the rows, (n_steps, batch_size, n_outputs), or None.
    """

    def step(i: Any, carry: tuple[TrainingState, Any, Any]) -> tuple[TrainingState, Any, Any]:
        state, sums, predictions = carry
        total, new_frozen, p = _backward(s, state.weights, block, i)
        penalty = _penalty(s, state.weights, settings.alpha)
        row = jnp.stack([total.loss, total.weight.sum(), penalty])
        decay = None if block.weight_decays is None else block.weight_decays[i]
        learning_rate = block.learning_rates[i]
        state = _advanced(s, state, total, new_frozen, learning_rate, decay, settings)
        if with_predictions:
            predictions = predictions.at[i].set(p)
        return state, sums.at[:, i].set(row), predictions

    sums = jnp.zeros((3, block.w.shape[0]), block.w.dtype)
    predictions = jnp.zeros(block.y.shape, block.w.dtype) if with_predictions else None
    carry = (state, sums, predictions)
    return lax.fori_loop(0, block.n_steps, step, carry)  # type: ignore[no-any-return]


def add(
    s: Structure, total: GradientSums, weights: Tensors, block: Block, alpha: Any
) -> tuple[GradientSums, Any]:
    """Add the sums of a block, all at the same weights. Also return the penalty of the weights."""

    def step(i: Any, total: GradientSums) -> GradientSums:
        new, new_frozen, _ = _backward(s, weights, block, i)
        sums = {}
        for name in s.frozen:
            change = jnp.zeros_like(weights[name], new.loss.dtype)
            if name in new_frozen:
                change = _change(new_frozen[name], weights[name])
            sums[name] = change * expanded_like(new.weight, change)
        new = new._replace(gradients={**new.gradients, **sums})
        added: GradientSums = jax.tree.map(lambda old, new: old + _like(new, old), total, new)
        return added

    return lax.fori_loop(0, block.n_steps, step, total), _penalty(s, weights, alpha)


def update(
    s: Structure,
    state: TrainingState,
    gradients: Tensors,
    weight: Any,
    learning_rate: Any,
    decay: Any,
    settings: Settings,
) -> TrainingState:
    """Make one solver step with the gradients that `add` summed."""
    new_frozen = {}
    for name in s.frozen:
        mean = gradients[name] / expanded_like(weight, gradients[name])
        new_frozen[name] = _changed(state.weights[name], mean)
    trained = {name: g for name, g in gradients.items() if name not in s.frozen}
    total = GradientSums(0.0, weight, trained)
    return _advanced(s, state, total, new_frozen, learning_rate, decay, settings)


def _change(new: Any, old: Any) -> Any:
    """Return the change of a frozen array, which is averaged: it is 0 for a constant, and small for
    integers even if they are large.
    """
    change = jnp.asarray(new, old.dtype) - old
    if jnp.issubdtype(old.dtype, jnp.integer):
        change = change.astype(f"int{8 * old.dtype.itemsize}")  # unsigned differences wrap around
    return change


def _changed(old: Any, mean: Any) -> Any:
    """Return the new value of a frozen array from the mean of `_change`."""
    if jnp.issubdtype(old.dtype, jnp.integer):
        mean = jnp.round(mean).astype(f"int{8 * old.dtype.itemsize}")
    return old + mean.astype(old.dtype)


def outputs(s: Structure, weights: Tensors, x: Any) -> Any:
    """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""

    def forward(x: Any) -> Any:
        if not s.n_models:
            return s.forward(weights, x, None)[0]
        rows = by_model(xp, x, s.n_models)
        z = _of_models(s, lambda model: s.forward(model[0], model[1], None)[0], (weights, rows))
        return z.reshape(x.shape[0], *z.shape[2:])

    return outputs_of_models(xp, forward, x, s.n_models)


def _of_models(s: Structure, function: Callable[[Any], Any], arguments: Any) -> Any:
    """Return the results of a function for each model; arguments and results have its axis first.

    A CPU computes one model after the other, since its cache holds the arrays of one.
    """
    at_once: Any = jax.vmap(function)
    return at_once(arguments) if s.at_once else lax.map(function, arguments)


def step_of(block: Block, i: Any) -> tuple[Any, Any, StepContext]:
    """Return x (n, n_features), y (n, n_outputs) and the context of step i."""
    if len(block.w) == 1:
        i = 0  # the rows are not copied if the index is a constant
    w = block.w[i]
    indices = None if block.indices is None else block.indices[i]
    dropout = 1.0 if block.dropout_factors is None else block.dropout_factors[i]
    return block.X[i], block.y[i], StepContext(block.seeds[i], indices, w, dropout)


def _backward(
    s: Structure, weights: Tensors, block: Block, i: Any
) -> tuple[GradientSums, Mapping[str, Any], Any]:
    """Return the sums of step i, new values of the frozen arrays, and the activated outputs."""
    x, y, context = step_of(block, i)
    if not s.n_models:
        return _backward_of_model(s, weights, x, y, context)

    def backward(model: Any) -> Any:
        weights, x, y, indices, w = model
        return _backward_of_model(s, weights, x, y, context._replace(indices=indices, w=w))

    rows = (by_model(xp, a, s.n_models) for a in (x, y, context.indices, context.w))
    total, new_frozen, p = _of_models(s, backward, (weights, *rows))
    return total._replace(loss=total.loss.sum()), new_frozen, p.reshape(y.shape[0], *p.shape[2:])


def _backward_of_model(
    s: Structure, weights: Tensors, x: Any, y: Any, context: StepContext
) -> tuple[GradientSums, Mapping[str, Any], Any]:
    """Return the results of `_backward` for one model and its rows."""
    trained = {name: a for name, a in weights.items() if name not in s.frozen}
    weight = context.w.sum()

    def forward(trained: Tensors) -> tuple[tuple[Any, Any], Tensors]:
        z, new = s.forward({**weights, **trained}, x, context)
        return (z, jnp.asarray(new.get(PENALTY, 0), weight.dtype)), new

    (z, penalty), backward, new = jax.vjp(forward, trained, has_aux=True)
    loss, delta, p = _loss(s.loss, z, y, context.w)
    (gradients,) = backward((delta, weight))
    total = GradientSums(loss + weight * penalty, weight, gradients)
    return total, {name: new[name] for name in s.frozen if name in new}, p


def _loss(loss: Loss, z: Any, y: Any, w: Any) -> tuple[Any, Any, Any]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, (n, n_outputs) or (n, n_members, n_outputs), and the predictions (n, n_outputs).
    """
    counted = w > 0  # other rows may be NaN, and the product of NaN and 0 is NaN

    def summed(z: Any) -> tuple[Any, Any]:
        p = ACTIVATIONS[loss.out_activation](z)
        return jnp.where(counted, w * row_losses(xp, loss, y, p), 0).sum(), p

    if loss.delta is None:
        (value, p), delta = jax.value_and_grad(summed, has_aux=True)(z)
    else:
        value, p = summed(z)
        delta = expanded_like(w, z) * deltas(xp, loss, y, p)
    delta = jnp.where(expanded_like(counted, z), delta, 0).astype(z.dtype)
    return value, delta, mean_of_members(xp, p)


def _penalty(s: Structure, weights: Tensors, alpha: Any) -> Any:
    """Return the L2 penalty, ``alpha / 2 * |decayed|^2``."""
    return alpha / 2 * sum(jnp.vdot(weights[name], weights[name]) for name in sorted(s.decayed))


def _advanced(
    s: Structure,
    state: TrainingState,
    total: GradientSums,
    new_frozen: Mapping[str, Any],
    learning_rate: Any,
    decay: Any,
    settings: Settings,
) -> TrainingState:
    """Make one solver step, or return the same state if the weight is 0."""

    def step() -> TrainingState:
        weights: Tensors = {**{name: state.weights[name] for name in s.frozen}, **new_frozen}
        optimizer_state: Tensors = {}
        gradients = {
            name: (g + settings.alpha * state.weights[name] if name in s.decayed else g)
            / expanded_like(total.weight, g)
            for name, g in total.gradients.items()
        }
        if settings.max_gradient_norm is not None:
            gradients = clipped(xp, gradients, settings.max_gradient_norm, s.n_models)
        rates = dict.fromkeys(gradients, learning_rate)
        for i, name in enumerate(s.with_rate_factors):
            rates[name] = learning_rate * settings.rate_factors[i]
        if s.joint is not None:
            trained = {name: state.weights[name] for name in gradients}
            with traceable():
                returned = s.joint.update(
                    xp, trained, gradients, state.optimizer_state, learning_rate
                )
            new, optimizer_state = check_joint_update(returned, trained, state.optimizer_state)
            weights, gradients = {**weights, **new}, {}
            for i, name in enumerate(s.with_rate_factors):
                change = weights[name] - trained[name]
                weights[name] = trained[name] + settings.rate_factors[i] * change
        for name, g in gradients.items():
            assert s.update is not None  # the trainer of a solver without steps makes no updates
            p = state.weights[name]
            keys = [optimizer_state_name(moment, name) for moment in s.optimizer_state]
            moments = tuple(state.optimizer_state[key] for key in keys)
            with traceable():
                returned = s.update(xp, p, g, moments, rates[name], dict(s.options))
            weights[name], new = check_update(returned, p, moments)
            optimizer_state.update(zip(keys, new, strict=True))
        if decay is not None:
            for i, name in enumerate(s.with_decay_factors):
                amount = rates[name] * decay * settings.decay_factors[i]
                weights[name] = weights[name] - amount * state.weights[name]
        new_state = TrainingState(weights, optimizer_state)
        after: TrainingState = jax.tree.map(_like, new_state, state)
        return _without_empty_models(s, after, state, total.weight) if s.n_models else after

    # on a CPU, a tenth faster than jnp.where for wide layers
    return lax.cond(total.weight.sum() > 0, step, lambda: state)  # type: ignore[no-any-return]


def _without_empty_models(
    s: Structure, after: TrainingState, before: TrainingState, weight: Any
) -> TrainingState:
    """Return the state in which the models whose rows have weight 0 are unchanged."""

    def kept(new: Any, old: Any) -> Any:
        return jnp.where(expanded_like(weight > 0, old), new, old)

    weights = jax.tree.map(kept, after.weights, before.weights)
    if s.joint is not None:  # its state may have any shapes
        return TrainingState(weights, after.optimizer_state)
    return TrainingState(weights, jax.tree.map(kept, after.optimizer_state, before.optimizer_state))


@contextmanager
def traceable() -> Iterator[None]:
    """Raise Unsupported instead of JAX's errors for a solver whose code depends on values."""
    try:
        yield
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise Unsupported("branching_solvers") from error


def _like(new: Any, old: Any) -> Any:
    """Return the new array in the dtype of the old one."""
    return jnp.asarray(new, old.dtype)
