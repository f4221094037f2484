"""Forward and backward pass of the dense network in NumPy."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import WeightLayout, WeightPart, n_parts, weight_parts
from mlpkit.numpy_backend.activations import (
    ACTIVATIONS,
    SLOPES,
    WITH_SLOPES,
    softmax_by_column,
)
from mlpkit.numpy_backend.buffers import Buffers
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.numpy_backend.products import SparseProduct, product
from mlpkit.plugin import Array, Spec, dropout_mask

MIN_ROWS = 64  # of a part: a product of fewer rows is slower in relation to its size
MAX_SUMMED = 1 << 17  # weights of which each part of the rows has gradients of its own
MAX_KEPT = 4  # numbers of rows in a step whose views are kept

RowSeed = tuple[Array, int, float]  # ids of the rows, seed of the step, factor of the rates


class RowPass:
    """Forward and backward pass of consecutive rows of a step.

    Parameters
    ----------
    spec : Spec
    buffers : Buffers
        The arrays for these rows.
    place : slice
        The rows within the step.
    """

    def __init__(self, spec: Spec, buffers: Buffers, place: slice) -> None:
        self.buffers, self.place, self.dropouts = buffers, place, spec.dropouts
        names = spec.activations
        self.activations: list[Any] = [ACTIVATIONS[name] for name in names]
        self.slopes: list[Any] = [SLOPES.get(name) for name in names]
        self.with_slopes: list[Any] = [WITH_SLOPES.get(name) for name in names]
        out = spec.loss.out_activation
        self.out_activation = softmax_by_column if out == "softmax" else ACTIVATIONS[out]

    def forward(self, layers: DenseLayers, X: Any, p: Array, row_seed: RowSeed | None) -> None:
        """Write the activated outputs of X (n, n_features) into p (n, n_outputs).

        ``row_seed`` is what dropout depends on.
        """
        buffers = self.buffers
        outs = (*buffers.values, p)
        for i, (coef, intercept) in enumerate(zip(*layers, strict=True)):
            z = outs[i]
            product(X, coef, z)
            np.add(z, intercept, out=z)
            if z is p:
                self.out_activation(z)
                return
            if (slope := buffers.slopes[i]) is None:
                self.activations[i](z)
            else:
                self.with_slopes[i](z, slope)
            X = buffers.inputs[i]
            if (factor := buffers.factors[i]) is not None:
                assert row_seed is not None
                ids, seed, dropout_factor = row_seed
                rate = self.dropouts[i] * dropout_factor
                mask = kept_units(ids[self.place], seed, z.shape[1], i, rate)
                np.multiply(mask, z.dtype.type(1 / (1 - rate)), out=factor)
                np.multiply(z, factor, out=X)

    def backward(self, layers: DenseLayers) -> None:
        """Write the deltas of the hidden layers, from those of the output layer."""
        buffers = self.buffers
        for i in range(len(buffers.values) - 1, -1, -1):
            delta = buffers.deltas[i]
            np.dot(buffers.deltas[i + 1], layers.coefs[i + 1].T, out=delta)
            if (factor := buffers.factors[i]) is not None:
                delta *= factor
            if (slope := buffers.slopes[i]) is None:
                self.slopes[i](buffers.values[i], delta)
            else:
                delta *= slope

    def write_gradients(self, gradients: DenseLayers, X: Any) -> None:
        """Write the gradients of all weights, summed over the rows X."""
        buffers = self.buffers
        n_layers = len(buffers.deltas)
        factor = SparseProduct(X, buffers.deltas[0]) if issparse(X) else X
        coefs = [(i, slice(0, len(gradients.coefs[i]))) for i in range(n_layers)]
        write_gradients(buffers, coefs, range(n_layers), gradients, factor)


class StepPass:
    """Forward and backward pass of the rows of a step, in parts that are independent.

    Parameters
    ----------
    spec : Spec
    layout : WeightLayout
    buffers : Buffers
        The arrays for these rows.

    Attributes
    ----------
    row_parts : list of RowPass
        The parts of the computation of the outputs and the deltas.
    weight_parts : list of WeightPart
        The parts of that of the gradients, summed over all rows.
    sums_parts : bool
        Whether each part of the rows has gradients of its own, whose sum is computed afterwards,
        instead. Threads then share no deltas, but every part needs an array of all gradients.
    """

    def __init__(self, spec: Spec, layout: WeightLayout, buffers: Buffers) -> None:
        self.buffers, n = buffers, len(buffers.ones)
        units = spec.layer_units
        products = sum(a * b for a, b in pairwise(units))
        flops = 2.0 * n * (2 * products - units[0] * units[1])
        n_passes = max(1, min(n_parts(flops), n // MIN_ROWS))
        ends = [n * i // n_passes for i in range(n_passes + 1)]
        self.row_parts = [RowPass(spec, buffers.rows(a, b), slice(a, b)) for a, b in pairwise(ends)]
        self.weight_parts = weight_parts(layout, n)
        self.sums_parts = n_passes > 1 and layout.size <= MAX_SUMMED

    def write_gradients(self, part: WeightPart, gradients: DenseLayers, X: Any) -> None:
        """Write the gradients of a part of the weights, summed over the rows."""
        write_gradients(self.buffers, part.coefs, part.intercepts, gradients, X)


class Backpropagation:
    """The passes of steps of up to n rows, which share one set of buffers.

    Parameters
    ----------
    spec : Spec
    layout : WeightLayout
    n : int
    """

    def __init__(self, spec: Spec, layout: WeightLayout, n: int) -> None:
        self.spec, self.layout, self.n = spec, layout, n
        self.buffers = Buffers.of(spec, n)
        self._gradients: list[tuple[Array, DenseLayers]] = []
        self._passes: dict[int, StepPass] = {}

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.buffers.nbytes + sum(flat.nbytes for flat, _ in self._gradients)

    def of(self, n: int) -> StepPass:
        """Return the pass of a step of n rows."""
        if n not in self._passes:
            if len(self._passes) == MAX_KEPT:
                self._passes.clear()
            self._passes[n] = StepPass(self.spec, self.layout, self.buffers.rows(0, n))
        return self._passes[n]

    def gradients(self, n: int) -> list[tuple[Array, DenseLayers]]:
        """Return n arrays of gradients, (n_weights,), and their views by layer."""
        layout = self.layout
        while len(self._gradients) < n:
            flat = np.zeros(layout.size, layout.dtype)
            self._gradients.append((flat, DenseLayers.of(layout.views(flat))))
        return self._gradients[:n]


def write_gradients(
    buffers: Buffers,
    coefs: Iterable[tuple[int, slice]],
    intercepts: Iterable[int],
    gradients: DenseLayers,
    X: Any,
) -> None:
    """Write the gradients of rows of weight matrices and of biases, summed over the samples."""
    for i, rows in coefs:
        out, delta = gradients.coefs[i][rows], buffers.deltas[i]
        if i == 0 and isinstance(X, SparseProduct):
            X.write(rows, out)
            continue
        values = (buffers.inputs[i - 1] if i else X).T
        # `dot` copies some rows of a transposed array, and `matmul` is slow on one column
        write = np.dot if len(out) == len(values) else np.matmul
        write(values[rows], delta, out=out)
    for i in intercepts:
        np.dot(buffers.ones, buffers.deltas[i], out=gradients.intercepts[i])


def kept_units(ids: Array, seed: int, n_units: int, layer: int, rate: float) -> Array:
    """Return the `dropout_mask` of the rows with these ids, (n, n_units)."""
    rows, units = ids.astype(np.uint32), np.arange(n_units, dtype=np.uint32)
    seeds = np.array([seed], np.uint32)
    return np.asarray(dropout_mask(np, rows, units, seeds, layer, rate, np.uint32))
