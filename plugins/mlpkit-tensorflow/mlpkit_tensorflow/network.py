"""The outputs of a network, the gradient of its loss, and one solver step.

All functions are traced into compiled functions.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from mlpkit.backend_kit import (
    by_model,
    check_joint_update,
    check_update,
    checked_outputs,
    clipped,
    deltas,
    expanded_like,
    mean_of_members,
    outputs_of_models,
    row_losses,
)
from mlpkit.plugin import (
    PENALTY,
    Loss,
    StepContext,
    Unsupported,
    dropout,
    optimizer_state_name,
)
from mlpkit_tensorflow import namespace as xp
from mlpkit_tensorflow.structure import Structure, Tensor, Tensors, TrainingState

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": tf.identity,
    "logistic": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "gelu": xp.gelu,
    "silu": tf.nn.silu,
    "selu": xp.selu,
    "mish": xp.mish,
    "leaky_relu": xp.leaky_relu,
    "exp": tf.exp,
    "softmax": tf.nn.softmax,
}


NARROW = 32  # outputs of a layer whose gradient XLA computes slowly on a CPU


def product(x: Tensor, weights: Tensor, compiled: bool) -> Tensor:
    """Return ``x @ weights`` with a gradient that is fast on a CPU for few outputs.

    XLA for CPUs multiplies ``x.T`` by a narrow matrix slowly, up to seven times slower than in the
    opposite order. If the product is ``compiled`` by XLA, a barrier prevents XLA from changing the
    order.
    """

    def with_gradients(x: Tensor, weights: Tensor) -> tuple[Tensor, Any]:
        def gradients(delta: Tensor) -> tuple[Tensor, Tensor]:
            of_x = tf.matmul(delta, weights, transpose_b=True)
            if weights.shape[1] > NARROW:
                return of_x, tf.matmul(x, delta, transpose_a=True)
            transposed = tf.matmul(delta, x, transpose_a=True)
            return of_x, tf.transpose(_barrier(transposed) if compiled else transposed)

        return x @ weights, gradients

    return tf.custom_gradient(with_gradients)(x, weights)


def _barrier(x: Tensor) -> Tensor:
    """Return x, which XLA computes as it is written."""
    try:
        from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_optimization_barrier
    except ImportError:  # another version of TensorFlow
        return x
    return xla_optimization_barrier([x])[0]


def outputs(
    structure: Structure,
    weights: Tensors,
    x: Tensor,
    step: StepContext | None = None,
) -> tuple[Tensor, Tensors]:
    """Return the outputs before activation, (n, n_outputs), of x (n, n_features), and the second
    result of `Apply`: new values of the frozen arrays, and possibly a penalty.
    """
    if structure.xp_apply is not None:
        return _portable(structure, weights, x, step)
    if structure.apply is not None:
        if step is None:
            return structure.apply(weights, x, train=False, seed=tf.constant(0, tf.int64), w=None)
        return structure.apply(weights, x, train=True, seed=step.seed, w=step.w)
    for i in range(structure.depth):
        if i:
            x = ACTIVATIONS[structure.activations[i - 1]](x)
            if step is not None and structure.dropouts and structure.dropouts[i - 1]:
                x = dropout(xp, x, step, i - 1, structure.dropouts[i - 1])
        x = product(x, weights[f"coef_{i}"], structure.jit_compile) + weights[f"intercept_{i}"]
    return x, {}


def _portable(
    structure: Structure, weights: Tensors, x: Tensor, step: StepContext | None
) -> tuple[Tensor, Tensors]:
    """Call the function of the builder, with an axis of models if there are several."""
    assert structure.xp_apply is not None
    x = by_model(xp, x, structure.n_models)
    if step is not None:
        ids, w = (by_model(xp, a, structure.n_models) for a in (step.ids, step.w))
        # 32 bits, since XLA multiplies integers of 64 bits one by one on a CPU
        seed, ids = tf.cast(step.seed, tf.uint32), tf.cast(ids, tf.uint32)
        step = StepContext(seed, ids, w, tf.convert_to_tensor(step.dropout, x.dtype))
    z, new = structure.xp_apply(xp, weights, x, step)
    return checked_outputs(xp, z, tuple(x.shape[:-1]), structure.n_members), new


def outputs_of_rows(structure: Structure, weights: Tensors, x: Tensor) -> Tensor:
    """Return the outputs before activation, in the form of `Steps.outputs`."""

    def forward(x: Tensor) -> Tensor:
        return outputs(structure, weights, x)[0]

    return outputs_of_models(xp, forward, x, structure.n_models)


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
) -> tuple[Tensor, Tensor, Tensors, Tensor]:
    """Return the sums (3,) of loss, weight and penalty; the weight, of each model (n_models,) if
    there are several; the gradients of the loss, summed over rows; and the predictions.

    ``rows`` are x (n, n_features), y (n, n_outputs), w (n,) and, if the structure needs them, the
    ids of the rows (n,) int64 and the factor of the dropout rates, (). The gradients contain
    the new values of the frozen arrays that change.
    """
    x, y, w = rows[:3]
    ids = rows[3] if len(rows) > 3 else None
    step = StepContext(seed, ids, w, rows[4] if len(rows) > 4 else 1.0)
    weight = tf.reduce_sum(by_model(xp, w, structure.n_models), -1)
    trained = {name: p for name, p in weights.items() if name not in structure.frozen}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(trained)
        z, new = outputs(structure, {**weights, **trained}, x, step)
        own_penalty = tf.convert_to_tensor(new.get(PENALTY, 0), w.dtype)
        own_penalty = tf.broadcast_to(own_penalty, weight.shape)
    loss, delta, p = _loss(structure.loss, y, z, w)
    gradients: Tensors = tape.gradient(
        [z, own_penalty],
        trained,
        output_gradients=[delta, weight],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    for name in structure.frozen & new.keys():
        gradients[name] = tf.cast(new[name], weights[name].dtype)
    l2_penalty = penalty(structure, weights, alpha)
    loss += tf.reduce_sum(weight * own_penalty)
    return tf.stack([loss, tf.reduce_sum(weight), l2_penalty]), weight, gradients, p


def _loss(loss: Loss, y: Tensor, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, (n, n_outputs) or (n, n_members, n_outputs), and the predictions (n, n_outputs).

    Rows of weight 0 add 0, even if their loss is not finite.
    """
    counted = w > 0
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if loss.delta is None:
            tape.watch(z)
        p = ACTIVATIONS[loss.out_activation](tf.where(expanded_like(counted, z), z, 0))
        total = tf.reduce_sum(tf.where(counted, w * row_losses(xp, loss, y, p), 0))
    if loss.delta is None:
        return total, tape.gradient(total, z), mean_of_members(xp, p)
    delta = expanded_like(w, z) * deltas(xp, loss, y, p)
    return total, tf.where(expanded_like(counted, z), delta, 0), mean_of_members(xp, p)


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
        g = g + settings["alpha"] * p if name in structure.decayed else g
        means[name] = g / expanded_like(weight, g)
    if structure.clips:
        means = clipped(xp, means, settings["max_gradient_norm"], structure.n_models)
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
    weights |= {name: gradients.get(name, state.weights[name]) for name in structure.frozen}
    after = TrainingState(weights, optimizer_state)
    return _without_empty_models(structure, after, state, weight) if structure.n_models else after


