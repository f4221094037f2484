"""Compiled functions, kept by structure and by the shape of their rows.

Each is traced for one shape, so what is kept can't be compiled again unseen, and a call
costs half of what a `tf.function` that looks for the right trace takes.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import tensorflow as tf

from mlpkit_tensorflow import network
from mlpkit_tensorflow.structure import State, Structure, Tensor, Tensors

KEPT = 256  # programs of each kind; a structure needs about ten

# x (..., n_features), y (..., n_outputs), w (...); with dropout, the rows' indices (...)
Rows = tuple[Tensor, ...]


def _compiled(
    structure: Structure, function: Callable[..., Any], *specs: Any, jit_compile: bool
) -> Callable[..., Any]:
    traced = tf.function(partial(function, structure), autograph=False, jit_compile=jit_compile)
    program: Any = traced.get_concrete_function(*specs)
    inner: Any = getattr(program, "inference_fn", None)
    if inner is None:  # another TensorFlow
        return program  # type: ignore[no-any-return]
    types = [t.dtype for t in tf.nest.flatten(program.structured_outputs)]

    def called(*args: Any) -> Any:
        # without the casts and checks of each argument, which take as long as a small step
        flat = [*tf.nest.flatten(args), *program.captured_inputs]
        if jit_compile:
            found = inner.call_flat(*flat)
        else:
            found = tf.raw_ops.PartitionedCall(args=flat, Tout=types, f=inner)
        return tf.nest.pack_sequence_as(program.structured_outputs, found)

    return called


def _rows(structure: Structure, *shape: int) -> Rows:
    rows = (
        structure.tensor(*shape, structure.n_features),
        structure.tensor(*shape, structure.n_outputs),
        structure.tensor(*shape),
    )
    return (*rows, tf.TensorSpec(shape, tf.int64)) if structure.dropouts else rows


def _seeds(*shape: int) -> Any:
    return tf.TensorSpec(shape, tf.int64)


@lru_cache(maxsize=KEPT)
def epoch(
    structure: Structure, steps: int, batch: int, with_predictions: bool = False
) -> Callable[..., tuple[State, Tensor, Any]]:
    """``(state, rows (steps, batch, ...), rates (steps,), seeds (steps,), order (steps,),
    live, alpha)`` to the state after the steps ``order[:live]``, the sums of each step,
    (3, steps), 0 for the others, and if with_predictions the activated outputs of all rows.
    """
    return _compiled(
        structure,
        lambda structure, *args: _epoch(structure, with_predictions, *args),
        structure.state(),
        _rows(structure, steps, batch),
        structure.tensor(steps),
        _seeds(steps),
        tf.TensorSpec((steps,), tf.int32),
        tf.TensorSpec((), tf.int32),
        structure.tensor(),
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=KEPT)
def gradient(structure: Structure, batch: int) -> Callable[..., tuple[Tensor, Tensors, Tensor]]:
    """``(weights, rows (batch, ...), seed, alpha)`` to sums (3,), summed gradients, outputs."""
    return _compiled(
        structure,
        _gradient,
        structure.state().weights,
        _rows(structure, batch),
        _seeds(),
        structure.tensor(),
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=KEPT)
def update(structure: Structure) -> Callable[..., State]:
    """``(state, summed gradients, weight, rate, alpha)`` to the next state."""
    state, scalar = structure.state(), structure.tensor()
    gradients = {name: structure.tensor(*shape) for name, shape, _ in structure.weights}
    return _compiled(
        structure,
        _update,
        state,
        gradients,
        scalar,
        scalar,
        scalar,
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=KEPT)
def outputs(structure: Structure) -> Callable[..., Tensor]:
    """``(weights, x)`` to outputs before activation, for any number of rows of x: there is
    little to fuse in a forward pass, so it needs neither XLA nor its fixed shapes.
    """
    weights = structure.state().weights
    program: Callable[..., Tensor] = _compiled(
        structure,
        _outputs,
        weights,
        structure.tensor(None, structure.n_features),
        jit_compile=False,
    )
    return program


def _epoch(
    structure: Structure,
    with_predictions: bool,
    state: State,
    rows: Rows,
    learning_rates: Tensor,
    seeds: Tensor,
    order: Tensor,
    live: Tensor,
    alpha: Tensor,
) -> tuple[State, Tensor, Any]:
    steps = learning_rates.shape[0]
    sums = tf.TensorArray(structure.dtype, steps, element_shape=(3,))
    each = rows[1].shape[1:] if with_predictions else (0,)
    seen = tf.TensorArray(structure.dtype, steps, element_shape=each)

    def step(turn: Tensor, state: State, sums: Any, seen: Any) -> tuple[Tensor, State, Any, Any]:
        i = order[turn]
        at = i if steps > 1 else 0  # where it is known, rows are not copied
        batch = tuple(each[at] for each in rows)
        found, gradients, p = network.gradient(structure, state.weights, batch, seeds[i], alpha)
        state = network.advance(structure, state, gradients, found[1], learning_rates[i], alpha)
        return turn + 1, state, sums.write(i, found), seen.write(i, p) if with_predictions else seen

    first = (0, state, sums, seen)
    _, state, sums, seen = tf.while_loop(lambda turn, *_: turn < live, step, first)
    return state, tf.transpose(sums.stack()), seen.stack()


def _gradient(
    structure: Structure, weights: Tensors, rows: Rows, seed: Tensor, alpha: Tensor
) -> tuple[Tensor, Tensors, Tensor]:
    found, gradients, p = network.gradient(structure, weights, rows, seed, alpha)
    return found, network.summed(structure, weights, gradients, found[1]), p


def _update(
    structure: Structure,
    state: State,
    sums: Tensors,
    weight: Tensor,
    learning_rate: Tensor,
    alpha: Tensor,
) -> State:
    gradients = network.averaged(structure, state.weights, sums, weight)
    return network.advance(structure, state, gradients, weight, learning_rate, alpha)


def _outputs(structure: Structure, weights: Tensors, x: Tensor) -> Tensor:
    seed = tf.constant(0, tf.int64)
    return network.outputs(structure, weights, x, train=False, seed=seed, w=None)[0]
