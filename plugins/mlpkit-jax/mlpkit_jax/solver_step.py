"""One step of the solver."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from mlpkit.backend_kit import check_joint_update, check_update, clipped, expanded_like
from mlpkit.plugin import Unsupported, optimizer_state_name
from mlpkit_jax import namespace as xp
from mlpkit_jax.networks import Tensors
from mlpkit_jax.structure import GradientSums, Settings, Structure, TrainingState

Result = TypeVar("Result")


def if_any_weight(
    s: Structure, weight: Any, function: Callable[[Result], Result], state: Result
) -> Result:
    """Return the function's result for the state, or the state itself if the weight is 0."""
    has_weight = weight.sum() > 0
    if s.on_cpu:
        # a loop of one step or none updates the arrays in place; XLA for CPUs divides the branches
        # of lax.cond into parts, which read and write them again
        n_steps = has_weight.astype(jnp.int32)
        return lax.fori_loop(0, n_steps, lambda _, state: function(state), state)
    return lax.cond(has_weight, function, lambda state: state, state)


def advanced(
    s: Structure,
    state: TrainingState,
    total: GradientSums,
    new_frozen: Mapping[str, Any],
    learning_rate: Any,
    decay: Any,
    settings: Settings,
) -> TrainingState:
    """Return the state after one solver step of a weight above 0."""
    gradients = _gradients(s, state, total, settings)
    rates = dict.fromkeys(gradients, learning_rate)
    for i, name in enumerate(s.with_rate_factors):
        rates[name] = learning_rate * settings.rate_factors[i]
    if s.joint is not None:
        trained, optimizer_state = _joint_update(s, state, gradients, learning_rate, settings)
    else:
        trained, optimizer_state = _updates(s, state, gradients, rates)
    if decay is not None:
        for i, name in enumerate(s.with_decay_factors):
            amount = rates[name] * decay * settings.decay_factors[i]
            trained[name] = trained[name] - amount * state.weights[name]
    frozen = {**{name: state.weights[name] for name in s.frozen}, **new_frozen}
    new_state = TrainingState({**frozen, **trained}, optimizer_state)
    after: TrainingState = jax.tree.map(in_dtype_of, new_state, state)
    return _without_empty_models(s, after, state, total.weight) if s.n_models else after


def _gradients(
    s: Structure, state: TrainingState, total: GradientSums, settings: Settings
) -> Tensors:
    """Return the gradients of the mean loss with the penalty, clipped."""
    gradients = {
        name: (g + settings.alpha * state.weights[name] if name in s.decayed else g)
        / expanded_like(total.weight, g)
        for name, g in total.gradients.items()
    }
    if settings.max_gradient_norm is None:
        return gradients
    return clipped(xp, gradients, settings.max_gradient_norm, s.n_models)


def _joint_update(
    s: Structure,
    state: TrainingState,
    gradients: Tensors,
    learning_rate: Any,
    settings: Settings,
) -> tuple[Tensors, Tensors]:
    """Return the trained arrays and the optimizer state after one update of all arrays together."""
    assert s.joint is not None
    trained = {name: state.weights[name] for name in gradients}
    with traceable():
        returned = s.joint.update(xp, trained, gradients, state.optimizer_state, learning_rate)
    new, optimizer_state = check_joint_update(returned, trained, state.optimizer_state)
    weights = dict(new)
    for i, name in enumerate(s.with_rate_factors):
        change = weights[name] - trained[name]
        weights[name] = trained[name] + settings.rate_factors[i] * change
    return weights, dict(optimizer_state)


def _updates(
    s: Structure, state: TrainingState, gradients: Tensors, rates: Mapping[str, Any]
) -> tuple[Tensors, Tensors]:
    """Return the trained arrays and the optimizer state after an update of each array."""
    assert s.update is not None  # the trainer of a solver without steps makes no updates
    weights: Tensors = {}
    optimizer_state: Tensors = {}
    for name, g in gradients.items():
        p = state.weights[name]
        keys = [optimizer_state_name(moment, name) for moment in s.moments]
        moments = tuple(state.optimizer_state[key] for key in keys)
        with traceable():
            returned = s.update(xp, p, g, moments, rates[name], dict(s.options))
        weights[name], new = check_update(returned, p, moments)
        optimizer_state.update(zip(keys, new, strict=True))
    return weights, optimizer_state


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


def in_dtype_of(new: Any, old: Any) -> Any:
    """Return the new array in the dtype of the old one."""
    return jnp.asarray(new, old.dtype)


def change_of(new: Any, old: Any) -> Any:
    """Return the change of a frozen array, which is averaged: it is 0 for a constant, and small for
    integers even if they are large.
    """
    change = jnp.asarray(new, old.dtype) - old
    if jnp.issubdtype(old.dtype, jnp.integer):
        change = change.astype(f"int{8 * old.dtype.itemsize}")  # unsigned differences wrap around
    return change


def changed(old: Any, mean: Any) -> Any:
    """Return the new value of a frozen array from the mean of `change_of`."""
    if jnp.issubdtype(old.dtype, jnp.integer):
        mean = jnp.round(mean).astype(f"int{8 * old.dtype.itemsize}")
    return old + mean.astype(old.dtype)
