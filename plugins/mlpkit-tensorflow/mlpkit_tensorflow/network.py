"""What a network computes: outputs, the loss with its gradient, one solver step.

Everything here is traced into compiled functions.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from mlpkit.backend_kit import deltas, moved, row_losses, stepped
from mlpkit.plugin import PENALTY, Loss, Unsupported, dropout_mask, optimizer_state_name
from mlpkit_tensorflow import namespace as xp
from mlpkit_tensorflow.structure import State, Structure, Tensor, Tensors

SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766


def _gelu(z: Tensor) -> Tensor:
    # tf.nn.gelu rounds its square root of 2 to single precision
    return 0.5 * z * tf.math.erfc(-math.sqrt(0.5) * z)


def _selu(z: Tensor) -> Tensor:
    # the derivative at 0 is the one from below, as on every backend
    return tf.where(z > 0, SELU_SCALE * z, SELU_BOTTOM * tf.math.expm1(tf.minimum(z, 0)))


def _leaky_relu(z: Tensor) -> Tensor:
    return tf.where(z > 0, z, 0.01 * z)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": tf.identity,
    "logistic": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "gelu": _gelu,
    "silu": tf.nn.silu,
    "selu": _selu,
    "mish": lambda z: z * tf.tanh(tf.nn.softplus(z)),
    "leaky_relu": _leaky_relu,
    "exp": tf.exp,
    "softmax": tf.nn.softmax,
}


def outputs(
    structure: Structure,
    weights: Tensors,
    x: Tensor,
    train: bool,
    seed: Tensor,
    w: Tensor,
    indices: Tensor = None,
) -> tuple[Tensor, Tensors]:
    """Outputs before activation (n, n_outputs) of x (n, n_features), and what else `Apply`
    gives: new values of the frozen arrays, maybe a penalty. Dropout takes the rows' indices.
    """
    if structure.apply is not None:
        return structure.apply(weights, x, train=train, seed=seed, w=w)
    for i in range(structure.depth):
        if i:
            x = ACTIVATIONS[structure.activations[i - 1]](x)
            if indices is not None and structure.dropouts[i - 1]:
                x = _dropped(x, indices, seed, i - 1, structure.dropouts[i - 1])
        x = x @ weights[f"coef_{i}"] + weights[f"intercept_{i}"]
    return x, {}


def _dropped(x: Tensor, indices: Tensor, seed: Tensor, layer: int, rate: float) -> Tensor:
    """x (n, n_units) with some units of each row 0, and the others scaled."""
    units = tf.range(x.shape[1], dtype=tf.int64)
    mask = dropout_mask(xp, indices, units, seed, layer, rate)
    return x * (tf.cast(mask, x.dtype) / (1 - rate))


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
    rows: tuple[Tensor, ...],
    seed: Tensor,
    alpha: Tensor,
) -> tuple[Tensor, Tensors, Tensor]:
    """StepSums (3,) of loss, weight and penalty, the gradient of the loss as sums over rows, and
    the activated outputs.

    ``rows`` are x (n, n_features), y (n, n_outputs), w (n,) and, with dropout, the rows'
    indices (n,) int64. A frozen array stands among
    the gradients with its new value.
    """
    x, y, w = rows[:3]
    weight = tf.reduce_sum(w)
    trained = {name: p for name, p in weights.items() if name not in structure.frozen}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(trained)
        z, after = outputs(structure, {**weights, **trained}, x, True, seed, w, *rows[3:])
        own = tf.convert_to_tensor(after.get(PENALTY, 0), w.dtype)
    loss, delta, p = _loss(structure.loss, y, z, w)
    found: Tensors = tape.gradient(
        [z, own],
        trained,
        output_gradients=[delta, weight],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    found |= {name: tf.cast(after[name], weights[name].dtype) for name in structure.frozen}
    return tf.stack([loss + weight * own, weight, penalty(structure, weights, alpha)]), found, p


def _loss(loss: Loss, y: Tensor, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The weighted sum of the loss over rows, its derivative by the outputs z before
    activation, (n, n_outputs), and the outputs after it. Rows of weight 0 give 0, even where
    theirs is not finite.
    """
    live = w > 0
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if loss.delta is None:
            tape.watch(z)
        p = ACTIVATIONS[loss.out_activation](tf.where(live[:, None], z, 0))
        total = tf.reduce_sum(tf.where(live, w * row_losses(loss.rows(xp, y, p), y), 0))
    if loss.delta is None:
        return total, tape.gradient(total, z), p
    delta = deltas(loss.delta(xp, y, p), p)
    return total, tf.where(live[:, None], w[:, None] * delta, 0), p


