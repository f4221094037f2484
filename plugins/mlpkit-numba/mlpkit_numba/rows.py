"""The rows of a block, copied next to each other.

This module is imported only while the loop is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, as_type_of, moved, pointer_at, size_of, words_at
from mlpkit_numba.vectors import copy


@njit(**JIT)
def row_at(integers, place):  # type: ignore[no-untyped-def]
    """The row at a place of the order; -1 is padding."""
    if integers[a.ORDER] == 0:
        return place
    return words_at(integers[a.ORDER], place)[0]


@njit(**JIT)
def weight_at(integers, row, zero):  # type: ignore[no-untyped-def]
    """The weight of a row."""
    if row < 0:
        return zero
    if integers[a.W] == 0:
        return as_type_of(zero, 1)
    return pointer_at(integers[a.W], row, zero)[0]


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
    rows, places = words_at(integers[a.INDICES], 0), words_at(integers[a.INDICES], block_rows)
    ws = pointer_at(integers[a.NUMBERS], integers[a.W_PLACE], zero)
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
def copy_features(integers, row, out, zero):  # type: ignore[no-untyped-def]
    """Copy one row of X, given by strides in bytes or as CSR, to an array (n_features,)."""
    n_features = integers[a.N_FEATURES]
    if integers[a.FORM] == a.DENSE:
        begin, stride = integers[a.X] + row * integers[a.ROW_STRIDE], integers[a.COLUMN_STRIDE]
        if stride == size_of(zero):
            copy(pointer_at(begin, 0, zero), out, n_features)
        else:
            for j in range(n_features):
                out[j] = pointer_at(begin + j * stride, 0, zero)[0]
    else:
        for j in range(n_features):
            out[j] = zero
        begins = words_at(integers[a.BEGINS], row)
        values = pointer_at(integers[a.X], begins[0], zero)
        columns = pointer_at(integers[a.COLUMNS], begins[0], np.int32(0))
        for k in range(begins[1] - begins[0]):
            out[columns[k]] += values[k]


@njit(**JIT)
def copy_rows(integers, rows, zero):  # type: ignore[no-untyped-def]
    """Copy features and targets of selected rows (begin, end) into the memory of the block."""
    n_features, n_outputs = integers[a.N_FEATURES], integers[a.N_OUTPUTS]
    memory = integers[a.NUMBERS]
    for i in range(rows[0], rows[1]):
        row = words_at(integers[a.INDICES], i)[0]
        if integers[a.FORM] != a.SPARSE:
            x = pointer_at(memory, integers[a.X_PLACE] + i * n_features, zero)
            copy_features(integers, row, x, zero)
        if integers[a.Y] != 0:
            y = pointer_at(memory, integers[a.Y_PLACE] + i * n_outputs, zero)
            copy(pointer_at(integers[a.Y], row * n_outputs, zero), y, n_outputs)


@njit(**JIT)
def copy_outputs(integers, p, step, rows, zero):  # type: ignore[no-untyped-def]
    """Copy the outputs p of selected rows (begin, end) to their places in the predictions."""
    n_outputs, block_rows = integers[a.N_OUTPUTS], integers[a.BLOCK_ROWS]
    for i in range(rows[0], rows[1]):
        place = words_at(integers[a.INDICES], block_rows + i)[0]
        to = (step * integers[a.BATCH_SIZE] + place) * n_outputs
        out = pointer_at(integers[a.PREDICTIONS], to, zero)
        copy(moved(p, (i - rows[0]) * n_outputs), out, n_outputs)
