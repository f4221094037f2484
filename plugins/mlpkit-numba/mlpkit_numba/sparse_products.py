"""The products of CSR rows of X with a dense layer, without dense rows.

This module is imported only while a program is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import FAST, JIT, as_type_of, moved, pointer_at, words_at
from mlpkit_numba.vectors import add_scaled, scale


def sparse_products(dtype: str) -> Any:
    """Return a function of the addresses of the integers, a factor and the result.

    Its arguments are (integers, kind, x, out, begin, end, n, m). For the outputs of rows from
    `begin` to `end` of the block, x is the weights of m units. For the gradients of weights of
    columns from `begin` to `end`, x is the deltas (n, m).
    """
    zero, one = getattr(np, dtype)(0), getattr(np, dtype)(1)

    def compute(integers_address, kind, x_at, out_at, begin, end, n, m):  # type: ignore[no-untyped-def]
        integers, places = words_at(integers_address, 0), (begin, end)
        x, out = pointer_at(x_at, 0, zero), pointer_at(out_at, 0, zero)
        if kind == a.FORWARD_PRODUCT:
            sparse_forward(integers, x, out, places, m, zero)
        else:
            beta = zero if kind == a.FIRST_GRADIENT else one
            sparse_gradient(integers, x, out, places, n, m, beta)

    signature = types.void(*[types.intp] * 8)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(compute)


@njit(**JIT)
def sparse_row(integers, i, zero):  # type: ignore[no-untyped-def]
    """Columns and values of the row of X at place i of the block, and their number."""
    begins = words_at(integers[a.BEGINS], words_at(integers[a.INDICES], i)[0])
    begin, n = begins[0], begins[1] - begins[0]
    columns = pointer_at(integers[a.COLUMNS], begin, np.int32(0))
    return columns, pointer_at(integers[a.X], begin, zero), n


@njit(**JIT)
def sparse_forward(integers, weights, out, rows, m, zero):  # type: ignore[no-untyped-def]
    """Write ``out += x @ weights`` for rows (begin, end) of the block; out has no others."""
    for i in range(rows[0], rows[1]):
        columns, values, n = sparse_row(integers, i, zero)
        z = moved(out, (i - rows[0]) * m)
        for place in range(n):
            add_scaled(values[place], moved(weights, np.intp(columns[place]) * m), z, m)


@njit(**JIT)
def sparse_gradient(integers, delta, out, columns, n, m, beta):  # type: ignore[no-untyped-def]
    """Write ``out = x.T @ delta + beta out`` for columns (begin, end) of x; out has no others."""
    begin, end = columns
    zero = as_type_of(beta, 0)
    if beta == zero:
        scale(beta, out, (end - begin) * m)
    for i in range(n):
        its_columns, values, n_values = sparse_row(integers, i, zero)
        for place in range(n_values):
            column = np.intp(its_columns[place])
            if begin <= column < end:
                row = moved(out, (column - begin) * m)
                add_scaled(values[place], moved(delta, i * m), row, m)
