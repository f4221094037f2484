"""Forward and backward pass of the dense network in NumPy, and the gradients of its weights.

Everything that is the same in all steps of as many rows is prepared once: a step of a small network
takes tens of microseconds, and threads that share a step wait for each other's Python code.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import WeightLayout, WeightPart, check_deltas, n_parts, weight_parts
from mlpkit.numpy_backend import activations
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.buffers import Buffers
from mlpkit.numpy_backend.hidden_layer import HiddenLayer, RowSeed
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.numpy_backend.products import SparseProduct, product
from mlpkit.plugin import Array, Dataset, Spec

MIN_ROWS = 64  # of a part: a product of fewer rows is slower in relation to its size
MAX_SUMMED = 1 << 17  # weights of which each part of the rows has gradients of its own


class WeightArrays(NamedTuple):
    """The weights of all layers, and one or more arrays for gradients: flat, and by layer."""

    layout: WeightLayout
    layers: DenseLayers
    gradients: list[tuple[Array, DenseLayers]]

    @classmethod
    def of(cls, layout: WeightLayout, weights: Array) -> "WeightArrays":
        """Return views of the weights (n_weights,), with one array for gradients."""
        arrays = cls(layout, DenseLayers.of(layout.views(weights)), [])
        arrays.at_least(1)
        return arrays

    def at_least(self, n: int) -> None:
        """Allocate arrays for gradients until there are n."""
        while len(self.gradients) < n:
            flat = np.zeros(self.layout.size, self.layout.dtype)
            self.gradients.append((flat, DenseLayers.of(self.layout.views(flat))))


class RowPass:
    """Forward and backward pass of consecutive rows of a step.

    Parameters
    ----------
    spec : Spec
    layers : DenseLayers
        The weights.
    gradients : DenseLayers
        Where `write_gradients` writes.
    buffers : Buffers
        The arrays for these rows.
    place : slice
        The rows within the step.
    """

    def __init__(
        self,
        spec: Spec,
        layers: DenseLayers,
        gradients: DenseLayers,
        buffers: Buffers,
        place: slice,
    ) -> None:
        self.loss, self.buffers, self.place = spec.loss, buffers, place
        self.hidden = [
            HiddenLayer(spec, layers, buffers, place, i) for i in range(len(buffers.values))
        ]
        self.coef, self.intercept = layers.coefs[-1], layers.intercepts[-1]
        out = spec.loss.out_activation
        self.out_activation = (
            activations.softmax_by_column if out == "softmax" else activations.ACTIVATIONS[out]
        )
        self.first_gradient = gradients.coefs[0]
        self.products = [
            (values.T, delta, out)
            for values, delta, out in zip(
                buffers.inputs, buffers.deltas[1:], gradients.coefs[1:], strict=True
            )
        ]
        self.products += [
            (buffers.ones, delta, out)
            for delta, out in zip(buffers.deltas, gradients.intercepts, strict=True)
        ]

    def write_deltas(self, rows: Dataset, p: Array, scale: Any, row_seed: RowSeed | None) -> None:
        """Write the activated outputs p (n, n_outputs) and the deltas of all layers.

        The deltas are multiplied by the scale; without one, only the outputs are written.
        ``row_seed`` is what dropout depends on.
        """
        values = rows.X
        for layer in self.hidden:
            values = layer.forward(values, row_seed)
        product(values, self.coef, p)
        np.add(p, self.intercept, out=p)
        self.out_activation(p)
        if scale is None:
            return
        assert self.loss.delta is not None
        delta = check_deltas(self.loss.delta(xp, rows.y, p), p)
        np.multiply(delta, scale, out=self.buffers.deltas[-1])
        for layer in reversed(self.hidden):
            layer.backward()

    def write_gradients(self, X: Any) -> None:
        """Write the gradients of all weights, summed over the rows X, from the deltas."""
        delta = self.buffers.deltas[0]
        if issparse(X):
            out = self.first_gradient
            SparseProduct(X, delta).write(slice(0, len(out)), out)
        else:
            np.dot(X.T, delta, out=self.first_gradient)
        for a, b, out in self.products:
            np.dot(a, b, out)


class StepPass:
    """Forward and backward pass of the rows of a step, in parts that are independent.

    Parameters
    ----------
    spec : Spec
    weights : WeightArrays
    buffers : Buffers
        The arrays for these rows.

    Attributes
    ----------
    row_parts : list of RowPass
        The parts of the computation of the outputs and the deltas.
    weight_parts : list of WeightPart
        The parts of that of the gradients.
    adds_gradients : bool
        Whether each part of the rows has gradients of its own instead, which are then added. So
        threads share no deltas, but every part needs an array of all gradients.
    """

    def __init__(self, spec: Spec, weights: WeightArrays, buffers: Buffers) -> None:
        self.buffers, n = buffers, len(buffers.ones)
        units, layout = spec.layer_units, weights.layout
        products = sum(a * b for a, b in pairwise(units))
        flops = 2.0 * n * (2 * products - units[0] * units[1])
        n_passes = max(1, min(n_parts(flops), n // MIN_ROWS))
        self.weight_parts = weight_parts(layout, n)
        can_add = n_passes > 1 and layout.size <= MAX_SUMMED
        self.adds_gradients = can_add or n_passes == len(self.weight_parts) == 1
        weights.at_least(n_passes if self.adds_gradients else 1)
        self.gradients = weights.gradients[: n_passes if self.adds_gradients else 1]
        ends = [n * i // n_passes for i in range(n_passes + 1)]
        self.row_parts = [
            RowPass(
                spec,
                weights.layers,
                self.gradients[i if self.adds_gradients else 0][1],
                buffers.rows(*place),
                slice(*place),
            )
            for i, place in enumerate(pairwise(ends))
        ]

    def write_gradients(self, part: WeightPart, X: Any) -> None:
        """Write the gradients of a part of the weights, summed over the rows, from the deltas."""
        buffers, gradients = self.buffers, self.gradients[0][1]
        for i, rows in part.coefs:
            out, delta = gradients.coefs[i][rows], buffers.deltas[i]
            if i == 0 and isinstance(X, SparseProduct):
                X.write(rows, out)
                continue
            values = (buffers.inputs[i - 1] if i else X).T
            # `dot` copies some rows of a transposed array, and `matmul` is slow on one column
            write = np.dot if len(out) == len(values) else np.matmul
            write(values[rows], delta, out=out)
        for i in part.intercepts:
            np.dot(buffers.ones, buffers.deltas[i], out=gradients.intercepts[i])
