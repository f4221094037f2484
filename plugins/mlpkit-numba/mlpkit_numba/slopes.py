"""Activations whose slopes are computed with their values, and dropout, as a compiled function.

This module is imported only while it is compiled.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba.activations import activations, functions_of_numbers
from mlpkit_numba.codes import GELU, MISH, SILU
from mlpkit_numba.dropout import dropout
from mlpkit_numba.intrinsics import FAST, JIT, words_at
from mlpkit_numba.layers import layer_of, rows_at


def sloped(dtype: str) -> Any:
    """Return a function of the address of the integers, a step, a layer, and rows (begin, end).

    It activates outputs of the layer, and writes the slopes, both with dropout.
    """
    zero, drop, activate = getattr(np, dtype)(0), dropout(dtype), _activate_with_slope(dtype)

    def compute(integers_address, step, i, begin, end):  # type: ignore[no-untyped-def]
        integers, rows = words_at(integers_address, 0), (begin, end)
        layer = layer_of(integers, i)
        m = layer[a.N_UNITS]
        z = rows_at(integers, layer[a.VALUES], rows, m, zero)
        slope = rows_at(integers, layer[a.SLOPES], rows, m, zero)
        activate(layer[a.ACTIVATION], z, slope, (end - begin) * m)
        if layer[a.DROPOUT] > 0 and integers[a.SEEDS] != 0:
            drop(integers, step, i, z, slope, rows, m)

    signature = types.void(*[types.intp] * 5)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(compute)


def _activate_with_slope(dtype: str) -> Callable[..., None]:
    f, (activate, multiply_by_slope, _) = getattr(np, dtype), activations(dtype)
    exp, _, logistic, tanh_of_softplus, normal = functions_of_numbers(dtype)
    half, one, density = f(0.5), f(1), f(math.sqrt(0.5 / math.pi))

    @njit(**JIT)
    def activate_with_slope(code, z, slope, n):  # type: ignore[no-untyped-def]
        if code == GELU:
            for i in range(n):
                phi = normal(z[i])
                slope[i] = phi + z[i] * (density * exp(-half * z[i] * z[i]))
                z[i] *= phi
        elif code == SILU:
            for i in range(n):
                s = logistic(z[i])
                z[i] *= s
                slope[i] = (one - s) * z[i] + s
        elif code == MISH:
            for i in range(n):
                t = tanh_of_softplus(z[i])
                slope[i] = (one - t * t) * logistic(z[i]) * z[i] + t
                z[i] *= t
        else:
            activate(code, z, n)
            for i in range(n):
                slope[i] = one
            multiply_by_slope(code, z, slope, n)

    result: Callable[..., None] = activate_with_slope
    return result
