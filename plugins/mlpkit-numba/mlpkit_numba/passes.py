"""The forward and the backward pass of rows of a block, without the gradients of weights.

This module is imported only while the loop is compiled.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.activations import Activations, activations
from mlpkit_numba.codes import SOFTMAX
from mlpkit_numba.intrinsics import JIT, address_of, as_type_of, call, call_loss, moved, size_of
from mlpkit_numba.layers import biases_of, inputs_of, layer_of, rows_at, sparse_product, weights_of
from mlpkit_numba.products import backward as backward_product
from mlpkit_numba.products import forward as forward_product
from mlpkit_numba.rows import copy_outputs, copy_rows
from mlpkit_numba.vectors import copy, multiply


def row_pass(dtype: str) -> Callable[..., Any]:
    """Return ``row_pass(integers, step, rows, divisor)`` for float32 or float64.

    It computes the outputs of rows (begin, end) of the block, and the derivatives of their losses
    with respect to the outputs of all layers before activation, divided by a number. It returns
    the weighted sum of the losses.
    """
    functions, zero = activations(dtype), getattr(np, dtype)(0)
    activated, forward = _activated(dtype, functions), _forward(dtype)
    backward = _backward(dtype, functions.multiply_by_slope)

    @njit(**JIT)
    def whole_pass(integers, step, rows, divisor):  # type: ignore[no-untyped-def]
        copy_rows(integers, rows, zero)
        n_layers, total = integers[a.N_LAYERS], 0.0
        for i in range(n_layers):
            forward(integers, i, rows)
            activated(integers, step, i, rows)
        if integers[a.MODE] != a.FORWARD:
            total = losses_and_deltas(integers, rows, divisor, zero)
            for i in range(n_layers - 1, 0, -1):
                backward(integers, i, rows)
        if integers[a.PREDICTIONS] != 0:
            p = layer_of(integers, n_layers - 1)[a.VALUES]
            outputs = rows_at(integers, p, rows, integers[a.N_OUTPUTS], zero)
            copy_outputs(integers, outputs, step, rows, zero)
        return total

    result: Callable[..., Any] = whole_pass
    return result


def _forward(dtype: str) -> Callable[..., None]:
    """The outputs of layer i before activation."""
    zero, one = getattr(np, dtype)(0), getattr(np, dtype)(1)

    @njit(**JIT)
    def forward(integers, i, rows):  # type: ignore[no-untyped-def]
        layer, n = layer_of(integers, i), rows[1] - rows[0]
        k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
        coef = weights_of(integers, integers[a.WEIGHTS], i, zero)
        intercept = biases_of(integers, integers[a.WEIGHTS], i, zero)
        z = rows_at(integers, layer[a.VALUES], rows, m, zero)
        for row in range(n):
            copy(intercept, moved(z, row * m), m)
        if i == 0 and integers[a.FORM] == a.SPARSE:
            x, out = address_of(coef), address_of(z)
            sparse_product(integers, a.FORWARD_PRODUCT, x, out, rows, n, m)
        else:
            x = inputs_of(integers, i, rows, zero)
            forward_product(integers[a.GEMM], x, coef, z, (n, k, m), one)

    result: Callable[..., None] = forward
    return result


def _activated(dtype: str, functions: Activations) -> Callable[..., None]:
    """Activate the outputs of layer i, with their slopes and dropout."""
    zero, (activate, _, softmax) = getattr(np, dtype)(0), functions

    @njit(**JIT)
    def activated(integers, step, i, rows):  # type: ignore[no-untyped-def]
        layer, n = layer_of(integers, i), rows[1] - rows[0]
        m = layer[a.N_UNITS]
        z = rows_at(integers, layer[a.VALUES], rows, m, zero)
        if i < integers[a.N_LAYERS] - 1:
            if layer[a.SLOPES] >= 0:
                call(integers[a.SLOPED], (address_of(integers), step, i, rows[0], rows[1]))
            else:
                activate(layer[a.ACTIVATION], z, n * m)
        elif integers[a.MODE] != a.FORWARD:
            if integers[a.OUT_ACTIVATION] == SOFTMAX:
                softmax(z, n, m)
            else:
                activate(integers[a.OUT_ACTIVATION], z, n * m)

    result: Callable[..., None] = activated
    return result


@njit(**JIT)
def losses_and_deltas(integers, rows, divisor, zero):  # type: ignore[no-untyped-def]
    """Compute the losses, and the deltas of the last layer, of activated outputs."""
    m, item = integers[a.N_OUTPUTS], size_of(zero)
    last, (begin, end) = layer_of(integers, integers[a.N_LAYERS] - 1), rows
    at = integers[a.NUMBERS]
    call_loss(
        integers[a.LOSS],
        at + item * (integers[a.Y_PLACE] + begin * m),
        at + item * (last[a.VALUES] + begin * m),
        end - begin,
        m,
        at + item * (integers[a.LOSSES_PLACE] + begin),
        at + item * (last[a.DELTAS] + begin * m),
    )
    losses = rows_at(integers, integers[a.LOSSES_PLACE], rows, np.int64(1), zero)
    ws = rows_at(integers, integers[a.W_PLACE], rows, np.int64(1), zero)
    deltas = rows_at(integers, last[a.DELTAS], rows, m, zero)
    total = 0.0
    for i in range(end - begin):
        total += losses[i] * ws[i]
    for i in range(end - begin):
        row, w = moved(deltas, i * m), as_type_of(zero, ws[i] / divisor)
        for j in range(m):
            row[j] *= w
    return total


def _backward(dtype: str, multiply_by_slope: Callable[..., None]) -> Callable[..., None]:
    """The deltas of the layer before layer i, from those of layer i."""
    zero = getattr(np, dtype)(0)

    @njit(**JIT)
    def backward(integers, i, rows):  # type: ignore[no-untyped-def]
        layer, below, n = layer_of(integers, i), layer_of(integers, i - 1), rows[1] - rows[0]
        k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
        delta = rows_at(integers, layer[a.DELTAS], rows, m, zero)
        out = rows_at(integers, below[a.DELTAS], rows, k, zero)
        coef = weights_of(integers, integers[a.WEIGHTS], i, zero)
        backward_product(integers[a.GEMM], delta, coef, out, (n, m, k), zero)
        if below[a.SLOPES] >= 0:
            multiply(rows_at(integers, below[a.SLOPES], rows, k, zero), out, n * k)
        else:
            value = rows_at(integers, below[a.VALUES], rows, k, zero)
            multiply_by_slope(below[a.ACTIVATION], value, out, n * k)

    result: Callable[..., None] = backward
    return result
