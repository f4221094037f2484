"""Matrix products in tiles of vector registers.

A matrix is its address, and the distances of its rows and of its columns. This module is imported
only while a program is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba.intrinsics import FAST, JIT, as_type_of, pointer_at, size_of, words_at
from mlpkit_numba.tiles import VECTOR_BYTES, scratch, tile, transpose_block

ROWS, FEWER_ROWS = 12, 4  # of a tile; its sums are in 24 of 32 registers
DEPTH = 256  # columns of the first matrix in a tile: rows of the second remain in the first cache
TRANSPOSED_NUMBERS = DEPTH * 32  # of a transposed panel

tile_12_2, tile_4_2, tile_1_2 = tile(ROWS, 2), tile(FEWER_ROWS, 2), tile(1, 2)
tile_12_1, tile_4_1, tile_1_1 = tile(ROWS, 1), tile(FEWER_ROWS, 1), tile(1, 1)


@njit(**JIT)
def at(matrix, row, column, item):  # type: ignore[no-untyped-def]
    """The part of a matrix that begins with a row and a column."""
    address, row_distance, column_distance = matrix
    place = row * row_distance + column * column_distance
    return address + item * place, row_distance, column_distance


@njit(**JIT)
def multiply_panel(a, b, c, n, k, width, beta):  # type: ignore[no-untyped-def]
    """Write ``c = a @ b + beta c`` for at most two vectors of columns of b."""
    item, i, first = size_of(beta), np.int64(0), np.int64(0)
    if width > VECTOR_BYTES // item:
        while i + ROWS <= n:
            tile_12_2(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += ROWS
        while i + FEWER_ROWS <= n:
            tile_4_2(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += FEWER_ROWS
        while i < n:
            tile_1_2(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += 1
    else:
        while i + ROWS <= n:
            tile_12_1(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += ROWS
        while i + FEWER_ROWS <= n:
            tile_4_1(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += FEWER_ROWS
        while i < n:
            tile_1_1(at(a, i, first, item), b, at(c, i, first, item), k, width, beta)
            i += 1


@njit(**JIT)
def multiply(a, b, c, shape, beta):  # type: ignore[no-untyped-def]
    """Write ``c = a @ b + beta c``. The shape is (n, k, m): a is (n, k) and b (k, m)."""
    n, k, m = shape
    item = size_of(beta)
    width = 2 * (VECTOR_BYTES // item)
    for p in range(0, k, DEPTH):
        depth = min(DEPTH, k - p)
        for j in range(0, m, width):
            columns = min(width, m - j)
            left, right = at(a, np.int64(0), p, item), at(b, p, j, item)
            multiply_panel(left, right, at(c, np.int64(0), j, item), n, depth, columns, beta)
        beta = as_type_of(beta, 1)


@njit(**JIT)
def transpose(x, out, n, k, zero):  # type: ignore[no-untyped-def]
    """Write the transposed matrix of x (n, k)."""
    item = size_of(zero)
    size = VECTOR_BYTES // item
    for i in range(0, n, size):
        for j in range(0, k, size):
            if i + size <= n and j + size <= k:
                transpose_block(at(x, i, j, item), at(out, j, i, item), zero)
                continue
            for column in range(j, min(j + size, k)):
                for row in range(i, min(i + size, n)):
                    value = pointer_at(x[0], row * x[1] + column, zero)[0]
                    pointer_at(out[0], column * out[1] + row, zero)[0] = value


@njit(**JIT)
def multiply_transposed(a, b, c, shape, beta):  # type: ignore[no-untyped-def]
    """Write ``c = a @ b.T + beta c``. The shape is (n, k, m): a is (n, k) and b (m, k)."""
    n, k, m = shape
    item, zero = size_of(beta), as_type_of(beta, 0)
    width = 2 * (VECTOR_BYTES // item)
    panel = scratch(TRANSPOSED_NUMBERS, zero), width, np.int64(1)
    for p in range(0, k, DEPTH):
        depth = min(DEPTH, k - p)
        for j in range(0, m, width):
            columns = min(width, m - j)
            transpose(at(b, j, p, item), panel, columns, depth, zero)
            left = at(a, np.int64(0), p, item)
            multiply_panel(left, panel, at(c, np.int64(0), j, item), n, depth, columns, beta)
        beta = as_type_of(beta, 1)


def product(dtype: str) -> Any:
    """Return a function for float32 or float64 with the arguments of BLAS's gemm.

    The sizes are of 64 bits, and alpha is 1.
    """
    zero, transposed, one = getattr(np, dtype)(0), np.int8(ord("T")), np.int64(1)

    def gemm(a_kind, b_kind, m_at, n_at, k_at, alpha, a, lda, b, ldb, beta_at, c, ldc):  # type: ignore[no-untyped-def]
        shape = words_at(n_at, 0)[0], words_at(k_at, 0)[0], words_at(m_at, 0)[0]
        left = b, words_at(ldb, 0)[0], one  # BLAS's columns are the rows here
        if pointer_at(b_kind, 0, transposed)[0] == transposed:
            left = b, one, words_at(ldb, 0)[0]
        right, out = (a, words_at(lda, 0)[0], one), (c, words_at(ldc, 0)[0], one)
        beta = pointer_at(beta_at, 0, zero)[0]
        if pointer_at(a_kind, 0, transposed)[0] == transposed:
            multiply_transposed(left, right, out, shape, beta)
        else:
            multiply(left, right, out, shape, beta)

    signature = types.void(*[types.intp] * 13)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(gemm)
