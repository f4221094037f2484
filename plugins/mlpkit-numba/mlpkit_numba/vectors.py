"""Loops over arrays (n,) that use vector instructions.

This module is imported only while a program is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba.intrinsics import JIT


@njit(**JIT)
def copy(x, out):  # type: ignore[no-untyped-def]
    """Write ``out = x``, as far as out goes."""
    for i in range(len(out)):
        out[i] = x[i]


@njit(**JIT)
def add_scaled(factor, x, out):  # type: ignore[no-untyped-def]
    """Write ``out += factor * x``."""
    for i in range(len(x)):
        out[i] += factor * x[i]


@njit(**JIT)
def scale(factor, out):  # type: ignore[no-untyped-def]
    """Write ``out *= factor``, and 0 for a factor of 0 even if out is not finite."""
    zero = out.dtype.type(0)
    for i in range(len(out)):
        out[i] = zero if factor == zero else factor * out[i]


@njit(**JIT)
def multiply(x, out):  # type: ignore[no-untyped-def]
    """Write ``out *= x``."""
    for i in range(len(out)):
        out[i] *= x[i]


@njit(**JIT)
def dot(x, y):  # type: ignore[no-untyped-def]
    """The sum of products."""
    total = x.dtype.type(0)
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


@njit(**JIT)
def sum_of_squares(x):  # type: ignore[no-untyped-def]
    """The sum of squares in float64."""
    total = 0.0
    for i in range(len(x)):
        total += np.float64(x[i]) * np.float64(x[i])
    return total
