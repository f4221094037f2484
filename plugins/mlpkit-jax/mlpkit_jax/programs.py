"""The compiled functions, cached by the structure of the network and its solver."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from mlpkit.backend_kit import Block, Joined, by_model, expanded_like, outputs_of_models
from mlpkit_jax import namespace as xp
from mlpkit_jax.backpropagation import backward, of_models
from mlpkit_jax.backpropagation import penalty as penalty_of
from mlpkit_jax.runtime import options_on_cpu
from mlpkit_jax.solver_step import advanced, change_of, changed, if_any_weight
from mlpkit_jax.structure import GradientSums, JoinedState, Settings, Structure, TrainingState


class Programs(NamedTuple):
    """The functions below, compiled for one structure and, by JAX, for each shape."""

    run: Callable[..., tuple[JoinedState, Any, Any]]
    run_with_predictions: Callable[..., tuple[JoinedState, Any, Any]]
    gradient: Callable[..., Any]
    update: Callable[..., JoinedState]
    outputs: Callable[..., Any]
    penalty: Callable[..., Any]


@lru_cache(maxsize=32)  # each program has some 200 memory mappings, and Linux allows 65,530
def programs(s: Structure) -> Programs:
    """Return the programs of a structure."""
    run_with_predictions = partial(run, with_predictions=True)
    functions = (run, run_with_predictions, gradient, update, outputs, penalty)
    options = options_on_cpu() if s.on_cpu else None
    return Programs(*(jax.jit(partial(f, s), compiler_options=options) for f in functions))


def run(
    s: Structure,
    state: JoinedState,
    block: Block,
    settings: Settings,
    with_predictions: bool = False,
) -> tuple[JoinedState, Any, Any]:
    """Run the steps of a block.

    Return the state; the loss, weight and penalty of each step, (3, n_steps), which are 0 for steps
    of weight 0; and the activated outputs of the rows, (n_steps, batch_size, n_outputs), or None.
    """

    def step(i: Any, carry: tuple[TrainingState, Any, Any]) -> tuple[TrainingState, Any, Any]:
        state, sums, predictions = carry
        total, new_frozen, p = backward(s, state.weights, block, i)
        l2_penalty = penalty_of(s, state.weights, settings.alpha)
        row = jnp.stack([total.loss, total.weight.sum(), l2_penalty])
        decay = None if block.weight_decays is None else block.weight_decays[i]
        learning_rate = block.learning_rates[i]

        def after(before: tuple[TrainingState, Any]) -> tuple[TrainingState, Any]:
            state, sums = before  # the sums, too, so that all that reads the weights comes first
            state = advanced(s, state, total, new_frozen, learning_rate, decay, settings)
            return state, sums.at[:, i].set(row)

        state, sums = if_any_weight(s, total.weight, after, (state, sums))
        if with_predictions:
            predictions = predictions.at[i].set(p)
        return state, sums, predictions

    sums = jnp.zeros((3, block.w.shape[0]), block.w.dtype)
    predictions = jnp.zeros(block.y.shape, block.w.dtype) if with_predictions else None
    carry = (s.divided(state, block.n_steps), sums, predictions)
    after_all, sums, predictions = lax.fori_loop(0, block.n_steps, step, carry)
    return s.joined(after_all, jnp.concatenate), sums, predictions


def gradient(s: Structure, total: Any, joined: Joined, block: Block, alpha: Any) -> Any:
    """Return the sums of the steps of a block, all at the same weights, as one array: the gradients
    as `Steps.gradient` returns them, the loss, the weight of each model, and the penalty.

    ``total`` are those of earlier blocks, to which they are added, or None.
    """
    weights = s.weights.divided(joined)

    def step(i: Any) -> Any:
        new, new_frozen, _ = backward(s, weights, block, i)
        gradients = dict(new.gradients)
        for name in s.frozen:
            change = jnp.zeros_like(weights[name], new.loss.dtype)
            if name in new_frozen:
                change = change_of(new_frozen[name], weights[name])
            gradients[name] = change * expanded_like(new.weight, change)
        return jax.tree.map(lambda a: a.astype(new.loss.dtype), new._replace(gradients=gradients))

    if block.w.shape[0] == 1:
        sums = step(0)
    else:
        zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(step, 0))
        sums = lax.fori_loop(
            0, block.n_steps, lambda i, sums: jax.tree.map(jnp.add, sums, step(i)), zeros
        )
    flat = s.gradients.joined(sums.gradients, jnp.concatenate).small
    flat = jnp.concatenate([flat, sums.loss[None], sums.weight.ravel()])
    flat = flat if total is None else flat + total[:-1]
    return jnp.append(flat, jnp.asarray(penalty_of(s, weights, alpha), flat.dtype))


def update(
    s: Structure, joined: JoinedState, gradients: Any, numbers: Any, settings: Settings
) -> JoinedState:
    """Make one solver step with the gradients that `gradient` summed, in one array.

    ``numbers`` are the learning rate, the weight of each model and, if weights decay, the weight
    decay.
    """
    state = s.divided(joined, numbers[0])
    sums = s.gradients.divided(Joined(gradients, {}))
    n_models = max(1, s.n_models)
    learning_rate, weight = numbers[0], numbers[1 : 1 + n_models] if s.n_models else numbers[1]
    decay = numbers[1 + n_models] if numbers.shape[0] > 1 + n_models else None
    new_frozen = {}
    for name in s.frozen:
        mean = sums[name] / expanded_like(weight, sums[name])
        new_frozen[name] = changed(state.weights[name], mean)
    trained = {name: g for name, g in sums.items() if name not in s.frozen}
    total = GradientSums(0.0, weight, trained)

    def after(state: TrainingState) -> TrainingState:
        return advanced(s, state, total, new_frozen, learning_rate, decay, settings)

    return s.joined(if_any_weight(s, weight, after, state), jnp.concatenate)


def outputs(s: Structure, joined: Joined, x: Any) -> Any:
    """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""
    weights = s.weights.divided(joined)

    def forward(x: Any) -> Any:
        if not s.n_models:
            return s.forward(weights, x, None)[0]
        rows = by_model(xp, x, s.n_models)
        z = of_models(s, lambda model: s.forward(model[0], model[1], None)[0], (weights, rows))
        return z.reshape(x.shape[0], *z.shape[2:])

    return outputs_of_models(xp, forward, x, s.n_models)


def penalty(s: Structure, joined: Joined, alpha: Any) -> Any:
    """Return the L2 penalty of the weights, for a step without rows."""
    return penalty_of(s, s.weights.divided(joined), alpha)
