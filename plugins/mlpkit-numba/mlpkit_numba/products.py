"""The matrix products of a dense layer, by BLAS or a function like that, or by a loop.

Arrays are flat and in C order: x (n, k), weights (k, m), delta and outputs (n, m); ``gemm`` is the
address of the function. This module is imported only while a program is
compiled.
"""

from numba import njit

from mlpkit_numba.intrinsics import JIT, address_of, as_type_of, call_gemm, moved
from mlpkit_numba.vectors import add_scaled, dot, scale


@njit(**JIT)
def forward(gemm, x, weights, out, shape, one):  # type: ignore[no-untyped-def]
    """Write ``out += x @ weights``. The shape is (n, k, m)."""
    n, k, m = shape
    if m == 1:
        for i in range(n):
            out[i] += dot(moved(x, i * k), weights, k, as_type_of(one, 0))
    elif n == 1:
        for j in range(k):
            add_scaled(x[j], moved(weights, j * m), out, m)
    else:
        a, b, c = address_of(weights), address_of(x), address_of(out)
        call_gemm(gemm, (m, n, k), (a, m, 0), (b, k, 0), one, (c, m, 0))


@njit(**JIT)
def gradient(gemm, x, delta, out, shape, width, beta):  # type: ignore[no-untyped-def]
    """Write ``out = x.T @ delta + beta out`` for the first k of `width` columns of x.

    The shape is (n, k, m). The array x may begin with another column.
    """
    n, k, m = shape
    if m == 1:
        scale(beta, out, k)
        for i in range(n):
            add_scaled(delta[i], moved(x, i * width), out, k)
    elif n == 1:
        scale(beta, out, k * m)
        for j in range(k):
            add_scaled(x[j], delta, moved(out, j * m), m)
    else:
        a, b, c = address_of(delta), address_of(x), address_of(out)
        call_gemm(gemm, (m, k, n), (a, m, 0), (b, width, 1), beta, (c, m, 0))


@njit(**JIT)
def backward(gemm, delta, weights, out, shape, zero):  # type: ignore[no-untyped-def]
    """Write ``out = delta @ weights.T``. The shape is (n, m, k)."""
    n, m, k = shape
    if m == 1:
        for i in range(n):
            d, row = delta[i], moved(out, i * k)
            for j in range(k):
                row[j] = d * weights[j]
    elif n == 1:
        for j in range(k):
            out[j] = dot(delta, moved(weights, j * m), m, zero)
    else:
        a, b, c = address_of(weights), address_of(delta), address_of(out)
        call_gemm(gemm, (k, n, m), (a, m, 1), (b, m, 0), zero, (c, k, 0))


@njit(**JIT)
def column_sums(delta, out, n, m, beta):  # type: ignore[no-untyped-def]
    """Write ``out = delta.sum(axis=0) + beta out``."""
    scale(beta, out, m)
    for i in range(n):
        add_scaled(as_type_of(beta, 1), moved(delta, i * m), out, m)
