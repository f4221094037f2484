"""The compiled functions, cached by the structure of the network and its solver.

Everything else (weights, learning rates, alpha, seeds, the number of steps) is an argument, so a
second estimator with the same structure compiles nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from mlpkit.backend_kit import (
    Block,
    check_deltas,
    check_joint_update,
    check_row_losses,
    check_update,
    learning_rate_factors,
    weight_decay_factors,
)
from mlpkit.plugin import (
    PENALTY,
    Apply,
    Joint,
    Loss,
    Network,
    Recipe,
    Spec,
    Unsupported,
    dropout_mask,
    optimizer_state_name,
)

Tensors: TypeAlias = dict[str, Any]  # arrays of JAX by name, or of NumPy before their first use

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "logistic": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,  # its derivative at 0 is 0, as in scikit-learn
    "gelu": partial(jax.nn.gelu, approximate=False),
    "silu": jax.nn.silu,
    "selu": jax.nn.selu,
    "mish": jax.nn.mish,
    "leaky_relu": lambda z: jnp.where(z > 0, z, 0.01 * z),
    "softmax": partial(jax.nn.softmax, axis=1),
    "exp": jnp.exp,
}


class TrainingState(NamedTuple):
    """Weights by name, and the optimizer state under the keys of `optimizer_state_name`."""

    weights: Tensors
    optimizer_state: Tensors


class GradientSums(NamedTuple):
    """Sums over rows: the loss, the weight, and the gradients as `Steps.gradient` returns them."""

    loss: Any
    weight: Any
    gradients: Tensors


@dataclass(frozen=True)
class DenseApply:
    """The dense network as an `Apply`: x (n, n_features) -> (n, n_outputs)."""

    depth: int
    activations: tuple[str, ...]  # of the hidden layers
    dropouts: tuple[float, ...] = ()  # of the hidden layers; empty if all are 0

    def __call__(
        self,
        arrays: Any,
        x: Any,
        *,
        train: bool = False,
        seed: Any = 0,
        w: Any = None,
        indices: Any = None,
    ) -> tuple[Any, Tensors]:
        """Return the outputs before activation, and no frozen arrays.

        Dropout needs the indices of the rows in the training data, (n,).
        """
        for i in range(self.depth):
            if i:
                x = ACTIVATIONS[self.activations[i - 1]](x)
                if train and self.dropouts and self.dropouts[i - 1]:
                    x = _with_dropout(x, indices, seed, i - 1, self.dropouts[i - 1])
            x = x @ arrays[f"coef_{i}"] + arrays[f"intercept_{i}"]
        return x, {}


def _with_dropout(x: Any, indices: Any, seed: Any, layer: int, rate: float) -> Any:
    """Set some units of each row of x (n, n_units) to 0 and scale the others."""
    units = jnp.arange(x.shape[1], dtype=jnp.uint32)
    mask = dropout_mask(jnp, indices, units, seed, layer, rate, np.uint32)
    return x * (mask.astype(x.dtype) / (1 - rate))


class Structure(NamedTuple):
    """What compiled code depends on; equal structures share it."""

    apply: Apply
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


def settings(network: Network, recipe: Recipe, dtype: Any, decays: bool) -> Settings:
    """Return the settings of a network, with or without weight decay."""
    rates = list(learning_rate_factors(network).values())
    factors = list(weight_decay_factors(network).values()) if decays else []
    return Settings(
        dtype.type(recipe.alpha),
        np.array(rates, dtype) if rates else None,
        np.array(factors, dtype) if factors else None,
    )


def dense_apply(spec: Spec) -> DenseApply:
    """Return the dense network of a spec."""
    dropouts = spec.dropouts if any(spec.dropouts) else ()
    return DenseApply(len(spec.layer_units) - 1, spec.activations, dropouts)


def structure(network: Network, spec: Spec, recipe: Recipe) -> Structure:
    """Return the structure of a network that is trained by the solver of the recipe."""
    solver = recipe.solver
    return Structure(
        network.apply or dense_apply(spec),
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
        row = jnp.stack([total.loss, total.weight, _penalty(s, state.weights, settings.alpha)])
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
        sums = {
            name: _averageable(value, weights[name]) * new.weight
            for name, value in new_frozen.items()
        }
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
    new_frozen = {
        name: _averaged(gradients[name] / weight, state.weights[name]) for name in s.frozen
    }
    trained = {name: g for name, g in gradients.items() if name not in s.frozen}
    total = GradientSums(0.0, weight, trained)
    return _advanced(s, state, total, new_frozen, learning_rate, decay, settings)


def _averageable(new: Any, old: Any) -> Any:
    """Return what is averaged for a frozen array: its value or, for integers, their change, which
    is small even if they are large.
    """
    if not jnp.issubdtype(old.dtype, jnp.integer):
        return new
    change = jnp.asarray(new, old.dtype) - old
    return change.astype(f"int{8 * old.dtype.itemsize}")  # unsigned differences wrap around


def _averaged(mean: Any, old: Any) -> Any:
    """Return the new value of a frozen array from the mean of `_averageable`."""
    if jnp.issubdtype(old.dtype, jnp.integer):
        return old + jnp.round(mean).astype(f"int{8 * old.dtype.itemsize}").astype(old.dtype)
    return mean


def outputs(s: Structure, weights: Tensors, x: Any) -> Any:
    """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""
    return s.apply(weights, x, train=False, seed=jnp.uint32(0), w=None)[0]


