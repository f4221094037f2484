"""The outputs of a network, the gradient of its loss, and one solver step.

All functions are traced into compiled functions.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from mlpkit.backend_kit import check_deltas, check_joint_update, check_row_losses, check_update
from mlpkit.plugin import PENALTY, Loss, Unsupported, dropout_mask, optimizer_state_name
from mlpkit_tensorflow import namespace as xp
from mlpkit_tensorflow.structure import Structure, Tensor, Tensors, TrainingState

SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766


def _gelu(z: Tensor) -> Tensor:
    # tf.nn.gelu rounds its square root of 2 to single precision
    return 0.5 * z * tf.math.erfc(-math.sqrt(0.5) * z)


def _selu(z: Tensor) -> Tensor:
    # the derivative at 0 is the left one, as on every backend
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
    """Return the outputs before activation, (n, n_outputs), of x (n, n_features), and the second
    result of `Apply`: new values of the frozen arrays, and possibly a penalty.

    Dropout needs the indices of the rows in the training data, (n,).
    """
    if structure.apply is not None:
        return structure.apply(weights, x, train=train, seed=seed, w=w)
    for i in range(structure.depth):
        if i:
            x = ACTIVATIONS[structure.activations[i - 1]](x)
            if indices is not None and structure.dropouts[i - 1]:
                x = _with_dropout(x, indices, seed, i - 1, structure.dropouts[i - 1])
        x = x @ weights[f"coef_{i}"] + weights[f"intercept_{i}"]
    return x, {}


def _with_dropout(x: Tensor, indices: Tensor, seed: Tensor, layer: int, rate: float) -> Tensor:
    """Set some units of each row of x (n, n_units) to 0 and scale the others."""
    units = tf.range(x.shape[1], dtype=tf.int64)
    mask = dropout_mask(xp, indices, units, seed, layer, rate)
    return x * (tf.cast(mask, x.dtype) / (1 - rate))


def penalty(structure: Structure, weights: Tensors, alpha: Tensor) -> Tensor:
    """Return the L2 penalty ``alpha / 2 * |decayed|^2``, a scalar."""
    squares = [_sum(tf.square(weights[name])) for name in sorted(structure.decayed)]
    return 0.5 * alpha * tf.add_n(squares) if squares else tf.zeros_like(alpha)


def _sum(x: Tensor) -> Tensor:
    # a matrix-vector product, since XLA for CPUs sums whole arrays element by element: 8 times
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
    """Return the sums (3,) of loss, weight and penalty, the gradients of the loss, summed over
    rows, and the activated outputs.

    ``rows`` are x (n, n_features), y (n, n_outputs), w (n,) and, with dropout, the indices of the
    rows (n,) int64. The gradients contain the new values of the frozen arrays.
    """
    x, y, w = rows[:3]
    weight = tf.reduce_sum(w)
    trained = {name: p for name, p in weights.items() if name not in structure.frozen}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(trained)
        z, new = outputs(structure, {**weights, **trained}, x, True, seed, w, *rows[3:])
        own_penalty = tf.convert_to_tensor(new.get(PENALTY, 0), w.dtype)
    loss, delta, p = _loss(structure.loss, y, z, w)
    gradients: Tensors = tape.gradient(
        [z, own_penalty],
        trained,
        output_gradients=[delta, weight],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    gradients |= {name: tf.cast(new[name], weights[name].dtype) for name in structure.frozen}
    l2_penalty = penalty(structure, weights, alpha)
    return tf.stack([loss + weight * own_penalty, weight, l2_penalty]), gradients, p


def _loss(loss: Loss, y: Tensor, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, (n, n_outputs), and the activated outputs.

    Rows of weight 0 add 0, even if their loss is not finite.
    """
    counted = w > 0
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if loss.delta is None:
            tape.watch(z)
        p = ACTIVATIONS[loss.out_activation](tf.where(counted[:, None], z, 0))
        losses = check_row_losses(loss.rows(xp, y, p), y)
        total = tf.reduce_sum(tf.where(counted, w * losses, 0))
    if loss.delta is None:
        return total, tape.gradient(total, z), p
    delta = check_deltas(loss.delta(xp, y, p), p)
    return total, tf.where(counted[:, None], w[:, None] * delta, 0), p