def _without_empty_models(
    structure: Structure, after: TrainingState, before: TrainingState, weight: Tensor
) -> TrainingState:
    """Return the state in which the models whose rows have weight 0 are unchanged."""

    def kept(new: Tensors, old: Tensors) -> Tensors:
        return {
            name: tf.where(expanded_like(weight > 0, array), array, old[name])
            for name, array in new.items()
        }

    weights = kept(after.weights, before.weights)
    if structure.joint is not None:  # its state may have any shapes
        return TrainingState(weights, after.optimizer_state)
    return TrainingState(weights, kept(after.optimizer_state, before.optimizer_state))


def summed(structure: Structure, weights: Tensors, gradients: Tensors, weight: Tensor) -> Tensors:
    """Return the gradients as `Steps.gradient` returns them.

    For a frozen array, they contain the change times the weight, which is 0 for a constant, and
    small for integers even if they are large.
    """
    sums = {}
    for name in sorted(structure.frozen):
        old = weights[name]
        change = tf.zeros(old.shape, weight.dtype)
        if name in gradients:
            exact = tf.int64 if old.dtype.is_integer else old.dtype
            change = tf.cast(gradients[name], exact) - tf.cast(old, exact)
        change = tf.cast(change, weight.dtype)
        sums[name] = change * expanded_like(weight, change)
    return {**gradients, **sums}


def averaged(structure: Structure, weights: Tensors, sums: Tensors, weight: Tensor) -> Tensors:
    """Replace the sums of `summed` by new values for the frozen arrays."""
    new = {}
    for name in structure.frozen:
        mean, old = sums[name] / expanded_like(weight, sums[name]), weights[name]
        if old.dtype.is_integer:
            value = tf.cast(old, tf.int64) + tf.cast(tf.round(mean), tf.int64)
            new[name] = tf.cast(value, old.dtype)
        else:
            new[name] = old + tf.cast(mean, old.dtype)
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