def _backward(
    s: Structure, weights: Tensors, block: Block, i: Any
) -> tuple[GradientSums, Mapping[str, Any], Any]:
    """Return the sums of step i, new values of the frozen arrays, and the activated outputs."""
    if len(block.w) == 1:
        i = 0  # the rows are not copied if the index is a constant
    x, y, w, seed = block.X[i], block.y[i], block.w[i], block.seeds[i]
    trained = {name: a for name, a in weights.items() if name not in s.frozen}
    dropout = {} if block.indices is None else {"indices": block.indices[i]}

    def forward(trained: Tensors) -> tuple[tuple[Any, Any], Tensors]:
        z, new = s.apply({**weights, **trained}, x, train=True, seed=seed, w=w, **dropout)
        return (z, jnp.asarray(new.get(PENALTY, 0), w.dtype)), new

    (z, penalty), backward, new = jax.vjp(forward, trained, has_aux=True)
    loss, delta, p = _loss(s.loss, z, y, w)
    weight = w.sum()
    (gradients,) = backward((delta, weight))
    total = GradientSums(loss + weight * penalty, weight, gradients)
    return total, {name: new[name] for name in s.frozen}, p


def _loss(loss: Loss, z: Any, y: Any, w: Any) -> tuple[Any, Any, Any]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, and the activated outputs.
    """
    counted = w > 0  # other rows may be NaN, and the product of NaN and 0 is NaN

    def summed(z: Any) -> tuple[Any, Any]:
        p = ACTIVATIONS[loss.out_activation](z)
        return jnp.where(counted, w * check_row_losses(loss.rows(jnp, y, p), y), 0).sum(), p

    if loss.delta is None:
        (value, p), delta = jax.value_and_grad(summed, has_aux=True)(z)
    else:
        value, p = summed(z)
        delta = w[:, None] * check_deltas(loss.delta(jnp, y, p), p)
    return value, jnp.where(counted[:, None], delta, 0).astype(z.dtype), p


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
        weights: Tensors = dict(new_frozen)
        optimizer_state: Tensors = {}
        gradients = {
            name: (g + settings.alpha * state.weights[name] if name in s.decayed else g)
            / total.weight
            for name, g in total.gradients.items()
        }
        rates = dict.fromkeys(gradients, learning_rate)
        for i, name in enumerate(s.with_rate_factors):
            rates[name] = learning_rate * settings.rate_factors[i]
        if s.joint is not None:
            trained = {name: state.weights[name] for name in gradients}
            with traceable():
                returned = s.joint.update(
                    jnp, trained, gradients, state.optimizer_state, learning_rate
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
                returned = s.update(jnp, p, g, moments, rates[name], dict(s.options))
            weights[name], new = check_update(returned, p, moments)
            optimizer_state.update(zip(keys, new, strict=True))
        if decay is not None:
            for i, name in enumerate(s.with_decay_factors):
                amount = rates[name] * decay * settings.decay_factors[i]
                weights[name] = weights[name] - amount * state.weights[name]
        new_state = TrainingState(weights, optimizer_state)
        after: TrainingState = jax.tree.map(_like, new_state, state)
        return after

    # on a CPU, a tenth faster than jnp.where for wide layers
    return lax.cond(total.weight > 0, step, lambda: state)  # type: ignore[no-any-return]


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
