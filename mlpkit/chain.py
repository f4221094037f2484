"""The dense chain forward and backward in NumPy, into given buffers."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.activations import ACTIVATIONS, SLOPES, WITH_SLOPES
from mlpkit.plugin import Array, Arrays, Spec
from mlpkit.workers import n_parts, share


class Chain:
    """Forward and backward through the dense chain, over one set of buffers for all steps."""

    def __init__(self, spec: Spec, rows: int) -> None:
        self.activations = spec.activations
        self.out = ACTIVATIONS[spec.loss.out_activation]
        self.depth = len(spec.layer_units) - 1
        units = spec.layer_units[1:-1]
        # the derivatives of those activations whose value does not tell it
        self.slopes = [
            np.empty((rows, n), spec.dtype) if name in WITH_SLOPES else None
            for name, n in zip(self.activations, units, strict=True)
        ]
        self.values = [np.empty((rows, n), spec.dtype) for n in units]
        # a layer's delta is made from that of the layer behind it, and no other is needed
        self.deltas = np.empty((2, rows * max(units, default=0)), spec.dtype)
        self.ones = np.ones(rows, spec.dtype)

    def forward(self, weights: Arrays, X: Any, p: Array) -> None:
        """Write the activated outputs of X (n, n_features) into p (n, n_outputs)."""
        outs = [*(value[: len(p)] for value in self.values), p]
        for i, z in enumerate(outs):
            _product(X, weights[f"coef_{i}"], z)
            z += weights[f"intercept_{i}"]
            if i == self.depth - 1:
                self.out(z)
            elif (slope := self.slopes[i]) is None:
                ACTIVATIONS[self.activations[i]](z)
            else:
                WITH_SLOPES[self.activations[i]](z, slope[: len(p)])
            X = z

    def backward(self, weights: Arrays, gradients: Arrays, X: Any, delta: Array) -> None:
        """Write the gradients, summed over rows, from delta (n, n_outputs), the derivative of
        the loss by the outputs of the last `forward`.
        """
        n = len(delta)
        for i in reversed(range(self.depth)):
            value = self.values[i - 1][:n] if i else X
            _product(value.T, delta, gradients[f"coef_{i}"])
            np.matmul(self.ones[:n], delta, out=gradients[f"intercept_{i}"])
            if i:
                out = self.deltas[i % 2, : value.size].reshape(value.shape)
                _product(delta, weights[f"coef_{i}"].T, out)
                delta = out
                if (slope := self.slopes[i - 1]) is None:
                    SLOPES[self.activations[i - 1]](value, delta)
                else:
                    delta *= slope[:n]


def _product(a: Any, b: Array, out: Array) -> None:
    """Write ``a @ b``; a large product in parts, along the longer side of ``out``."""
    if issparse(a):
        out[...] = a @ b
        return
    n = n_parts(2.0 * out.size * len(b))
    if n == 1:
        np.matmul(a, b, out=out)
    elif len(out) >= out.shape[1]:
        share(lambda s: np.matmul(a[s], b, out=out[s]), _slices(len(out), n))
    else:
        share(lambda s: np.matmul(a, b[:, s], out=out[:, s]), _slices(out.shape[1], n))


def _slices(size: int, n: int) -> list[slice]:
    return [slice(size * i // n, size * (i + 1) // n) for i in range(n)]
