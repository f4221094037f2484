"""A hidden layer of the dense network, for consecutive rows of a step."""

from typing import Any

import numpy as np

from mlpkit.numpy_backend.activations import SLOPES, on
from mlpkit.numpy_backend.buffers import Buffers
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.numpy_backend.products import product
from mlpkit.plugin import Array, Spec, dropout_mask

RowSeed = tuple[Array, int, float]  # ids of the rows, seed of the step, factor of the rates


class HiddenLayer:
    """A hidden layer with its arrays.

    Parameters
    ----------
    spec : Spec
    layers : DenseLayers
        The weights.
    buffers : Buffers
        The arrays for these rows.
    place : slice
        The rows within the step.
    i : int
        The index of the layer.
    """

    def __init__(
        self, spec: Spec, layers: DenseLayers, buffers: Buffers, place: slice, i: int
    ) -> None:
        name = spec.activations[i]
        self.i, self.place, self.rate = i, place, spec.dropouts[i]
        self.product = np.dot if i else product  # the rows of X may be sparse
        self.coef, self.intercept = layers.coefs[i], layers.intercepts[i]
        self.z, self.slope, self.factor = buffers.values[i], buffers.slopes[i], buffers.factors[i]
        self.values = buffers.inputs[i]
        self.activate = on(name, self.z, self.slope)
        self.multiply_by_slope = SLOPES.get(name)
        self.delta, self.next_delta = buffers.deltas[i], buffers.deltas[i + 1]
        self.next_coef = layers.coefs[i + 1].T

    def forward(self, X: Any, row_seed: RowSeed | None) -> Array:
        """Return the values of the layer for the inputs X; ``row_seed`` is for dropout."""
        z = self.z
        self.product(X, self.coef, z)
        np.add(z, self.intercept, z)
        self.activate()
        if self.factor is not None:
            assert row_seed is not None
            ids, seed, dropout_factor = row_seed
            rate = self.rate * dropout_factor
            mask = kept_units(ids[self.place], seed, z.shape[1], self.i, rate)
            np.multiply(mask, z.dtype.type(1 / (1 - rate)), out=self.factor)
            np.multiply(z, self.factor, out=self.values)
        return self.values

    def backward(self) -> None:
        """Write the deltas of the layer, from those of the next one."""
        delta = self.delta
        np.dot(self.next_delta, self.next_coef, delta)
        if self.factor is not None:
            delta *= self.factor
        if self.multiply_by_slope is None:
            delta *= self.slope
        else:
            self.multiply_by_slope(self.z, delta)


def kept_units(ids: Array, seed: int, n_units: int, layer: int, rate: float) -> Array:
    """Return the `dropout_mask` of the rows with these ids, (n, n_units)."""
    rows, units = ids.astype(np.uint32), np.arange(n_units, dtype=np.uint32)
    seeds = np.array([seed], np.uint32)
    return np.asarray(dropout_mask(np, rows, units, seeds, layer, rate, np.uint32))
