"""The compiled functions, kept by the structure of the network and its solver.

All that is no structure (weights, rates, alpha, seeds, how many steps are live) is an
argument, so that a second estimator of the same structure compiles nothing.
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

from mlpkit.backend_kit import Block, deltas, moved, row_losses, stepped
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

Tensors: TypeAlias = dict[str, Any]  # by name: JAX's arrays, or NumPy's on their way to JAX

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


class State(NamedTuple):
    """Weights by name, and solver slots under `slot_name`."""

    weights: Tensors
    optimizer_state: Tensors


class Total(NamedTuple):
    """StepSums over rows: the loss, the weight, and what `Steps.gradient` gives for each array."""

    loss: Any
    weight: Any
    gradients: Tensors


@dataclass(frozen=True)
class Chain:
    """The dense chain as an `Apply`: x (n, n_features) -> (n, n_outputs)."""

    depth: int
    activations: tuple[str, ...]  # of the hidden layers
    dropouts: tuple[float, ...] = ()  # likewise; empty where all are 0

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
        """Outputs before activation; nothing is frozen. Dropout takes the rows' indices (n,)."""
        for i in range(self.depth):
            if i:
                x = ACTIVATIONS[self.activations[i - 1]](x)
                if train and self.dropouts and self.dropouts[i - 1]:
                    x = _dropped(x, indices, seed, i - 1, self.dropouts[i - 1])
            x = x @ arrays[f"coef_{i}"] + arrays[f"intercept_{i}"]
        return x, {}


def _dropped(x: Any, indices: Any, seed: Any, layer: int, rate: float) -> Any:
    """x (n, n_units) with some units of each row 0, and the others scaled."""
    units = jnp.arange(x.shape[1], dtype=jnp.uint32)
    mask = dropout_mask(jnp, indices, units, seed, layer, rate, np.uint32)
    return x * (mask.astype(x.dtype) / (1 - rate))


class Structure(NamedTuple):
    """What code is compiled for."""

    apply: Apply
    loss: Loss
    decayed: frozenset[str]
    frozen: frozenset[str]
    update: Callable[..., Any] | None
    optimizer_state: tuple[str, ...]
    options: tuple[tuple[str, float], ...]
    joint: Joint | None


def chain_of(spec: Spec) -> Chain:
    """The dense chain of a spec."""
    dropouts = spec.dropouts if any(spec.dropouts) else ()
    return Chain(len(spec.layer_units) - 1, spec.activations, dropouts)


def structure(network: Network, spec: Spec, recipe: Recipe) -> Structure:
    """The structure of a network, trained by the recipe's solver."""
    solver = recipe.solver
    return Structure(
        network.apply or chain_of(spec),
        spec.loss,
        network.decayed,
        network.frozen,
        solver.update,
        solver.optimizer_state,
        tuple(sorted(solver.options.items())),
        solver.joint,
    )


class Programs(NamedTuple):
    """The functions below, compiled for one structure; JAX adds the shapes to the key."""

    run: Callable[..., tuple[State, Any, Any]]
    with_predictions: Callable[..., tuple[State, Any, Any]]
    add: Callable[..., tuple[Total, Any]]
    update: Callable[..., State]
    outputs: Callable[..., Any]


@lru_cache(maxsize=64)  # bounded: a network of another framework may be large
def programs(s: Structure) -> Programs:
    """The programs of a structure."""
    with_predictions = partial(run, with_predictions=True)
    return Programs(
        *(jax.jit(partial(f, s)) for f in (run, with_predictions, add, update, outputs))
    )


def run(
    s: Structure, state: State, block: Block, alpha: Any, with_predictions: bool = False
) -> tuple[State, Any, Any]:
    """The live steps of a block -> State, and loss, weight, penalty of each step (3, steps);
    if with_predictions, the activated outputs of its rows (steps, batch, n_outputs), else None.
    """

    def step(i: Any, carry: tuple[State, Any, Any]) -> tuple[State, Any, Any]:
        state, sums, seen = carry
        total, statistics, p = _backward(s, state.weights, block, i)
        row = jnp.stack([total.loss, total.weight, _penalty(s, state.weights, alpha)])
        state = _advanced(s, state, total, statistics, block.learning_rates[i], alpha)
        return state, sums.at[:, i].set(row), seen.at[i].set(p) if with_predictions else None

    sums = jnp.zeros((3, block.w.shape[0]), block.w.dtype)
    seen = jnp.zeros(block.y.shape, block.w.dtype) if with_predictions else None
    return lax.fori_loop(0, block.steps, step, (state, sums, seen))  # type: ignore[no-any-return]


def add(
    s: Structure, total: Total, weights: Tensors, block: Block, alpha: Any
) -> tuple[Total, Any]:
    """The total plus that of a block, all of it at the same weights, and their penalty."""

    def step(i: Any, total: Total) -> Total:
        new, statistics, _ = _backward(s, weights, block, i)
        sums = {
            name: _changed(value, weights[name]) * new.weight for name, value in statistics.items()
        }
        new = new._replace(gradients={**new.gradients, **sums})
        added: Total = jax.tree.map(lambda old, new: old + _like(new, old), total, new)
        return added

    return lax.fori_loop(0, block.steps, step, total), _penalty(s, weights, alpha)


