"""The template of a backend: plain NumPy, which the author replaces step by step."""

SUPPORTS = """
            # its capabilities (mlpkit.plugin.CAPABILITIES); mlpkit rejects others before training
            supports=("dense_networks", "branching_solvers", "gradients", "sparse_rows"),"""
BACKEND = '''
"""A backend for dense networks in NumPy: pure functions of a state."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit, ndtr

from mlpkit.backend_kit import (
    check_deltas,
    check_row_losses,
    check_update,
    clipped,
    learning_rate_factors,
    weight_decay_factors,
)
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    Recipe,
    Spec,
    Steps,
    StepSums,
    dropout_mask,
    optimizer_state_name,
)

SCALE, BOTTOM = 1.0507009873554805, 1.7580993408473766  # of selu

ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "selu": lambda z: np.where(z > 0, SCALE * z, BOTTOM * np.expm1(np.minimum(z, 0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "exp": np.exp,
    "softmax": lambda z: (e := np.exp(z - z.max(axis=1, keepdims=True))) / e.sum(1, keepdims=True),
}
SLOPES = {  # derivatives of the activations with respect to their inputs
    "identity": np.ones_like,
    "logistic": lambda z: expit(z) * expit(-z),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: 1.0 * (z > 0),
    "gelu": lambda z: ndtr(z) + z * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi),
    "silu": lambda z: expit(z) * (1 + z * expit(-z)),
    "selu": lambda z: np.where(z > 0, SCALE, BOTTOM * np.exp(np.minimum(z, 0))),
    "mish": lambda z: (t := np.tanh(np.logaddexp(0, z))) + z * expit(z) * (1 - t**2),
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.01),
}


class State(NamedTuple):
    """The weights and the optimizer state; the keys of the latter are `optimizer_state_name`."""

    weights: Arrays
    optimizer_state: Arrays


class Rows(NamedTuple):
    """X (n, n_features), dense or CSR; y (n, n_outputs); sample weights w (n,); ids (n,)."""

    X: Any
    y: Array
    w: Array
    ids: Array


def converted(X: Any, dtype: str) -> Any:
    """Return X with this dtype, as an array or, if X is sparse, as a CSR matrix."""
    return (X.tocsr() if issparse(X) else np.asarray(X)).astype(dtype)


def $id(
    network: Network,
    spec: Spec,
    recipe: Recipe,
) -> Steps:
    """Return the step functions of a network."""
    solver, depth = recipe.solver, len(spec.layer_units) - 1
    hidden = [ACTIVATIONS[name] for name in spec.activations]
    slopes = [SLOPES[name] for name in spec.activations]
    rate_factors, decay_factors = learning_rate_factors(network), weight_decay_factors(network)

    def put(X: Any, y: Array, w: Array | None, ids: Array | None = None) -> Rows:
        weights = (np.ones(len(y)) if w is None else w).astype(spec.dtype)
        ids = np.arange(len(y)) if ids is None else ids
        return Rows(converted(X, spec.dtype), y.astype(spec.dtype), weights, ids)

    def start(arrays: Arrays) -> State:
        weights = {name: np.array(arrays[name]) for name in network.arrays}
        optimizer_state = {}
        for moment in solver.optimizer_state:
            for name, a in weights.items():
                key = optimizer_state_name(moment, name)
                optimizer_state[key] = np.array(arrays.get(key, np.zeros_like(a)))
        return State(weights, optimizer_state)

    def dropout_scales(ids: Array, seed: int, factor: float) -> list[Any]:
        """Return what multiplies the units of each hidden layer: 0 for a dropped unit."""
        scales: list[Any] = []
        layers = zip(spec.dropouts, spec.hidden_layer_sizes, strict=True)
        for i, (dropout, units) in enumerate(layers):
            rate = factor * dropout
            arrays = (np.asarray(a, np.uint32) for a in (ids, np.arange(units), [seed]))
            mask = dropout_mask(np, *arrays, i, rate, np.uint32) if rate else True
            scales.append(np.multiply(mask, 1 / (1 - rate), dtype=spec.dtype))
        return scales

    def forward(weights: Arrays, x: Array, scales: Any = None) -> tuple[list[Array], list[Array]]:
        """Return the input of each layer, and its output before the activation."""
        values, sums = [x], []
        for i in range(depth):
            sums.append(values[-1] @ weights[f"coef_{i}"] + weights[f"intercept_{i}"])
            if i < depth - 1:
                values.append(hidden[i](sums[i]) * (scales[i] if scales else 1))
        return values, sums

    def gradient(
        state: State, rows: Rows, indices: Array | None, seed: int, dropout_factor: float = 1.0
    ) -> tuple[StepSums, Arrays]:
        batch = np.arange(len(rows.y)) if indices is None else indices[indices >= 0]
        x, y, w = rows.X[batch], rows.y[batch], rows.w[batch]
        scales = dropout_scales(rows.ids[batch], seed, dropout_factor)
        values, z = forward(state.weights, x, scales)
        p = ACTIVATIONS[spec.loss.out_activation](z[-1])
        delta = w[:, None] * check_deltas(spec.loss.delta(np, y, p), p)
        gradients: Arrays = {}
        for i in reversed(range(depth)):
            gradients[f"coef_{i}"] = values[i].T @ delta
            gradients[f"intercept_{i}"] = delta.sum(axis=0)
            if i:
                delta = delta @ state.weights[f"coef_{i}"].T
                delta *= slopes[i - 1](z[i - 1]) * scales[i - 1]  # in place: keeps the dtype
        decayed = sum(float((state.weights[name] ** 2).sum()) for name in network.decayed)
        loss = float((w * check_row_losses(spec.loss.rows(np, y, p), y)).sum())
        return StepSums(loss, float(w.sum()), 0.5 * recipe.alpha * decayed), gradients

    def update(
        state: State,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> State:
        if not weight > 0:
            return state
        decay = solver.weight_decay if weight_decay is None else weight_decay
        means = {}
        for name, p in state.weights.items():
            penalty = recipe.alpha * p if name in network.decayed else 0
            means[name] = (gradients[name] + penalty) / weight
        if recipe.max_gradient_norm is not None:
            means = clipped(np, means, recipe.max_gradient_norm)
        weights, optimizer_state = {}, {}
        for name, p in state.weights.items():
            rate = learning_rate * rate_factors.get(name, 1.0)
            keys = [optimizer_state_name(moment, name) for moment in solver.optimizer_state]
            old = tuple(state.optimizer_state[key].copy() for key in keys)
            returned = solver.update(np, p.copy(), means[name], old, rate, solver.options)
            new, new_state = check_update(returned, p, old)
            weights[name] = new - rate * decay * decay_factors.get(name, 0.0) * p
            optimizer_state.update(zip(keys, new_state, strict=True))
        return State(weights, optimizer_state)

    def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        n, all_sums = len(batches.order), []
        rates, seeds = batches.learning_rates.tolist(), batches.seeds.tolist()
        decays = [None] * n if batches.weight_decays is None else batches.weight_decays.tolist()
        factors = [1.0] * n if batches.dropout_factors is None else batches.dropout_factors.tolist()
        for i, indices in enumerate(batches.order):
            sums, gradients = gradient(state, rows, indices, seeds[i], factors[i])
            state = update(state, gradients, sums.weight, rates[i], decays[i])
            all_sums.append(sums[:3])
        return state, StepSums(*np.array(all_sums).reshape(-1, 3).T)

    return Steps(
        put=put,
        start=start,
        arrays=lambda state: {name: a.copy() for name, a in state.weights.items()},
        optimizer_state=lambda state: {key: a.copy() for key, a in state.optimizer_state.items()},
        gradient=gradient,
        update=update,
        epoch=epoch,
        outputs=lambda state, X: forward(state.weights, converted(X, spec.dtype))[1][-1],
    )
'''
