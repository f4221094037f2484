"""The dense chain forward and backward in NumPy, into given buffers."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit import dense
from mlpkit.plugin import Array, Arrays, Spec


def _logistic_slope(a: Array, delta: Array) -> None:
    delta *= a
    delta *= 1 - a


def _tanh_slope(a: Array, delta: Array) -> None:
    delta *= 1 - a**2


def _relu_slope(a: Array, delta: Array) -> None:
    delta *= a != 0


SLOPES: dict[str, Callable[[Array, Array], None]] = {
    "identity": lambda a, delta: None,
    "logistic": _logistic_slope,
    "tanh": _tanh_slope,
    "relu": _relu_slope,
}  # multiply delta by the activation's derivative, given the activation's value


class Chain:
    """Forward and backward through the dense chain, into given buffers."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.hidden = dense.ACTIVATIONS[spec.activation]
        self.out = dense.ACTIVATIONS[spec.loss.out_activation]
        self.depth = len(spec.layer_units) - 1
        self.flops = 2 * max(a * b for a, b in pairwise(spec.layer_units))

    def backward(
        self, weights: Arrays, gradients: Arrays, X: Any, y: Array, w: Array | None
    ) -> tuple[float, float, Array]:
        """Write the gradient of the loss, summed over rows; return loss and weight sums, and
        the activated outputs.
        """
        values = [X]
        for i in range(self.depth):
            z = values[-1] @ weights[f"coef_{i}"]
            z += weights[f"intercept_{i}"]
            (self.hidden if i < self.depth - 1 else self.out)(z)
            values.append(z)
        loss = self.spec.loss.rows(np, y, values[-1])
        assert self.spec.loss.delta is not None
        delta = self.spec.loss.delta(np, y, values[-1])
        if w is not None:
            loss = loss * w
            delta *= w[:, None]
        for i in reversed(range(self.depth)):
            if issparse(X) and i == 0:
                gradients["coef_0"][...] = X.T @ delta
            else:
                np.matmul(values[i].T, delta, out=gradients[f"coef_{i}"])
            np.sum(delta, axis=0, out=gradients[f"intercept_{i}"])
            if i:
                delta = delta @ weights[f"coef_{i}"].T
                SLOPES[self.spec.activation](values[i], delta)
        return float(loss.sum()), float(len(y) if w is None else w.sum()), values[-1]
