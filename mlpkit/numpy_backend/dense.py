"""The dense network: its initial weights, and its outputs in NumPy."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import OneThread
from mlpkit.messages import plain_repr
from mlpkit.numpy_backend.activations import ACTIVATIONS
from mlpkit.numpy_backend.shared_work import PART_FLOPS, share
from mlpkit.plugin import Array, Arrays, Network, Spec

SMALL, SMALL_VECTOR = 2**18, 2**13  # multiplications that OpenBLAS computes in one thread
BLOCK_ROWS = 1024  # of a prediction: memory is bounded, and a block stays in the cache


def sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the parameter ``hidden_layer_sizes`` as a tuple.

    A single number is one layer. Raises ValueError unless all sizes are positive integers.

    >>> sizes(100), sizes([30, 10])
    ((100,), (30, 10))
    """
    is_list = hasattr(hidden_layer_sizes, "__iter__")
    layers = list(hidden_layer_sizes) if is_list else [hidden_layer_sizes]
    for size in layers:
        if not isinstance(size, Integral) or isinstance(size, bool):
            is_whole = isinstance(size, float | np.floating | bool) and float(size).is_integer()
            hint = f" Did you mean {int(size)}?" if is_whole else ""
            raise ValueError(
                f"hidden_layer_sizes must contain positive integers, got {plain_repr(size)}.{hint}"
            )
    if any(size <= 0 for size in layers):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {list(map(int, layers))}.")
    return tuple(map(int, layers))


def build(spec: Spec, rng: np.random.RandomState) -> Network:
    """Return the dense network of `Spec.layer_units` with random weights like scikit-learn's.

    Weights and biases are uniform within ``sqrt(6 / (fan_in + fan_out))``, or with 2 instead of 6
    for the activation "logistic" (Glorot and Bengio, 2010). The bound of the output layer is that
    of the activation of the last hidden layer.

    >>> from mlpkit.objectives.losses import LOSSES
    >>> spec = Spec(3, 1, "regression", LOSSES["squared_error"], (2,), "relu",
    ...             "float64", "numpy", seed=0)
    >>> {name: a.shape for name, a in build(spec, np.random.RandomState(0)).arrays.items()}
    {'coef_0': (3, 2), 'intercept_0': (2,), 'coef_1': (2, 1), 'intercept_1': (1,)}
    """
    # without hidden layers, scikit-learn uses the factor of the parameter `activation`
    activations = spec.activations or (spec.activation,)
    arrays: Arrays = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(spec.layer_units)):
        factor = 2.0 if activations[min(i, len(activations) - 1)] == "logistic" else 6.0
        bound = np.sqrt(factor / (fan_in + fan_out))
        for name, shape in ((f"coef_{i}", (fan_in, fan_out)), (f"intercept_{i}", (fan_out,))):
            arrays[name] = rng.uniform(-bound, bound, shape).astype(spec.dtype, copy=False)
    return Network(arrays, decayed=frozenset(name for name in arrays if "coef" in name))


def layers(arrays: Arrays) -> tuple[list[Array], list[Array]]:
    """Return the weights and the biases of a dense network, in the order of its layers."""
    n = 0
    while f"coef_{n}" in arrays:
        n += 1
    return [arrays[f"coef_{i}"] for i in range(n)], [arrays[f"intercept_{i}"] for i in range(n)]


def named(coefs: Sequence[Array], intercepts: Sequence[Array], dtype: str) -> Arrays:
    """Return the weights and biases under the names that `build` gives them."""
    arrays: Arrays = {}
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        arrays[f"coef_{i}"] = np.asarray(coef, dtype)
        arrays[f"intercept_{i}"] = np.asarray(intercept, dtype)
    return arrays


def outputs(
    X: Any, coefs: Sequence[Array], intercepts: Sequence[Array], activations: Sequence[str]
) -> Array:
    """Return the outputs before activation, shape (n, n_outputs).

    X has shape (n, n_features), dense or sparse, and ``activations`` one name for each hidden
    layer.
    """
    z: Any = X
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        if i:
            ACTIVATIONS[activations[i - 1]](z)
        z = z @ coef
        z += intercept
    return np.asarray(z)


def activated(z: Array, activation: str) -> Array:
    """Apply the activation of the output layer in place, and return its values."""
    ACTIVATIONS[activation](z)
    return z


def is_small(n: int, coefs: Sequence[Array]) -> bool:
    """Return whether BLAS computes all products of n rows in one thread.

    Weights that are lists count as large.
    """
    largest = n * max([getattr(coef, "size", SMALL + 1) for coef in coefs])
    if n == 1 or largest <= SMALL_VECTOR:
        return largest <= SMALL_VECTOR
    return largest <= SMALL and n * max(map(len, coefs)) <= SMALL_VECTOR


def predict(
    X: Any,
    coefs: Sequence[Array],
    intercepts: Sequence[Array],
    activations: Sequence[str],
    out: str,
) -> Array:
    """Return the activated outputs (n, n_outputs), computed in blocks of rows.

    Many rows are divided between several threads.

    >>> predict(np.array([[1.0, 2.0]]), [np.array([[1.0], [1.0]])], [np.array([-2.0])],
    ...         ["relu"], "identity")
    array([[1.]])
    """
    n = X.shape[0]
    if n <= BLOCK_ROWS:
        if is_small(n, coefs):
            return activated(outputs(X, coefs, intercepts, activations), out)
        with OneThread():
            return activated(outputs(X, coefs, intercepts, activations), out)

    def block(rows: Any) -> Array:
        return activated(outputs(rows, coefs, intercepts, activations), out)

    with OneThread():
        X = X.tocsr() if issparse(X) else X
        first = block(X[:BLOCK_ROWS])
        predictions = np.empty((n, first.shape[1]), first.dtype)
        predictions[:BLOCK_ROWS] = first

        def fill(begins: range) -> None:
            for i in begins:
                predictions[i : i + BLOCK_ROWS] = block(X[i : i + BLOCK_ROWS])

        part = BLOCK_ROWS * max(1, round(PART_FLOPS / (2 * sum(map(np.size, coefs)) * BLOCK_ROWS)))
        ends = range(BLOCK_ROWS, n, n if issparse(X) else part)
        share(fill, [range(i, min(n, i + ends.step), BLOCK_ROWS) for i in ends])
        return predictions
