"""Compiled functions, cached by structure and by the shape of their rows.

Each function is traced for one shape. It is never compiled again unnoticed, and a call takes half
the time of a `tf.function` that looks for the right trace.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import tensorflow as tf

from mlpkit_tensorflow import network
from mlpkit_tensorflow.structure import Structure, Tensor, Tensors, TrainingState

MAX_PROGRAMS = 256  # of each kind; a structure needs about ten

# x (..., n_features), y (..., n_outputs), w (...); if needed, the ids of the rows (...) and
# the factor of the dropout rates of each step
RowTensors = tuple[Tensor, ...]


def _compiled(
    structure: Structure, function: Callable[..., Any], *specs: Any, jit_compile: bool
) -> Callable[..., Any]:
    traced = tf.function(partial(function, structure), autograph=False, jit_compile=jit_compile)
    program: Any = traced.get_concrete_function(*specs)
    inner: Any = getattr(program, "inference_fn", None)
    if inner is None:  # another version of TensorFlow
        return program
    types = [t.dtype for t in tf.nest.flatten(program.structured_outputs)]
    captured, packed = list(program.captured_inputs), _packing(program.structured_outputs)

    def call(*args: Any) -> Any:
        # without casts and checks of each argument, which take as long as a small step
        flat = tf.nest.flatten(args) + captured
        if jit_compile:
            results = inner.call_flat(*flat)
        else:
            results = tf.raw_ops.PartitionedCall(args=flat, Tout=types, f=inner)
        return packed(iter(results))

    return call


def _packing(outputs: Any) -> Callable[[Iterator[Tensor]], Any]:
    """Return what `tf.nest.pack_sequence_as` does for these outputs, in a tenth of its time."""
    if isinstance(outputs, dict):
        of_keys = {key: _packing(outputs[key]) for key in sorted(outputs)}
        return lambda tensors: {key: packed(tensors) for key, packed in of_keys.items()}
    if isinstance(outputs, tuple):
        new = outputs._make if hasattr(outputs, "_make") else tuple
        parts = [_packing(output) for output in outputs]
        return lambda tensors: new([packed(tensors) for packed in parts])
    return next


def _row_specs(structure: Structure, *shape: int, has_factors: bool = False) -> RowTensors:
    rows: RowTensors = (
        structure.tensor(*shape, structure.n_features),
        structure.tensor(*shape, structure.n_outputs),
        structure.tensor(*shape),
    )
    if not structure.has_ids:
        return rows
    rows = (*rows, tf.TensorSpec(shape, tf.int64))
    return (*rows, structure.tensor(*shape[:-1])) if has_factors else rows


def _rate_specs(structure: Structure, decays: bool, *shape: int) -> Tensors:
    names = ("learning_rates", "weight_decays") if decays else ("learning_rates",)
    return {name: structure.tensor(*shape) for name in names}


@lru_cache(maxsize=MAX_PROGRAMS)
def epoch(
    structure: Structure,
    n_steps: int,
    batch_size: int,
    with_predictions: bool = False,
    decays: bool = False,
    has_factors: bool = False,
) -> Callable[..., tuple[TrainingState, Tensor, Any]]:
    """Return a program that runs several steps.

    Its arguments are the state, the rows (n_steps, batch_size, ...), the learning rates and, if
    weights decay, the weight decays (n_steps,), the seeds (n_steps,), how many steps to run
    followed by the order of the steps (1 + n_steps,), and the settings. It returns the state, the
    sums (3, n_steps), which are 0 for the steps that are not run, and the activated outputs of all
    rows if with_predictions is true.
    """
    return _compiled(
        structure,
        lambda structure, *args: _epoch(structure, with_predictions, *args),
        structure.state(),
        _row_specs(structure, n_steps, batch_size, has_factors=has_factors),
        _rate_specs(structure, decays, n_steps),
        tf.TensorSpec((n_steps,), tf.int64),
        tf.TensorSpec((1 + n_steps,), tf.int32),
        structure.settings(decays),
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=MAX_PROGRAMS)
def gradient(
    structure: Structure, batch_size: int, has_factor: bool = False
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return a program that computes the gradients of one step.

    Its arguments are the weights, the rows (batch_size, ...), the seed and alpha. It returns the
    gradients summed over rows, in one tensor, and the sums: the loss, the penalty and the weight of
    each model.
    """
    return _compiled(
        structure,
        _gradient,
        structure.state().weights,
        _row_specs(structure, batch_size, has_factors=has_factor),
        tf.TensorSpec((), tf.int64),
        structure.tensor(),
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=MAX_PROGRAMS)
def penalty(structure: Structure) -> Callable[..., Tensor]:
    """Return a program that computes the L2 penalty of weights, for a step without rows.

    Its arguments are the weights and alpha.
    """
    specs = structure.state().weights, structure.tensor()
    return _compiled(structure, _penalty, *specs, jit_compile=structure.jit_compile)