def advance(
    structure: Structure,
    state: State,
    gradients: Tensors,
    weight: Tensor,
    learning_rate: Tensor,
    alpha: Tensor,
) -> State:
    """The state after one step of the solver, of a weight above 0; a frozen array's new value
    stands among the summed gradients.
    """
    trained = {name: p for name, p in state.weights.items() if name not in structure.frozen}
    means = {}
    for name, p in trained.items():
        g = gradients[name]
        means[name] = (g + alpha * p if name in structure.decayed else g) / weight
    step = _together if structure.joint else _one_by_one
    weights, optimizer_state = step(structure, trained, means, state.optimizer_state, learning_rate)
    return State(weights | {name: gradients[name] for name in structure.frozen}, optimizer_state)


def summed(structure: Structure, weights: Tensors, gradients: Tensors, weight: Tensor) -> Tensors:
    """What `Steps.gradient` gives: new values of frozen arrays times the weight; of integers
    their change, which is small where they are large.
    """
    sums = {}
    for name in structure.frozen:
        new, old = gradients[name], weights[name]
        change = new
        if old.dtype.is_integer:
            change = tf.cast(new, tf.int64) - tf.cast(old, tf.int64)
        sums[name] = tf.cast(change, weight.dtype) * weight
    return {**gradients, **sums}


def averaged(structure: Structure, weights: Tensors, sums: Tensors, weight: Tensor) -> Tensors:
    """The frozen arrays' new values from what `summed` gave, added up."""
    new = {}
    for name in structure.frozen:
        mean, old = sums[name] / weight, weights[name]
        if old.dtype.is_integer:
            after = tf.cast(old, tf.int64) + tf.cast(tf.round(mean), tf.int64)
            new[name] = tf.cast(after, old.dtype)
        else:
            new[name] = tf.cast(mean, old.dtype)
    return {**sums, **new}


def _one_by_one(
    structure: Structure,
    weights: Tensors,
    gradients: Tensors,
    optimizer_state: Tensors,
    learning_rate: Tensor,
) -> tuple[Tensors, Tensors]:
    assert structure.update is not None  # a solver without steps has a trainer of its own
    trained: Tensors = {}
    after: Tensors = {}
    for name, p in weights.items():
        keys = [optimizer_state_name(slot, name) for slot in structure.slot_names]
        mine = tuple(optimizer_state[key] for key in keys)
        options = dict(structure.options)
        with traceable():
            returned = structure.update(xp, p, gradients[name], mine, learning_rate, options)
        trained[name], new = stepped(returned, p, mine)
        after.update(zip(keys, new, strict=True))
    return trained, after


def _together(
    structure: Structure,
    weights: Tensors,
    gradients: Tensors,
    optimizer_state: Tensors,
    learning_rate: Tensor,
) -> tuple[Tensors, Tensors]:
    assert structure.joint is not None
    with traceable():
        returned = structure.joint.update(xp, weights, gradients, optimizer_state, learning_rate)
    trained, after = moved(returned, weights, optimizer_state)
    return dict(trained), dict(after)


@contextmanager
def traceable() -> Iterator[None]:
    """Unsupported instead of TensorFlow's errors for a solver whose code depends on values."""
    try:
        yield
    except (tf.errors.OperatorNotAllowedInGraphError, NotImplementedError) as error:
        if "symbolic" not in str(error):
            raise
        raise Unsupported("branching_solvers") from error
