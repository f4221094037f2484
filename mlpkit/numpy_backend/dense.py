"""The dense chain: its initial weights, and its outputs in NumPy alone."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.messages import plain_repr
from mlpkit.numpy_backend.activations import ACTIVATIONS
from mlpkit.numpy_backend.parallel import PART_FLOPS, share
from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import Array, Arrays, Network, Spec

SMALL, SMALL_VECTOR = 2**18, 2**13  # multiplications that OpenBLAS does not give to threads
BLOCK_ROWS = 1024  # of a prediction: bounded memory, and a block stays in the cache


def sizes(given: Any) -> tuple[int, ...]:
    """`hidden_layer_sizes` as a tuple, of a number as well; ValueError for empty layers and for
    what is no whole number.
    """
    units = list(given) if hasattr(given, "__iter__") else [given]
    for each in units:
        if not isinstance(each, Integral) or isinstance(each, bool):
            whole = isinstance(each, float | np.floating | bool) and float(each).is_integer()
            hint = f" Did you mean {int(each)}?" if whole else ""
            raise ValueError(
                f"hidden_layer_sizes must contain positive integers, got {plain_repr(each)}.{hint}"
            )
    found = tuple(int(each) for each in units)
    if any(each <= 0 for each in found):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {list(found)}.")
    return found


def build(spec: Spec, rng: np.random.RandomState) -> Network:
    """The network of `Spec.layer_units`, drawn as scikit-learn draws it.

    Weights and biases are uniform within ``sqrt(6 / (fan_in + fan_out))``, 2 instead of 6
    for the logistic activation (Glorot and Bengio, 2010); the output layer counts as of the
    activation of the last hidden one.

    >>> from mlpkit.objectives.losses import LOSSES
    >>> spec = Spec(3, 1, "regression", LOSSES["squared_error"], (2,), "relu",
    ...             "float64", "numpy", seed=0)
    >>> {name: a.shape for name, a in build(spec, np.random.RandomState(0)).arrays.items()}
    {'coef_0': (3, 2), 'intercept_0': (2,), 'coef_1': (2, 1), 'intercept_1': (1,)}
    """
    # without hidden layers, scikit-learn's factor is that of the parameter nevertheless
    activations = spec.activations or (spec.activation,)
    arrays: Arrays = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(spec.layer_units)):
        factor = 2.0 if activations[min(i, len(activations) - 1)] == "logistic" else 6.0
        bound = np.sqrt(factor / (fan_in + fan_out))
        for name, shape in ((f"coef_{i}", (fan_in, fan_out)), (f"intercept_{i}", (fan_out,))):
            arrays[name] = rng.uniform(-bound, bound, shape).astype(spec.dtype, copy=False)
    return Network(arrays, decayed=frozenset(name for name in arrays if "coef" in name))


def layers(arrays: Arrays) -> tuple[list[Array], list[Array]]:
    """The weights and the biases of a dense chain, in the order of its layers."""
    n = sum(name.startswith("coef_") for name in arrays)
    return [arrays[f"coef_{i}"] for i in range(n)], [arrays[f"intercept_{i}"] for i in range(n)]


def named(coefs: Sequence[Array], intercepts: Sequence[Array], dtype: str) -> Arrays:
    """The layers under the names that `build` gives them."""
    arrays: Arrays = {}
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        arrays[f"coef_{i}"] = np.asarray(coef, dtype)
        arrays[f"intercept_{i}"] = np.asarray(intercept, dtype)
    return arrays


def outputs(
    X: Any, coefs: Sequence[Array], intercepts: Sequence[Array], activations: Sequence[str]
) -> Array:
    """Outputs before activation, shape (n, n_outputs), of X (n, n_features), maybe sparse, with
    the activation of each hidden layer.
    """
    z: Any = X
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        if i:
            ACTIVATIONS[activations[i - 1]](z)
        z = z @ coef
        z += intercept
    return np.asarray(z)


def activated(z: Array, activation: str) -> Array:
    """The outputs after activation, in place."""
    ACTIVATIONS[activation](z)
    return z


def _is_small(n: int, coefs: Sequence[Array]) -> bool:
    """Whether no product of n rows can reach threads of BLAS; a list counts as large."""
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
    """Activated outputs (n, n_outputs), block by block; of many rows in several threads.

    >>> predict(np.array([[1.0, 2.0]]), [np.array([[1.0], [1.0]])], [np.array([-2.0])],
    ...         ["relu"], "identity")
    array([[1.]])
    """
    n = X.shape[0]
    if n <= BLOCK_ROWS:
        if _is_small(n, coefs):
            return activated(outputs(X, coefs, intercepts, activations), out)
        with OneThread():
            return activated(outputs(X, coefs, intercepts, activations), out)

    def block(rows: Any) -> Array:
        return activated(outputs(rows, coefs, intercepts, activations), out)

    with OneThread():
        X = X.tocsr() if issparse(X) else X
        first = block(X[:BLOCK_ROWS])
        found = np.empty((n, first.shape[1]), first.dtype)
        found[:BLOCK_ROWS] = first

        def fill(begins: range) -> None:
            for i in begins:
                found[i : i + BLOCK_ROWS] = block(X[i : i + BLOCK_ROWS])

        part = BLOCK_ROWS * max(1, round(PART_FLOPS / (2 * sum(map(np.size, coefs)) * BLOCK_ROWS)))
        ends = range(BLOCK_ROWS, n, n if issparse(X) else part)
        share(fill, [range(i, min(n, i + ends.step), BLOCK_ROWS) for i in ends])
        return found
