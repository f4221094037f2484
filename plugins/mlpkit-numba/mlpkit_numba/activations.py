"""Activation functions and their derivatives, in place.

This module is imported only while a program is compiled.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba.codes import (
    EXP,
    GELU,
    LEAKY_RELU,
    LOGISTIC,
    MISH,
    RELU,
    SELU,
    SILU,
    TANH,
)
from mlpkit_numba.elementary import elementary
from mlpkit_numba.intrinsics import JIT, moved


class Activations(NamedTuple):
    """Compiled functions in one precision, on n numbers."""

    activate: Callable[..., None]  # (code, z, n): replace z
    multiply_by_slope: Callable[..., None]  # (code, value, delta, n): derivative from the value
    softmax: Callable[..., None]  # (z, n, n_outputs)


class Scalars(NamedTuple):
    """Compiled functions of one number in one precision."""

    exp: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    logistic: Callable[[Any], Any]
    tanh_of_softplus: Callable[[Any], Any]
    normal: Callable[[Any], Any]  # the normal distribution function


SELU_SCALE, SELU_BOTTOM, LEAK = 1.0507009873554805, 1.7580993408473766, 0.01


def activations(dtype: str) -> Activations:
    """Return the functions for float32 or float64."""
    scalars = functions_of_numbers(dtype)
    activate = _activate(dtype, scalars)
    return Activations(activate, _multiply_by_slope(dtype), _softmax(dtype, activate))


def functions_of_numbers(dtype: str) -> Scalars:
    """Return the functions for float32 or float64."""
    f, (exp, tanh) = getattr(np, dtype), elementary(dtype)
    half, one, two, root_half = f(0.5), f(1), f(2), f(math.sqrt(0.5))
    most = f(20)  # above it, tanh of softplus is 1

    @njit(**JIT)
    def logistic(x):  # type: ignore[no-untyped-def]
        return one / (one + exp(-x))

    @njit(**JIT)
    def tanh_of_softplus(x):  # type: ignore[no-untyped-def]
        e = exp(most if x > most else x)
        n = e * (e + two)
        return n / (n + two)

    @njit(**JIT)
    def normal(x):  # type: ignore[no-untyped-def]
        return half * math.erfc(-x * root_half)

    return Scalars(exp, tanh, logistic, tanh_of_softplus, normal)


def _activate(dtype: str, scalars: Scalars) -> Callable[..., None]:
    f, (exp, tanh, logistic, tanh_of_softplus, normal) = getattr(np, dtype), scalars
    zero, selu_scale, selu_bottom, leak = f(0), f(SELU_SCALE), f(SELU_BOTTOM), f(LEAK)

    @njit(**JIT)
    def activate(code, z, n):  # type: ignore[no-untyped-def]
        if code == RELU:
            for i in range(n):
                z[i] = zero if z[i] < zero else z[i]
        elif code == TANH:
            for i in range(n):
                z[i] = tanh(z[i])
        elif code == LOGISTIC:
            for i in range(n):
                z[i] = logistic(z[i])
        elif code == SELU:
            for i in range(n):
                z[i] = selu_scale * z[i] if z[i] > zero else selu_bottom * math.expm1(z[i])
        elif code == LEAKY_RELU:
            for i in range(n):
                z[i] = leak * z[i] if z[i] < zero else z[i]
        elif code == EXP:
            for i in range(n):
                z[i] = exp(z[i])
        elif code == GELU:
            for i in range(n):
                z[i] *= normal(z[i])
        elif code == SILU:
            for i in range(n):
                z[i] *= logistic(z[i])
        elif code == MISH:
            for i in range(n):
                z[i] *= tanh_of_softplus(z[i])

    result: Callable[..., None] = activate
    return result


def _multiply_by_slope(dtype: str) -> Callable[..., None]:
    f = getattr(np, dtype)
    zero, one, selu_scale, selu_bottom = f(0), f(1), f(SELU_SCALE), f(SELU_BOTTOM)
    leak = f(LEAK)

    @njit(**JIT)
    def multiply_by_slope(code, a, delta, n):  # type: ignore[no-untyped-def]
        if code == RELU:
            for i in range(n):
                delta[i] = delta[i] if a[i] != zero else zero
        elif code == TANH:
            for i in range(n):
                delta[i] *= one - a[i] * a[i]
        elif code == LOGISTIC:
            for i in range(n):
                delta[i] *= a[i] * (one - a[i])
        elif code == SELU:
            for i in range(n):
                delta[i] *= selu_scale if a[i] > zero else a[i] + selu_bottom
        elif code == LEAKY_RELU:
            for i in range(n):
                delta[i] *= one if a[i] > zero else leak

    result: Callable[..., None] = multiply_by_slope
    return result


def _softmax(dtype: str, activate: Callable[..., None]) -> Callable[..., None]:
    zero, one = getattr(np, dtype)(0), getattr(np, dtype)(1)
    exponential = np.int64(EXP)  # a number whose type is not that literal

    @njit(**JIT)
    def softmax(z, n, n_outputs):  # type: ignore[no-untyped-def]
        for i in range(n):
            row = moved(z, i * n_outputs)
            largest = row[0]
            for j in range(n_outputs):
                largest = row[j] if row[j] > largest else largest
            for j in range(n_outputs):
                row[j] -= largest
        activate(exponential, z, n * n_outputs)
        for i in range(n):
            row = moved(z, i * n_outputs)
            total = zero
            for j in range(n_outputs):
                total += row[j]
            scale = one / total
            for j in range(n_outputs):
                row[j] *= scale

    result: Callable[..., None] = softmax
    return result
