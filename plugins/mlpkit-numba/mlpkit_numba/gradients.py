"""The gradients of a part of the weights, from the deltas of all layers.

This module is imported only while the loop is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at, as_type_of
from mlpkit_numba.layers import biases_of, inputs_of, layer_of, rows_at, weights_of
from mlpkit_numba.products import column_sums, gradient
from mlpkit_numba.sparse_products import sparse_gradient


@njit(**JIT)
def part_of(integers, i):  # type: ignore[no-untyped-def]
    """The description of part i of the weights."""
    return array_at(integers[a.WEIGHT_PARTS], a.N_PART_FIELDS * i, a.N_PART_FIELDS, np.int64(0))


@njit(**JIT)
def write_gradients(integers, part, n, beta):  # type: ignore[no-untyped-def]
    """Write ``gradients = beta gradients + those of the n rows of the block`` for a part."""
    zero, described = as_type_of(beta, 0), part_of(integers, part)
    for place in range(described[a.FIRST_PIECE], described[a.END_PIECE]):
        piece = array_at(
            integers[a.PIECES], a.N_PIECE_FIELDS * place, a.N_PIECE_FIELDS, np.int64(0)
        )
        i, begin, end = piece[a.LAYER], piece[a.FIRST_ROW], piece[a.END_ROW]
        layer = layer_of(integers, i)
        k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
        delta = rows_at(integers, layer[a.DELTAS], (np.int64(0), n), m, zero)
        if begin == a.INTERCEPT_PIECE:
            column_sums(delta, biases_of(integers, a.GRADIENTS, i, zero), n, m, beta)
            continue
        out = weights_of(integers, a.GRADIENTS, i, zero)[begin * m : end * m]
        if i == 0 and integers[a.FORM] == a.SPARSE:
            sparse_gradient(integers, delta, out, (begin, end), n, m, beta)
        else:
            x = inputs_of(integers, i, (np.int64(0), n), zero)[begin:]
            gradient(integers[a.GEMM], x, delta, out, (n, end - begin, m), k, beta)
