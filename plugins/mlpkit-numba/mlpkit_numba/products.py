"""The matrix products of a dense layer, by BLAS where it is faster than a loop.

Arrays are flat and in C order: x (n, k), weights (k, m), delta and outputs (n, m). This module is
imported only while a program is compiled.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, address_of, array_at, call_gemm


class Products(NamedTuple):
    """Compiled functions in one precision; gemm is the address of BLAS's function."""

    forward: Callable[..., None]  # (gemm, x, weights, out, n, k, m): out += x @ weights
    gradient: Callable[
        ..., None
    ]  # (gemm, x, delta, out, n, k, m, beta): out = x.T @ delta + beta out
    backward: Callable[..., None]  # (gemm, delta, weights, out, n, k, m): out = delta @ weights.T
    column_sums: Callable[..., None]  # (delta, out, n, m, beta): out = sum of rows + beta out
    sparse_forward: Callable[..., None]  # (integers, weights, out, n, m): likewise, of CSR rows
    sparse_gradient: Callable[..., None]  # (integers, delta, out, n, m, beta)


def products(dtype: str) -> Products:
    """Return the functions for float32 or float64."""
    number = getattr(np, dtype)
    zero, one, item = number(0), number(1), np.int64(number().itemsize)

    @njit(**JIT)
    def add_scaled(factor, x, out):  # type: ignore[no-untyped-def]
        for i in range(len(x)):
            out[i] += factor * x[i]

    @njit(**JIT)
    def scale(beta, out):  # type: ignore[no-untyped-def]
        for i in range(len(out)):
            out[i] = zero if beta == zero else beta * out[i]

    @njit(**JIT)
    def dot(x, y):  # type: ignore[no-untyped-def]
        total = zero
        for i in range(len(x)):
            total += x[i] * y[i]
        return total

    @njit(**JIT)
    def forward(gemm, x, weights, out, n, k, m):  # type: ignore[no-untyped-def]
        if m == 1:
            for i in range(n):
                out[i] += dot(x[i * k : (i + 1) * k], weights[:k])
        elif n == 1:
            for j in range(k):
                add_scaled(x[j], weights[j * m : (j + 1) * m], out[:m])
        else:
            call_gemm(
                gemm,
                0,
                0,
                m,
                n,
                k,
                address_of(weights),
                m,
                address_of(x),
                k,
                one,
                address_of(out),
                m,
            )

    @njit(**JIT)
    def gradient(gemm, x, delta, out, n, k, m, beta):  # type: ignore[no-untyped-def]
        if m == 1:
            scale(beta, out[:k])
            for i in range(n):
                add_scaled(delta[i], x[i * k : (i + 1) * k], out[:k])
        elif n == 1:
            scale(beta, out[: k * m])
            for j in range(k):
                add_scaled(x[j], delta[:m], out[j * m : (j + 1) * m])
        else:
            call_gemm(
                gemm,
                0,
                1,
                m,
                k,
                n,
                address_of(delta),
                m,
                address_of(x),
                k,
                beta,
                address_of(out),
                m,
            )

    @njit(**JIT)
    def backward(gemm, delta, weights, out, n, k, m):  # type: ignore[no-untyped-def]
        if m == 1:
            for i in range(n):
                d, row, w = delta[i], out[i * k : (i + 1) * k], weights[:k]
                for j in range(k):
                    row[j] = d * w[j]
        elif n == 1:
            for j in range(k):
                out[j] = dot(delta[:m], weights[j * m : (j + 1) * m])
        else:
            call_gemm(
                gemm,
                1,
                0,
                k,
                n,
                m,
                address_of(weights),
                m,
                address_of(delta),
                m,
                zero,
                address_of(out),
                k,
            )

    @njit(**JIT)
    def column_sums(delta, out, n, m, beta):  # type: ignore[no-untyped-def]
        scale(beta, out[:m])
        for i in range(n):
            add_scaled(one, delta[i * m : (i + 1) * m], out[:m])

    @njit(**JIT)
    def sparse_row(integers, i):  # type: ignore[no-untyped-def]
        """Columns and values of the row of X at place i of the block."""
        row = array_at(integers[a.INDICES], i + 1, np.int64(0))[i]
        begins = array_at(integers[a.BEGINS] + 8 * row, 2, np.int64(0))
        begin, n = begins[0], begins[1] - begins[0]
        columns = array_at(integers[a.COLUMNS] + 4 * begin, n, np.int32(0))
        return columns, array_at(integers[a.X] + item * begin, n, zero)

    @njit(**JIT)
    def sparse_forward(integers, weights, out, n, m):  # type: ignore[no-untyped-def]
        for i in range(n):
            columns, values = sparse_row(integers, i)
            for place in range(len(values)):
                j = np.intp(columns[place])
                add_scaled(values[place], weights[j * m : (j + 1) * m], out[i * m : (i + 1) * m])

    @njit(**JIT)
    def sparse_gradient(integers, delta, out, n, m, beta):  # type: ignore[no-untyped-def]
        if beta == zero:
            scale(beta, out)
        for i in range(n):
            columns, values = sparse_row(integers, i)
            for place in range(len(values)):
                j = np.intp(columns[place])
                add_scaled(values[place], delta[i * m : (i + 1) * m], out[j * m : (j + 1) * m])

    return Products(forward, gradient, backward, column_sums, sparse_forward, sparse_gradient)
