"""Arrays of the layers of the network, for rows of a block.

This module is imported only while the loop is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at


@njit(**JIT)
def layer_of(integers, i):  # type: ignore[no-untyped-def]
    """The description of layer i."""
    return array_at(integers[a.LAYERS], a.N_LAYER_FIELDS * i, a.N_LAYER_FIELDS, np.int64(0))


@njit(**JIT)
def rows_at(integers, place, rows, width, zero):  # type: ignore[no-untyped-def]
    """Rows (begin, end) of an array at a place in the memory of the block, flat."""
    begin, end = rows
    return array_at(integers[a.NUMBERS], place + begin * width, (end - begin) * width, zero)


@njit(**JIT)
def inputs_of(integers, i, rows, zero):  # type: ignore[no-untyped-def]
    """What layer i receives, (n, n_inputs)."""
    place = integers[a.X_PLACE] if i == 0 else layer_of(integers, i - 1)[a.VALUES]
    return rows_at(integers, place, rows, layer_of(integers, i)[a.N_INPUTS], zero)


@njit(**JIT)
def weights_of(integers, address, i, zero):  # type: ignore[no-untyped-def]
    """The matrix of layer i in an array of all weights or gradients."""
    layer = layer_of(integers, i)
    size = layer[a.N_INPUTS] * layer[a.N_UNITS]
    return array_at(address, layer[a.COEF], size, zero)


@njit(**JIT)
def biases_of(integers, address, i, zero):  # type: ignore[no-untyped-def]
    """The biases of layer i in an array of all weights or gradients."""
    layer = layer_of(integers, i)
    return array_at(address, layer[a.INTERCEPT], layer[a.N_UNITS], zero)
