"""The gradients of a part of the weights, from the deltas of all layers.

This module is imported only while the loop is compiled.
"""

from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, address_of, as_type_of, moved, pointer_at, words_at
from mlpkit_numba.layers import biases_of, inputs_of, layer_of, rows_at, sparse_product, weights_of
from mlpkit_numba.products import column_sums, gradient
from mlpkit_numba.vectors import add_scaled


@njit(**JIT)
def part_of(integers, i):  # type: ignore[no-untyped-def]
    """The description of part i of the weights."""
    return words_at(integers[a.WEIGHT_PARTS], a.N_PART_FIELDS * i)


@njit(**JIT)
def gradients_of(integers, rows_part):  # type: ignore[no-untyped-def]
    """The address of the gradients of a part of the rows, if each has its own."""
    if rows_part == 0:
        return integers[a.GRADIENTS]
    return integers[a.PART_GRADIENTS] + (rows_part - 1) * integers[a.GRADIENT_BYTES]


@njit(**JIT)
def write_gradients(integers, address, pieces, rows, beta):  # type: ignore[no-untyped-def]
    """Write ``gradients = beta gradients + those of rows of the block`` for pieces of weights.

    The pieces and the rows are (begin, end).
    """
    zero, n = as_type_of(beta, 0), rows[1] - rows[0]
    for place in range(pieces[0], pieces[1]):
        piece = words_at(integers[a.PIECES], a.N_PIECE_FIELDS * place)
        i, begin, end = piece[a.LAYER], piece[a.FIRST_ROW], piece[a.END_ROW]
        layer = layer_of(integers, i)
        k, m = layer[a.N_INPUTS], layer[a.N_UNITS]
        delta = rows_at(integers, layer[a.DELTAS], rows, m, zero)
        if begin == a.INTERCEPT_PIECE:
            column_sums(delta, biases_of(integers, address, i, zero), n, m, beta)
            continue
        out = moved(weights_of(integers, address, i, zero), begin * m)
        if i == 0 and integers[a.FORM] == a.SPARSE:
            kind = a.FIRST_GRADIENT if beta == zero else a.NEXT_GRADIENT
            columns = begin, end
            sparse_product(integers, kind, address_of(delta), address_of(out), columns, n, m)
        else:
            x = moved(inputs_of(integers, i, rows, zero), begin)
            gradient(integers[a.GEMM], x, delta, out, (n, end - begin, m), k, beta)


@njit(**JIT)
def add_gradients(integers, n_rows_parts, place, zero):  # type: ignore[no-untyped-def]
    """Add the gradients of the parts of the rows for the weights at a place (begin, end)."""
    begin, n = place[0], place[1] - place[0]
    out = pointer_at(integers[a.GRADIENTS], begin, zero)
    for part in range(1, n_rows_parts):
        own = pointer_at(gradients_of(integers, part), begin, zero)
        add_scaled(as_type_of(zero, 1), own, out, n)
