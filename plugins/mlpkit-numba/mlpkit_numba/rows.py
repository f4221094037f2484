"""The rows of a block, copied next to each other.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at


def gathered(dtype: str) -> Any:
    """Return ``gather(integers, step, begin) -> (n, end)`` for float32 or float64.

    It copies the rows at the places from `begin` of a step, as far as they fit into a block, and
    leaves out rows of weight 0.
    """
    number = getattr(np, dtype)
    zero, one, item = number(0), number(1), np.int64(number().itemsize)
    word, half_word = np.int64(0), np.int32(0)

    @njit(**JIT)
    def copy(x, out):  # type: ignore[no-untyped-def]
        for i in range(len(out)):
            out[i] = x[i]

    @njit(**JIT)
    def copy_features(integers, row, out):  # type: ignore[no-untyped-def]
        """Copy one row of X, given by strides in bytes or as CSR, to an array (n_features,)."""
        n_features = integers[a.N_FEATURES]
        if integers[a.FORM] == a.DENSE:
            begin, stride = integers[a.X] + row * integers[a.ROW_STRIDE], integers[a.COLUMN_STRIDE]
            if stride == item:
                copy(array_at(begin, n_features, zero), out)
            else:
                for j in range(n_features):
                    out[j] = array_at(begin + j * stride, 1, zero)[0]
        else:
            for j in range(n_features):
                out[j] = zero
            begins = array_at(integers[a.BEGINS] + 8 * row, 2, word)
            n = begins[1] - begins[0]
            values = array_at(integers[a.X] + item * begins[0], n, zero)
            columns = array_at(integers[a.COLUMNS] + 4 * begins[0], n, half_word)
            for k in range(n):
                out[columns[k]] += values[k]

    @njit(**JIT)
    def gather(integers, step, begin):  # type: ignore[no-untyped-def]
        block_rows, n_features = integers[a.BLOCK_ROWS], integers[a.N_FEATURES]
        n_outputs, batch_size = integers[a.N_OUTPUTS], integers[a.BATCH_SIZE]
        indices = array_at(integers[a.INDICES], 2 * block_rows, word)
        rows, places = indices[:block_rows], indices[block_rows:]
        memory = integers[a.NUMBERS]
        x = array_at(memory + item * integers[a.X_PLACE], block_rows * n_features, zero)
        y = array_at(memory + item * integers[a.Y_PLACE], block_rows * n_outputs, zero)
        ws = array_at(memory + item * integers[a.W_PLACE], block_rows, zero)
        n = 0
        while begin < batch_size and n < block_rows:
            row = step * batch_size + begin
            if integers[a.ORDER] != 0:
                row = array_at(integers[a.ORDER] + 8 * row, 1, word)[0]
            w = one
            if row >= 0 and integers[a.W] != 0:
                w = array_at(integers[a.W] + item * row, 1, zero)[0]
            if row >= 0 and w != zero:
                rows[n], places[n], ws[n] = row, begin, w
                if integers[a.FORM] != a.SPARSE:
                    copy_features(integers, row, x[n * n_features : (n + 1) * n_features])
                if integers[a.Y] != 0:
                    target = array_at(integers[a.Y] + item * row * n_outputs, n_outputs, zero)
                    copy(target, y[n * n_outputs : (n + 1) * n_outputs])
                n += 1
            begin += 1
        return n, begin

    return gather
