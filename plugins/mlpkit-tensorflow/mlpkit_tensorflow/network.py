"""What a network computes: outputs, the loss with its gradient, one solver step.

Everything here is traced into compiled functions. A `Structure` is what they are compiled
for; all else (weights, rows, alpha, learning rates, seeds) comes in at run time.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import tensorflow as tf

from mlpkit.plugin import Apply, Loss, Network, Recipe, Spec
from mlpkit_tensorflow import namespace as xp

Tensor = Any  # TensorFlow has no complete types
Tensors = dict[str, Tensor]  # by the names of `Network.arrays`

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": tf.identity,
    "logistic": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "exp": tf.exp,
    "softmax": tf.nn.softmax,
}


class State(NamedTuple):
    """Tensors that are never written to: weights, and the solver's slots of each trained one."""

    weights: Tensors
    slots: dict[str, tuple[Tensor, ...]]


class Structure(NamedTuple):
    """What compiled functions depend on: equal structures share them."""

    apply: Apply | None
    activation: str
    depth: int
    loss: Loss
    update: Callable[..., Any] | None
    options: tuple[tuple[str, float], ...]
    n_slots: int
    decayed: frozenset[str]
    frozen: frozenset[str]
    shapes: tuple[tuple[str, tuple[int, ...], str], ...]  # name, shape and dtype of a weight
    n_features: int
    n_outputs: int
    dtype: Literal["float32", "float64"]
    jit_compile: bool

    def spec(self, *shape: int | None) -> Any:
        """What compiled functions are told about numbers of this shape."""
        return tf.TensorSpec(shape, self.dtype)

    def state(self) -> State:
        """What they are told about a state."""
        weights = {name: tf.TensorSpec(shape, dtype) for name, shape, dtype in self.shapes}
        trained = weights.keys() - self.frozen
        return State(weights, {name: (weights[name],) * self.n_slots for name in trained})


def structure_of(network: Network, spec: Spec, recipe: Recipe, jit_compile: bool) -> Structure:
    """The structure that a network, its spec and its recipe have."""
    solver = recipe.solver
    return Structure(
        network.apply,
        spec.activation,
        len(spec.layer_units) - 1,
        spec.loss,
        solver.update,
        tuple(sorted(solver.options.items())),
        len(solver.slots),
        network.decayed,
        network.frozen,
        tuple((name, a.shape, a.dtype.name) for name, a in sorted(network.arrays.items())),
        spec.n_features,
        spec.n_outputs,
        spec.dtype,
        jit_compile,
    )


def outputs(
    structure: Structure, weights: Tensors, x: Tensor, train: bool, seed: Tensor
) -> tuple[Tensor, Tensors]:
    """Outputs before activation (n, n_outputs) of x (n, n_features), and weights whose frozen
    ones are new.
    """
    if structure.apply is not None:
        return structure.apply(weights, x, train=train, seed=seed)
    for i in range(structure.depth):
        if i:
            x = ACTIVATIONS[structure.activation](x)
        x = x @ weights[f"coef_{i}"] + weights[f"intercept_{i}"]
    return x, weights


def penalty(structure: Structure, weights: Tensors, alpha: Tensor) -> Tensor:
    """``alpha / 2 * |decayed|^2``, a scalar."""
    squares = [_sum(tf.square(weights[name])) for name in sorted(structure.decayed)]
    return 0.5 * alpha * tf.add_n(squares) if squares else tf.zeros_like(alpha)


def _sum(x: Tensor) -> Tensor:
    # through a matrix-vector product: XLA for CPUs adds up whole arrays one by one, 8 times
    # slower, which was 14% of a step of a network 784-512-512-10
    width = (1, *x.shape)[-1]
    return tf.reduce_sum(tf.linalg.matvec(tf.reshape(x, (-1, width)), tf.ones(width, x.dtype)))


def gradient(
    structure: Structure,
    weights: Tensors,
    rows: tuple[Tensor, Tensor, Tensor],
    seed: Tensor,
    alpha: Tensor,
) -> tuple[Tensor, Tensors]:
    """Sums (3,) of loss, weight and penalty, and the gradient of the loss as sums over rows.

    ``rows`` are x (n, n_features), y (n, n_outputs) and w (n,). Rows of weight 0 count for
    nothing, even where their loss is not finite. A frozen array stands among the gradients
    as its new value times the weight, so that `advance` can divide all of them alike.
    """
    x, y, w = rows
    live = w > 0
    trained = {name: p for name, p in weights.items() if name not in structure.frozen}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(trained)
        z, after = outputs(structure, {**weights, **trained}, x, True, seed)
    p = ACTIVATIONS[structure.loss.out_activation](z)
    delta = tf.where(live[:, None], w[:, None] * structure.loss.delta(xp, y, p), 0)
    loss = tf.reduce_sum(tf.where(live, w * structure.loss.rows(xp, y, p), 0))
    weight = tf.reduce_sum(w)
    found: Tensors = tape.gradient(
        z, trained, output_gradients=delta, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    found |= {name: tf.cast(after[name], w.dtype) * weight for name in structure.frozen}
    return tf.stack([loss, weight, penalty(structure, weights, alpha)]), found


def advance(
    structure: Structure,
    state: State,
    gradients: Tensors,
    weight: Tensor,
    rate: Tensor,
    alpha: Tensor,
) -> State:
    """The state after one step of the solver, of a weight above 0."""
    assert structure.update is not None  # a solver without steps has another trainer
    weights: Tensors = {}
    slots: dict[str, tuple[Tensor, ...]] = {}
    for name, p in state.weights.items():
        g = gradients[name]
        if name in structure.frozen:
            weights[name] = tf.cast(g / weight, p.dtype)
            continue
        g = (g + alpha * p if name in structure.decayed else g) / weight
        weights[name], slots[name] = structure.update(
            xp, p, g, state.slots[name], rate, dict(structure.options)
        )
    return State(weights, slots)
