"""Arrays of the layers of the network, for rows of a block.

This module is imported only while the loop is compiled.
"""

from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, address_of, call, pointer_at, words_at


@njit(**JIT)
def layer_of(integers, i):  # type: ignore[no-untyped-def]
    """The description of layer i."""
    return words_at(integers[a.LAYERS], a.N_LAYER_FIELDS * i)


@njit(**JIT)
def rows_at(integers, place, rows, width, zero):  # type: ignore[no-untyped-def]
    """Rows (begin, end) of an array at a place in the memory of the block, flat."""
    return pointer_at(integers[a.NUMBERS], place + rows[0] * width, zero)


@njit(**JIT)
def inputs_of(integers, i, rows, zero):  # type: ignore[no-untyped-def]
    """What layer i receives, (n, n_inputs)."""
    place = integers[a.X_PLACE] if i == 0 else layer_of(integers, i - 1)[a.VALUES]
    return rows_at(integers, place, rows, layer_of(integers, i)[a.N_INPUTS], zero)


@njit(**JIT)
def weights_of(integers, address, i, zero):  # type: ignore[no-untyped-def]
    """The matrix of layer i in an array of all weights or gradients."""
    return pointer_at(address, layer_of(integers, i)[a.COEF], zero)


@njit(**JIT)
def biases_of(integers, address, i, zero):  # type: ignore[no-untyped-def]
    """The biases of layer i in an array of all weights or gradients."""
    return pointer_at(address, layer_of(integers, i)[a.INTERCEPT], zero)


@njit(**JIT)
def sparse_product(integers, kind, x, out, places, n, m):  # type: ignore[no-untyped-def]
    """Compute a product of CSR rows of the block; see `mlpkit_numba.sparse_products`."""
    arguments = address_of(integers), kind, x, out, places[0], places[1], n, m
    call(integers[a.SPARSE_PRODUCT], arguments)
