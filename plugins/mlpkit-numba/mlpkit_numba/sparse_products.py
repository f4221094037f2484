"""The products of CSR rows of X with a dense layer, without dense rows.

This module is imported only while a program is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at
from mlpkit_numba.vectors import add_scaled, scale


@njit(**JIT)
def sparse_row(integers, i, zero):  # type: ignore[no-untyped-def]
    """Columns and values of the row of X at place i of the block."""
    row = array_at(integers[a.INDICES], i, 1, np.int64(0))[0]
    begins = array_at(integers[a.BEGINS], row, 2, np.int64(0))
    begin, n = begins[0], begins[1] - begins[0]
    columns = array_at(integers[a.COLUMNS], begin, n, np.int32(0))
    return columns, array_at(integers[a.X], begin, n, zero)


@njit(**JIT)
def sparse_forward(integers, weights, out, begin, end, m):  # type: ignore[no-untyped-def]
    """Write ``out += x @ weights`` for rows of the block; out has no others."""
    for i in range(begin, end):
        columns, values = sparse_row(integers, i, weights.dtype.type(0))
        z = out[(i - begin) * m : (i - begin + 1) * m]
        for place in range(len(values)):
            j = np.intp(columns[place])
            add_scaled(values[place], weights[j * m : (j + 1) * m], z)


@njit(**JIT)
def sparse_gradient(integers, delta, out, columns, n, m, beta):  # type: ignore[no-untyped-def]
    """Write ``out = x.T @ delta + beta out`` for columns (begin, end) of x; out has no others."""
    zero, (begin, end) = out.dtype.type(0), columns
    if beta == zero:
        scale(beta, out)
    for i in range(n):
        its_columns, values = sparse_row(integers, i, zero)
        d = delta[i * m : (i + 1) * m]
        for place in range(len(values)):
            column = np.intp(its_columns[place])
            if begin <= column < end:
                j = column - begin
                add_scaled(values[place], d, out[j * m : (j + 1) * m])
