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

from mlpkit.backend_kit import check_deltas, check_row_losses, check_update
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
    """X (n, n_features), dense or CSR; y (n, n_outputs); sample weights w (n,)."""

    X: Any
    y: Array
    w: Array


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

    def put(X: Any, y: Array, w: Array | None) -> Rows:
        weights = np.ones(len(y)) if w is None else w
        return Rows(converted(X, spec.dtype), y.astype(spec.dtype), weights.astype(spec.dtype))

    def start(arrays: Arrays) -> State:
        weights = {name: np.array(arrays[name]) for name in network.arrays}
        optimizer_state = {}
        for moment in solver.optimizer_state:
            for name, a in weights.items():
                key = optimizer_state_name(moment, name)
                optimizer_state[key] = np.array(arrays.get(key, np.zeros_like(a)))
        return State(weights, optimizer_state)

    def factors(rows: Array, seed: int) -> list[Any]:
        """Return the factors of dropout for each hidden layer: 0 for a dropped unit."""
        scales: list[Any] = []
        layers = zip(spec.dropouts, spec.hidden_layer_sizes, strict=True)
        for i, (rate, units) in enumerate(layers):
            arrays = (np.asarray(a, np.uint32) for a in (rows, np.arange(units), [seed]))
            mask = dropout_mask(np, *arrays, i, rate, np.uint32) if rate else True
            scales.append(np.multiply(mask, 1 / (1 - rate), dtype=spec.dtype))
        return scales

    def forward(weights: Arrays, x: Array, factors: Any = None) -> tuple[list[Array], list[Array]]:
        """Return the input of each layer, and its output before the activation."""
        values, sums = [x], []
        for i in range(depth):
            sums.append(values[-1] @ weights[f"coef_{i}"] + weights[f"intercept_{i}"])
            if i < depth - 1:
                values.append(hidden[i](sums[i]) * (factors[i] if factors else 1))
        return values, sums

    def gradient(
        state: State, rows: Rows, indices: Array | None, seed: int
    ) -> tuple[StepSums, Arrays]:
        batch = np.arange(len(rows.y)) if indices is None else indices[indices >= 0]
        x, y, w = rows.X[batch], rows.y[batch], rows.w[batch]
        dropped = factors(batch, seed)
        values, z = forward(state.weights, x, dropped)
        p = ACTIVATIONS[spec.loss.out_activation](z[-1])
        delta = w[:, None] * check_deltas(spec.loss.delta(np, y, p), p)
        gradients: Arrays = {}
        for i in reversed(range(depth)):
            gradients[f"coef_{i}"] = values[i].T @ delta
            gradients[f"intercept_{i}"] = delta.sum(axis=0)
            if i:
                delta = delta @ state.weights[f"coef_{i}"].T * slopes[i - 1](z[i - 1])
                delta *= dropped[i - 1]
        decayed = sum(float((state.weights[name] ** 2).sum()) for name in network.decayed)
        loss = float((w * check_row_losses(spec.loss.rows(np, y, p), y)).sum())
        return StepSums(loss, float(w.sum()), 0.5 * recipe.alpha * decayed), gradients

    def update(state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        if not weight > 0:
            return state
        weights, optimizer_state = {}, {}
        for name, p in state.weights.items():
            g = gradients[name] + (recipe.alpha * p if name in network.decayed else 0)
            keys = [optimizer_state_name(moment, name) for moment in solver.optimizer_state]
            old = tuple(state.optimizer_state[key].copy() for key in keys)
            returned = solver.update(np, p.copy(), g / weight, old, learning_rate, solver.options)
            weights[name], new = check_update(returned, p, old)
            optimizer_state.update(zip(keys, new, strict=True))
        return State(weights, optimizer_state)

    def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
        all_sums = []
        steps = zip(batches.order, batches.learning_rates, batches.seeds, strict=True)
        for order, learning_rate, seed in steps:
            sums, gradients = gradient(state, rows, order, int(seed))
            state = update(state, gradients, sums.weight, float(learning_rate))
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
