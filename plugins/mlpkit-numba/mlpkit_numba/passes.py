"""The forward and the backward pass of a block of rows.

This module is imported only while the loop is compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.activations import activations
from mlpkit_numba.codes import SOFTMAX
from mlpkit_numba.dropout import dropout
from mlpkit_numba.intrinsics import JIT, array_at, call_loss
from mlpkit_numba.products import products


class Passes(NamedTuple):
    """Compiled functions in one precision; n is the number of rows of the block."""

    forward: Callable[..., None]  # (integers, step, n)
    losses_and_deltas: Callable[..., Any]  # (integers, n, divisor): the weighted sum of losses
    backward: Callable[..., None]  # (integers, n, beta): gradients = beta gradients + those of it


def passes(dtype: str) -> Passes:
    """Return the functions for float32 or float64."""
    number = getattr(np, dtype)
    zero, item, word = number(0), np.int64(number().itemsize), np.int64(0)
    product, activation, drop = products(dtype), activations(dtype), dropout(dtype)
    product_forward, product_gradient, product_backward = product[:3]
    column_sums, sparse_forward, sparse_gradient = product[3:]
    activate, activate_with_slope, multiply_by_slope, softmax = activation

    @njit(**JIT)
    def block(integers, place, n):  # type: ignore[no-untyped-def]
        """An array (n,) in the memory of the block."""
        return array_at(integers[a.NUMBERS] + item * place, n, zero)

    @njit(**JIT)
    def layer_of(integers, i):  # type: ignore[no-untyped-def]
        return array_at(integers[a.LAYERS] + 8 * a.N_LAYER_FIELDS * i, a.N_LAYER_FIELDS, word)

    @njit(**JIT)
    def inputs(integers, i, n):  # type: ignore[no-untyped-def]
        """What layer i receives, (n, n_inputs)."""
        place = integers[a.X_PLACE] if i == 0 else layer_of(integers, i - 1)[a.VALUES]
        return block(integers, place, n * layer_of(integers, i)[a.N_INPUTS])

    @njit(**JIT)
    def weights_of(integers, kind, i, field, size):  # type: ignore[no-untyped-def]
        """Weights or gradients of layer i."""
        return array_at(integers[kind] + item * layer_of(integers, i)[field], size, zero)

    @njit(**JIT)
    def forward(integers, step, n):  # type: ignore[no-untyped-def]
        n_layers = integers[a.N_LAYERS]
        for i in range(n_layers):
            layer = layer_of(integers, i)
            k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
            coef = weights_of(integers, a.WEIGHTS, i, a.COEF, k * m)
            intercept = weights_of(integers, a.WEIGHTS, i, a.INTERCEPT, m)
            z = block(integers, layer[a.VALUES], n * m)
            for row in range(n):
                out = z[row * m : (row + 1) * m]
                for j in range(m):
                    out[j] = intercept[j]
            if i == 0 and integers[a.FORM] == a.SPARSE:
                sparse_forward(integers, coef, z, n, m)
            else:
                product_forward(integers[a.GEMM], inputs(integers, i, n), coef, z, n, k, m)
            if i < n_layers - 1:
                if layer[a.SLOPES] >= 0:
                    slope = block(integers, layer[a.SLOPES], n * m)
                    activate_with_slope(layer[a.ACTIVATION], z, slope)
                    if layer[a.DROPOUT] > 0 and integers[a.SEEDS] != 0:
                        drop(integers, step, i, z, slope, n, m)
                else:
                    activate(layer[a.ACTIVATION], z)
            elif integers[a.MODE] != a.FORWARD:
                if integers[a.OUT_ACTIVATION] == SOFTMAX:
                    softmax(z, n, m)
                else:
                    activate(integers[a.OUT_ACTIVATION], z)

    @njit(**JIT)
    def losses_and_deltas(integers, n, divisor):  # type: ignore[no-untyped-def]
        m, memory = integers[a.N_OUTPUTS], integers[a.NUMBERS]
        last = integers[a.N_LAYERS] - 1
        delta_place = integers[a.DELTA_PLACES]
        p = memory + item * layer_of(integers, last)[a.VALUES]
        losses = memory + item * integers[a.LOSSES_PLACE]
        y, delta = memory + item * integers[a.Y_PLACE], memory + item * delta_place
        call_loss(integers[a.LOSS], y, p, n, m, losses, delta)
        row_losses = block(integers, integers[a.LOSSES_PLACE], n)
        ws = block(integers, integers[a.W_PLACE], n)
        deltas = block(integers, delta_place, n * m)
        total = 0.0
        for i in range(n):
            total += row_losses[i] * ws[i]
        for i in range(n):
            row, w = deltas[i * m : (i + 1) * m], number(ws[i] / divisor)
            for j in range(m):
                row[j] *= w
        return total

    @njit(**JIT)
    def backward(integers, n, beta):  # type: ignore[no-untyped-def]
        widest = 0
        for i in range(integers[a.N_LAYERS]):
            widest = max(widest, layer_of(integers, i)[a.N_UNITS])
        here, other = (
            integers[a.DELTA_PLACES],
            integers[a.DELTA_PLACES] + integers[a.BLOCK_ROWS] * widest,
        )
        for i in range(integers[a.N_LAYERS] - 1, -1, -1):
            layer = layer_of(integers, i)
            k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
            delta = block(integers, here, n * m)
            g = weights_of(integers, a.GRADIENTS, i, a.COEF, k * m)
            column_sums(delta, weights_of(integers, a.GRADIENTS, i, a.INTERCEPT, m), n, m, beta)
            if i == 0 and integers[a.FORM] == a.SPARSE:
                sparse_gradient(integers, delta, g, n, m, beta)
            else:
                product_gradient(integers[a.GEMM], inputs(integers, i, n), delta, g, n, k, m, beta)
            if i > 0:
                coef = weights_of(integers, a.WEIGHTS, i, a.COEF, k * m)
                below, out = layer_of(integers, i - 1), block(integers, other, n * k)
                product_backward(integers[a.GEMM], delta, coef, out, n, k, m)
                if below[a.SLOPES] >= 0:
                    slope = block(integers, below[a.SLOPES], n * k)
                    for j in range(n * k):
                        out[j] *= slope[j]
                else:
                    value = block(integers, below[a.VALUES], n * k)
                    multiply_by_slope(below[a.ACTIVATION], value, out)
                here, other = other, here

    return Passes(forward, losses_and_deltas, backward)
