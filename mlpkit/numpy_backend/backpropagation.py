"""Forward and backward pass of the dense network in NumPy, with reused buffers."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.numpy_backend.activations import ACTIVATIONS, SLOPES, WITH_SLOPES
from mlpkit.numpy_backend.shared_work import n_parts, share
from mlpkit.plugin import Array, Arrays, Spec, dropout_mask


class Backpropagation:
    """Forward and backward pass of the dense network, with one set of buffers for all steps."""

    def __init__(self, spec: Spec, rows: int) -> None:
        self.activations, self.dropouts = spec.activations, spec.dropouts
        self.out = ACTIVATIONS[spec.loss.out_activation]
        self.depth = len(spec.layer_units) - 1
        units = spec.layer_units[1:-1]
        # derivatives of the activations that cannot be computed from the value
        self.slopes = [
            np.empty((rows, n), spec.dtype) if name in WITH_SLOPES else None
            for name, n in zip(self.activations, units, strict=True)
        ]
        self.values = [np.empty((rows, n), spec.dtype) for n in units]
        # with dropout: the factors of the values, and the products, which the next layer receives
        self.factors = [
            np.empty((rows, n), spec.dtype) if rate else None
            for rate, n in zip(self.dropouts, units, strict=True)
        ]
        self.inputs = [
            value if factor is None else np.empty_like(value)
            for value, factor in zip(self.values, self.factors, strict=True)
        ]
        # only the deltas of two consecutive layers are needed at the same time
        self.deltas = np.empty((2, rows * max(units, default=0)), spec.dtype)
        self.ones = np.ones(rows, spec.dtype)

    def forward(
        self,
        weights: Arrays,
        X: Any,
        p: Array,
        row_seed: tuple[Array, int] | None = None,
        dropout_factor: float = 1.0,
    ) -> None:
        """Write the activated outputs of X (n, n_features) into p (n, n_outputs).

        ``row_seed`` is what dropout depends on: the indices of the rows in the training data,
        (n,), and the seed of the step. ``dropout_factor`` multiplies the rates.
        """
        n = len(p)
        outs = [*(value[:n] for value in self.values), p]
        for i, z in enumerate(outs):
            _product(X, weights[f"coef_{i}"], z)
            z += weights[f"intercept_{i}"]
            if i == self.depth - 1:
                self.out(z)
                return
            if (slope := self.slopes[i]) is None:
                ACTIVATIONS[self.activations[i]](z)
            else:
                WITH_SLOPES[self.activations[i]](z, slope[:n])
            X = z
            if (factor := self.factors[i]) is not None:
                assert row_seed is not None
                rate = self.dropouts[i] * dropout_factor
                mask = kept_units(*row_seed, z.shape[1], i, rate)
                np.multiply(mask, z.dtype.type(1 / (1 - rate)), out=factor[:n])
                X = np.multiply(z, factor[:n], out=self.inputs[i][:n])

    def backward(self, weights: Arrays, gradients: Arrays, X: Any, delta: Array) -> None:
        """Write the gradients, summed over rows.

        ``delta`` (n, n_outputs) is the derivative of the loss with respect to the outputs of the
        last `forward` before activation.
        """
        n = len(delta)
        for i in reversed(range(self.depth)):
            x = self.inputs[i - 1][:n] if i else X
            _product(x.T, delta, gradients[f"coef_{i}"])
            np.matmul(self.ones[:n], delta, out=gradients[f"intercept_{i}"])
            if i:
                out = self.deltas[i % 2, : x.size].reshape(x.shape)
                _product(delta, weights[f"coef_{i}"].T, out)
                delta = out
                if (factor := self.factors[i - 1]) is not None:
                    delta *= factor[:n]
                if (slope := self.slopes[i - 1]) is None:
                    SLOPES[self.activations[i - 1]](self.values[i - 1][:n], delta)
                else:
                    delta *= slope[:n]


def kept_units(indices: Array, seed: int, n_units: int, layer: int, rate: float) -> Array:
    """Return the `dropout_mask` of the rows with these indices, (n, n_units)."""
    rows, units = indices.astype(np.uint32), np.arange(n_units, dtype=np.uint32)
    seeds = np.array([seed], np.uint32)
    return np.asarray(dropout_mask(np, rows, units, seeds, layer, rate, np.uint32))


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
