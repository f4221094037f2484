"""The rows of a block, copied next to each other.

This module is imported only while the loop is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at, as_type_of, size_of
from mlpkit_numba.vectors import copy


@njit(**JIT)
def row_at(integers, place):  # type: ignore[no-untyped-def]
    """The row at a place of the order; -1 is padding."""
    if integers[a.ORDER] == 0:
        return place
    return array_at(integers[a.ORDER], place, 1, np.int64(0))[0]


@njit(**JIT)
def weight_at(integers, row, zero):  # type: ignore[no-untyped-def]
    """The weight of a row."""
    if row < 0:
        return zero
    if integers[a.W] == 0:
        return as_type_of(zero, 1)
    return array_at(integers[a.W], row, 1, zero)[0]


@njit(**JIT)
def weight_of_step(integers, step, zero):  # type: ignore[no-untyped-def]
    """The summed weight of the rows of a step."""
    batch_size, total = integers[a.BATCH_SIZE], 0.0
    for place in range(batch_size * step, batch_size * (step + 1)):
        total += weight_at(integers, row_at(integers, place), zero)
    return total


@njit(**JIT)
def select(integers, step, begin, zero):  # type: ignore[no-untyped-def]
    """Select the rows at the places from `begin` of a step that fit into a block.

    Rows of weight 0 are left out. Return their number, and the place after them.
    """
    block_rows, batch_size = integers[a.BLOCK_ROWS], integers[a.BATCH_SIZE]
    rows = array_at(integers[a.INDICES], 0, block_rows, np.int64(0))
    places = array_at(integers[a.INDICES], block_rows, block_rows, np.int64(0))
    ws = array_at(integers[a.NUMBERS], integers[a.W_PLACE], block_rows, zero)
    n = 0
    while begin < batch_size and n < block_rows:
        row = row_at(integers, step * batch_size + begin)
        w = weight_at(integers, row, zero)
        if w != zero:
            rows[n], places[n], ws[n] = row, begin, w
            n += 1
        begin += 1
    return n, begin


@njit(**JIT)
def copy_features(integers, row, out):  # type: ignore[no-untyped-def]
    """Copy one row of X, given by strides in bytes or as CSR, to an array (n_features,)."""
    n_features, zero = integers[a.N_FEATURES], out.dtype.type(0)
    if integers[a.FORM] == a.DENSE:
        begin, stride = integers[a.X] + row * integers[a.ROW_STRIDE], integers[a.COLUMN_STRIDE]
        if stride == size_of(zero):
            copy(array_at(begin, 0, n_features, zero), out)
        else:
            for j in range(n_features):
                out[j] = array_at(begin + j * stride, 0, 1, zero)[0]
    else:
        for j in range(n_features):
            out[j] = zero
        begins = array_at(integers[a.BEGINS], row, 2, np.int64(0))
        n = begins[1] - begins[0]
        values = array_at(integers[a.X], begins[0], n, zero)
        columns = array_at(integers[a.COLUMNS], begins[0], n, np.int32(0))
        for k in range(n):
            out[columns[k]] += values[k]


@njit(**JIT)
def copy_rows(integers, begin, end, zero):  # type: ignore[no-untyped-def]
    """Copy the features and the targets of selected rows into the memory of the block."""
    n_features, n_outputs = integers[a.N_FEATURES], integers[a.N_OUTPUTS]
    memory = integers[a.NUMBERS]
    for i in range(begin, end):
        row = array_at(integers[a.INDICES], i, 1, np.int64(0))[0]
        if integers[a.FORM] != a.SPARSE:
            x = array_at(memory, integers[a.X_PLACE] + i * n_features, n_features, zero)
            copy_features(integers, row, x)
        if integers[a.Y] != 0:
            y = array_at(memory, integers[a.Y_PLACE] + i * n_outputs, n_outputs, zero)
            copy(array_at(integers[a.Y], row * n_outputs, n_outputs, zero), y)


@njit(**JIT)
def copy_outputs(integers, p, step, begin, end):  # type: ignore[no-untyped-def]
    """Copy the outputs p of selected rows to their places among the predictions."""
    n_outputs, block_rows = integers[a.N_OUTPUTS], integers[a.BLOCK_ROWS]
    for i in range(begin, end):
        place = array_at(integers[a.INDICES], block_rows + i, 1, np.int64(0))[0]
        to = (step * integers[a.BATCH_SIZE] + place) * n_outputs
        out = array_at(integers[a.PREDICTIONS], to, n_outputs, p.dtype.type(0))
        copy(p[(i - begin) * n_outputs : (i - begin + 1) * n_outputs], out)