@lru_cache(maxsize=MAX_PROGRAMS)
def update(structure: Structure, decays: bool = False) -> Callable[..., TrainingState]:
    """Return a program that makes one solver step.

    Its arguments are the state, the summed gradients in one tensor, the numbers, and the settings.
    The numbers are the learning rate, the weight of each model and, if weights decay, the weight
    decay. It returns the next state.
    """
    return _compiled(
        structure,
        _update,
        structure.state(),
        structure.tensor(structure.n_gradients),
        structure.tensor(1 + max(1, structure.n_models) + decays),
        structure.settings(decays),
        jit_compile=structure.jit_compile,
    )


@lru_cache(maxsize=MAX_PROGRAMS)
def outputs(structure: Structure, *shape: int | None) -> Callable[..., Tensor]:
    """Return a program that computes outputs before activation.

    Its arguments are the weights and rows x (*shape, n_features). A shape of None stands for any
    number of rows, without XLA, which requires fixed shapes: a forward pass has few operations to
    fuse. An `xp_apply` requires fixed shapes, too.
    """
    weights = structure.state().weights
    program: Callable[..., Tensor] = _compiled(
        structure,
        _outputs,
        weights,
        structure.tensor(*shape, structure.n_features),
        jit_compile=structure.jit_compile and None not in shape,
    )
    return program


def _epoch(
    structure: Structure,
    with_predictions: bool,
    state: TrainingState,
    rows: RowTensors,
    rates: Tensors,
    seeds: Tensor,
    order: Tensor,
    settings: Tensors,
) -> tuple[TrainingState, Tensor, Any]:
    n_steps, alpha = seeds.shape[0], settings["alpha"]
    n_run, order = order[0], order[1:]
    sums = tf.TensorArray(structure.dtype, n_steps, element_shape=(3,))
    shape = rows[1].shape[1:] if with_predictions else (0,)
    outputs = tf.TensorArray(structure.dtype, n_steps, element_shape=shape)

    def step(
        place: Tensor, state: TrainingState, sums: Any, outputs: Any
    ) -> tuple[Tensor, TrainingState, Any, Any]:
        # an index by `[]` would be a constant of the program, which is compiled for each value
        i = tf.gather(order, place)
        row = i if n_steps > 1 else 0  # the rows are not copied if the index is a constant
        batch = tuple(tf.gather(tensor, row) for tensor in rows)
        step_sums, weight, gradients, p = network.gradient(
            structure, state.weights, batch, tf.gather(seeds, i), alpha
        )
        step_rates = {name: tf.gather(values, i) for name, values in rates.items()}

        def after(place: Tensor, state: TrainingState, sums: Any) -> tuple[Tensor, Any, Any]:
            state = network.advance(structure, state, gradients, weight, step_rates, settings)
            return place + 1, state, sums.write(i, step_sums)

        # a loop of one step: XLA then updates the arrays in place, after all that reads them
        before = (n_run - 1, state, sums)
        _, state, sums = tf.while_loop(lambda place, *_: place < n_run, after, before)
        if with_predictions:
            outputs = outputs.write(i, p)
        return place + 1, state, sums, outputs

    first = (0, structure.divided_state(state), sums, outputs)
    _, state, sums, outputs = tf.while_loop(lambda place, *_: place < n_run, step, first)
    return structure.joined(state, tf), tf.transpose(sums.stack()), outputs.stack()


def _gradient(
    structure: Structure, weights: Tensors, rows: RowTensors, seed: Tensor, alpha: Tensor
) -> tuple[Tensor, Tensor]:
    weights = structure.divided_weights(weights)
    sums, weight, gradients, _ = network.gradient(structure, weights, rows, seed, alpha)
    named = network.summed(structure, weights, gradients, weight)
    flat = [tf.reshape(tf.cast(named[name], alpha.dtype), [-1]) for name, _, _ in structure.weights]
    return tf.concat(flat, 0), tf.concat([sums[:1], sums[2:], tf.reshape(weight, [-1])], 0)


def _update(
    structure: Structure, state: TrainingState, flat: Tensor, numbers: Tensor, settings: Tensors
) -> TrainingState:
    n_models = max(1, structure.n_models)
    weight = numbers[1 : 1 + n_models] if structure.n_models else numbers[1]
    rates = {"learning_rates": numbers[0]}
    if numbers.shape[0] > 1 + n_models:
        rates["weight_decays"] = numbers[1 + n_models]
    state = structure.divided_state(state)
    gradients = network.averaged(structure, state.weights, structure.divided(flat), weight)
    after = network.advance(structure, state, gradients, weight, rates, settings)
    return structure.joined(after, tf)


def _outputs(structure: Structure, weights: Tensors, x: Tensor) -> Tensor:
    return network.outputs_of_rows(structure, structure.divided_weights(weights), x)


def _penalty(structure: Structure, weights: Tensors, alpha: Tensor) -> Tensor:
    return network.penalty(structure, structure.divided_weights(weights), alpha)
