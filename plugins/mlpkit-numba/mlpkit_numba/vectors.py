"""Loops over n numbers that use vector instructions.

This module is imported only while a program is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba.intrinsics import JIT, as_type_of


@njit(**JIT)
def copy(x, out, n):  # type: ignore[no-untyped-def]
    """Write ``out = x``."""
    for i in range(n):
        out[i] = x[i]


@njit(**JIT)
def add_scaled(factor, x, out, n):  # type: ignore[no-untyped-def]
    """Write ``out += factor * x``."""
    for i in range(n):
        out[i] += factor * x[i]


@njit(**JIT)
def scale(factor, out, n):  # type: ignore[no-untyped-def]
    """Write ``out *= factor``, and 0 for a factor of 0 even if out is not finite."""
    zero = as_type_of(factor, 0)
    for i in range(n):
        out[i] = zero if factor == zero else factor * out[i]


@njit(**JIT)
def multiply(x, out, n):  # type: ignore[no-untyped-def]
    """Write ``out *= x``."""
    for i in range(n):
        out[i] *= x[i]


@njit(**JIT)
def dot(x, y, n, zero):  # type: ignore[no-untyped-def]
    """The sum of products."""
    total = zero
    for i in range(n):
        total += x[i] * y[i]
    return total


@njit(**JIT)
def sum_of_squares(x, n):  # type: ignore[no-untyped-def]
    """The sum of squares in float64."""
    total = 0.0
    for i in range(n):
        total += np.float64(x[i]) * np.float64(x[i])
    return total