def advance(
    structure: Structure,
    state: TrainingState,
    gradients: Tensors,
    weight: Tensor,
    rates: Tensors,
    settings: Tensors,
) -> TrainingState:
    """Return the state after one solver step of a weight above 0.

    The summed gradients contain the new values of the frozen arrays. ``rates`` are the learning
    rate and, if weights decay, the weight decay of the step.
    """
    trained = {name: p for name, p in state.weights.items() if name not in structure.frozen}
    means = {}
    for name, p in trained.items():
        g = gradients[name]
        means[name] = (g + settings["alpha"] * p if name in structure.decayed else g) / weight
    learning_rates = dict.fromkeys(trained, rates["learning_rates"])
    for i, name in enumerate(structure.with_rate_factors):
        learning_rates[name] *= settings["rate_factors"][i]
    if structure.joint:
        weights, optimizer_state = _joint_update(
            structure, trained, means, state.optimizer_state, rates["learning_rates"]
        )
        for i, name in enumerate(structure.with_rate_factors):
            change = weights[name] - trained[name]
            weights[name] = trained[name] + settings["rate_factors"][i] * change
    else:
        weights, optimizer_state = _elementwise_update(
            structure, trained, means, state.optimizer_state, learning_rates
        )
    if "weight_decays" in rates:
        for i, name in enumerate(structure.with_decay_factors):
            amount = learning_rates[name] * rates["weight_decays"] * settings["decay_factors"][i]
            weights[name] -= amount * trained[name]
    weights |= {name: gradients[name] for name in structure.frozen}
    return TrainingState(weights, optimizer_state)


def summed(structure: Structure, weights: Tensors, gradients: Tensors, weight: Tensor) -> Tensors:
    """Return the gradients as `Steps.gradient` returns them.

    For a frozen array, they contain the new value times the weight or, for integers, the change
    times the weight, which is small even if they are large.
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
    """Replace the sums of `summed` by new values for the frozen arrays."""
    new = {}
    for name in structure.frozen:
        mean, old = sums[name] / weight, weights[name]
        if old.dtype.is_integer:
            value = tf.cast(old, tf.int64) + tf.cast(tf.round(mean), tf.int64)
            new[name] = tf.cast(value, old.dtype)
        else:
            new[name] = tf.cast(mean, old.dtype)
    return {**sums, **new}


def _elementwise_update(
    structure: Structure,
    weights: Tensors,
    gradients: Tensors,
    optimizer_state: Tensors,
    learning_rates: Tensors,
) -> tuple[Tensors, Tensors]:
    assert structure.update is not None  # the trainer of a solver without steps makes no updates
    new_weights: Tensors = {}
    new_state: Tensors = {}
    for name, p in weights.items():
        keys = [optimizer_state_name(moment, name) for moment in structure.moments]
        moments = tuple(optimizer_state[key] for key in keys)
        options = dict(structure.options)
        with traceable():
            returned = structure.update(
                xp, p, gradients[name], moments, learning_rates[name], options
            )
        new_weights[name], new_moments = check_update(returned, p, moments)
        new_state.update(zip(keys, new_moments, strict=True))
    return new_weights, new_state


def _joint_update(
    structure: Structure,
    weights: Tensors,
    gradients: Tensors,
    optimizer_state: Tensors,
    learning_rate: Tensor,
) -> tuple[Tensors, Tensors]:
    assert structure.joint is not None
    with traceable():
        returned = structure.joint.update(xp, weights, gradients, optimizer_state, learning_rate)
    new_weights, new_state = check_joint_update(returned, weights, optimizer_state)
    return dict(new_weights), dict(new_state)


@contextmanager
def traceable() -> Iterator[None]:
    """Raise Unsupported instead of TensorFlow's errors for code that depends on values."""
    try:
        yield
    except (tf.errors.OperatorNotAllowedInGraphError, NotImplementedError) as error:
        if "symbolic" not in str(error):
            raise
        raise Unsupported("branching_solvers") from error