def update(
    s: Structure, state: State, gradients: Tensors, weight: Any, learning_rate: Any, alpha: Any
) -> State:
    """One solver step with what `add` summed up."""
    statistics = {
        name: _averaged(gradients[name] / weight, state.weights[name]) for name in s.frozen
    }
    trained = {name: g for name, g in gradients.items() if name not in s.frozen}
    return _advanced(s, state, Total(0.0, weight, trained), statistics, learning_rate, alpha)


def _changed(new: Any, old: Any) -> Any:
    """What of a frozen array is averaged: its value; of integers their change, which is small
    where they are large.
    """
    if not jnp.issubdtype(old.dtype, jnp.integer):
        return new
    change = jnp.asarray(new, old.dtype) - old
    return change.astype(f"int{8 * old.dtype.itemsize}")  # an unsigned one wraps around


def _averaged(mean: Any, old: Any) -> Any:
    """A frozen array's new value from the mean of what `_changed` gave."""
    if jnp.issubdtype(old.dtype, jnp.integer):
        return old + jnp.round(mean).astype(f"int{8 * old.dtype.itemsize}").astype(old.dtype)
    return mean


def outputs(s: Structure, weights: Tensors, x: Any) -> Any:
    """Outputs before activation, (n, n_outputs), of x (n, n_features)."""
    return s.apply(weights, x, train=False, seed=jnp.uint32(0), w=None)[0]


def _backward(
    s: Structure, weights: Tensors, block: Block, i: Any
) -> tuple[Total, Mapping[str, Any], Any]:
    """StepSums and gradients of step i, the new values of the frozen arrays, activated outputs."""
    if len(block.w) == 1:
        i = 0  # where it is known, rows are not copied
    x, y, w, seed = block.X[i], block.y[i], block.w[i], block.seeds[i]
    trained = {name: a for name, a in weights.items() if name not in s.frozen}
    drawn = {} if block.indices is None else {"indices": block.indices[i]}

    def forward(trained: Tensors) -> tuple[tuple[Any, Any], Tensors]:
        z, after = s.apply({**weights, **trained}, x, train=True, seed=seed, w=w, **drawn)
        return (z, jnp.asarray(after.get(PENALTY, 0), w.dtype)), after

    (z, penalty), pull, after = jax.vjp(forward, trained, has_aux=True)
    loss, delta, p = _loss(s.loss, z, y, w)
    weight = w.sum()
    (gradients,) = pull((delta, weight))
    total = Total(loss + weight * penalty, weight, gradients)
    return total, {name: after[name] for name in s.frozen}, p


def _loss(loss: Loss, z: Any, y: Any, w: Any) -> tuple[Any, Any, Any]:
    """The loss summed over rows, its derivative by the outputs before activation z, and the
    outputs after it.
    """
    live = w > 0  # elsewhere may be NaN, which a product with 0 would let through

    def summed(z: Any) -> tuple[Any, Any]:
        p = ACTIVATIONS[loss.out_activation](z)
        return jnp.where(live, w * row_losses(loss.rows(jnp, y, p), y), 0).sum(), p

    if loss.delta is None:
        (value, p), delta = jax.value_and_grad(summed, has_aux=True)(z)
    else:
        value, p = summed(z)
        delta = w[:, None] * deltas(loss.delta(jnp, y, p), p)
    return value, jnp.where(live[:, None], delta, 0).astype(z.dtype), p


def _penalty(s: Structure, weights: Tensors, alpha: Any) -> Any:
    """The L2 penalty, ``alpha / 2 * |decayed|^2``."""
    return alpha / 2 * sum(jnp.vdot(weights[name], weights[name]) for name in sorted(s.decayed))


def _advanced(
    s: Structure,
    state: State,
    total: Total,
    statistics: Mapping[str, Any],
    learning_rate: Any,
    alpha: Any,
) -> State:
    """One solver step; without weight, the state as it was."""

    def step() -> State:
        weights: Tensors = dict(statistics)
        optimizer_state: Tensors = {}
        gradients = {
            name: (g + alpha * state.weights[name] if name in s.decayed else g) / total.weight
            for name, g in total.gradients.items()
        }
        if s.joint is not None:
            trained = {name: state.weights[name] for name in gradients}
            with traceable():
                returned = s.joint.update(
                    jnp, trained, gradients, state.optimizer_state, learning_rate
                )
            new, optimizer_state = moved(returned, trained, state.optimizer_state)
            weights, gradients = {**weights, **new}, {}
        for name, g in gradients.items():
            assert s.update is not None  # a solver without steps has a trainer of its own
            p = state.weights[name]
            keys = [optimizer_state_name(slot, name) for slot in s.optimizer_state]
            mine = tuple(state.optimizer_state[key] for key in keys)
            with traceable():
                returned = s.update(jnp, p, g, mine, learning_rate, dict(s.options))
            weights[name], new = stepped(returned, p, mine)
            optimizer_state.update(zip(keys, new, strict=True))
        after: State = jax.tree.map(_like, State(weights, optimizer_state), state)
        return after

    # on a CPU a tenth faster than jnp.where over wide layers
    return lax.cond(total.weight > 0, step, lambda: state)  # type: ignore[no-any-return]


@contextmanager
def traceable() -> Iterator[None]:
    """Unsupported instead of JAX's errors for a solver whose code depends on values."""
    try:
        yield
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise Unsupported("branching_solvers") from error


def _like(new: Any, old: Any) -> Any:
    """The new array in the type of the old one."""
    return jnp.asarray(new, old.dtype)
