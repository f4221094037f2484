"""The gradients of one training step."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from mlpkit.backend_kit import Block, by_model, deltas, expanded_like, mean_of_members, row_losses
from mlpkit.plugin import PENALTY, Loss, StepContext
from mlpkit_jax import namespace as xp
from mlpkit_jax.networks import ACTIVATIONS, Tensors
from mlpkit_jax.structure import GradientSums, Structure


def step_of(block: Block, i: Any) -> tuple[Any, Any, StepContext]:
    """Return x (n, n_features), y (n, n_outputs) and the context of step i."""
    if len(block.w) == 1:
        i = 0  # the rows are not copied if the index is a constant
    w = block.w[i]
    ids = None if block.ids is None else block.ids[i]
    dropout = 1.0 if block.dropout_factors is None else block.dropout_factors[i]
    return block.X[i], block.y[i], StepContext(block.seeds[i], ids, w, dropout)


def backward(
    s: Structure, weights: Tensors, block: Block, i: Any
) -> tuple[GradientSums, Mapping[str, Any], Any]:
    """Return the sums of step i, new values of the frozen arrays, and the activated outputs."""
    x, y, context = step_of(block, i)
    if not s.n_models:
        return _backward_of_model(s, weights, x, y, context)

    def of_model(model: Any) -> Any:
        weights, x, y, ids, w = model
        return _backward_of_model(s, weights, x, y, context._replace(ids=ids, w=w))

    rows = (by_model(xp, a, s.n_models) for a in (x, y, context.ids, context.w))
    total, new_frozen, p = of_models(s, of_model, (weights, *rows))
    return total._replace(loss=total.loss.sum()), new_frozen, p.reshape(y.shape[0], *p.shape[2:])


def _backward_of_model(
    s: Structure, weights: Tensors, x: Any, y: Any, context: StepContext
) -> tuple[GradientSums, Mapping[str, Any], Any]:
    """Return the results of `backward` for one model and its rows."""
    trained = {name: a for name, a in weights.items() if name not in s.frozen}
    weight = context.w.sum()

    def forward(trained: Tensors) -> tuple[tuple[Any, Any], Tensors]:
        z, new = s.forward({**weights, **trained}, x, context)
        return (z, jnp.asarray(new.get(PENALTY, 0), weight.dtype)), new

    (z, penalty), backward, new = jax.vjp(forward, trained, has_aux=True)
    loss, delta, p = _loss(s.loss, z, y, context.w)
    (gradients,) = backward((delta, weight))
    total = GradientSums(loss + weight * penalty, weight, gradients)
    return total, {name: new[name] for name in s.frozen if name in new}, p


def _loss(loss: Loss, z: Any, y: Any, w: Any) -> tuple[Any, Any, Any]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, (n, n_outputs) or (n, n_members, n_outputs), and the predictions (n, n_outputs).
    """
    counted = w > 0  # other rows may be NaN, and the product of NaN and 0 is NaN

    def summed(z: Any) -> tuple[Any, Any]:
        p = ACTIVATIONS[loss.out_activation](z)
        return jnp.where(counted, w * row_losses(xp, loss, y, p), 0).sum(), p

    if loss.delta is None:
        (value, p), delta = jax.value_and_grad(summed, has_aux=True)(z)
    else:
        value, p = summed(z)
        delta = expanded_like(w, z) * deltas(xp, loss, y, p)
    delta = jnp.where(expanded_like(counted, z), delta, 0).astype(z.dtype)
    return value, delta, mean_of_members(xp, p)


def of_models(s: Structure, function: Callable[[Any], Any], arguments: Any) -> Any:
    """Return the results of a function for each model; arguments and results have its axis first.

    A CPU computes one model after the other, since its cache holds the arrays of one.
    """
    at_once: Any = jax.vmap(function)
    return lax.map(function, arguments) if s.on_cpu else at_once(arguments)


def penalty(s: Structure, weights: Tensors, alpha: Any) -> Any:
    """Return the L2 penalty, ``alpha / 2 * |decayed|^2``."""
    return alpha / 2 * sum(jnp.vdot(weights[name], weights[name]) for name in sorted(s.decayed))
