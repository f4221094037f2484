"""The arguments of the compiled loop: one array of integers and one of numbers.

Addresses are integers; 0 stands for an array that does not exist. This module imports no framework.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout, n_parts, weight_parts
from mlpkit.plugin import Array
from mlpkit_numba.codes import CODES, WITH_SLOPES

# fmt: off
#: Places in the array of integers.
(
    MODE, N_STEPS, FIRST_STEP, END_STEP, BATCH_SIZE,
    N_LAYERS, LAYERS, N_FEATURES, N_OUTPUTS, OUT_ACTIVATION, N_WEIGHTS, N_DECAYED,
    STEP_PART, SLOPED, SPARSE_PRODUCT, GEMM, UPDATE, LOSS,  # functions
    YIELD, CLOCK, CLOCK_ID, CPU_CLOCK_ID,  # of the operating system
    WEIGHTS, GRADIENTS, STATE,
    FORM, X, ROW_STRIDE, COLUMN_STRIDE, COLUMNS, BEGINS, Y, W, IDS,  # the training data
    ORDER, SUMS, PREDICTIONS,
    N_SEGMENTS, SEGMENTS, N_SCALARS, SCALARS, DECREASES,  # the solver
    SEEDS, THRESHOLDS, FACTORS,  # dropout
    BLOCK_ROWS, NUMBERS, INDICES, X_PLACE, Y_PLACE, W_PLACE, LOSSES_PLACE,  # memory
    N_ROW_PARTS, N_WEIGHT_PARTS, WEIGHT_PARTS, N_PIECES, PIECES, SHARED,  # parts of a step
    PART_GRADIENTS, GRADIENT_BYTES,
    N_INTEGERS,
) = range(61)
#: Places in the array of numbers.
ALPHA, MAX_NORM, WEIGHT, MOST_TIME, N_NUMBERS = range(5)
N_SUMS = 3  # after them, for the loss, the weight and the penalty of one step
RESULTS = N_NUMBERS + N_SUMS  # after these, of the parts of a computation
#: Places in the description of a layer.
(
    N_INPUTS, N_UNITS, COEF, INTERCEPT, ACTIVATION, DROPOUT, SLOPES, VALUES, DELTAS, N_LAYER_FIELDS,
) = range(10)
#: Places in the description of a segment of the weights.
BEGIN, SIZE, IS_DECAYED, RATE, N_SEGMENT_FIELDS = range(5)
#: Places in the description of a part of the weights, and of a piece of a part.
FIRST_PIECE, END_PIECE, FIRST_WEIGHT, END_WEIGHT, N_PART_FIELDS = range(5)
LAYER, FIRST_ROW, END_ROW, N_PIECE_FIELDS = range(4)
# fmt: on
#: Modes of the compiled loop: steps; sums of gradients; one step with given sums; outputs.
EPOCH, GRADIENT, STEP, FORWARD = range(4)
#: Forms of X: dense; CSR whose rows are copied into dense ones; CSR.
DENSE, DENSIFIED, SPARSE = range(3)
#: Sparse products: outputs; gradients of the first block of a step, and of the others.
FORWARD_PRODUCT, FIRST_GRADIENT, NEXT_GRADIENT = range(3)
INTERCEPT_PIECE = -1  # in the place of the first row

ALIGNMENT = 16  # numbers: the places of arrays in the memory of a block are multiples of it
MOST_ROWS = 1024  # of a block; a larger step consists of several blocks
MOST_NUMBERS = 1 << 23  # of the largest array of a block
DIVIDED_FLOPS = 1.6e7  # of a computation in two parts, which takes 100 to 200 microseconds
MIN_ROWS = 64  # of a part: a product of fewer rows is slower in relation to its size


class Memory(NamedTuple):
    """The memory of the blocks of a step, and the parts of its computation.

    Parameters
    ----------
    block_rows : int
        Rows of a block.
    n_parts : int
        The largest number of parts that can be computed at the same time.
    n_gradients : int
        The number of arrays of gradients, in addition to the result, that are computed for parts of
        the rows and added. If there are none, a thread computes gradients for all rows, and reads
        what other threads computed for theirs.
    has_slopes : bool
        Whether the slope of an activation is computed with its value.
    integers : list of int
        The arguments that are the same in all calls.
    arrays : tuple of ndarray
        The arrays whose addresses are among them.
    size : int
        How many numbers the memory has.
    """

    block_rows: int
    n_parts: int
    n_gradients: int
    has_slopes: bool
    integers: list[int]
    arrays: tuple[Array, ...]
    size: int


class Structure(NamedTuple):
    """What the memory depends on: the layers, and the places and shapes of the weights."""

    units: tuple[int, ...]
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    out_activation: str
    layout: WeightLayout


def memory(structure: Structure, n_rows: int, form: int) -> Memory:
    """Return the memory for steps of n_rows rows of X in one of the forms."""
    units, layout = structure.units, structure.layout
    widest = max(units[1:] if form == SPARSE else units)
    block_rows = max(1, min(n_rows, MOST_ROWS, MOST_NUMBERS // widest))
    integers = np.zeros(N_INTEGERS, np.int64)
    layers, size = _places(integers, structure, block_rows, form)
    integers[[N_LAYERS, N_FEATURES, N_OUTPUTS]] = len(layers), units[0], units[-1]
    integers[OUT_ACTIVATION] = CODES[structure.out_activation]
    integers[[N_WEIGHTS, N_DECAYED]] = layout.size, layout.n_decayed
    integers[N_ROW_PARTS] = row_parts = _n_row_parts(units, block_rows)
    parts, pieces = weight_table(layout, block_rows)
    integers[N_WEIGHT_PARTS], integers[N_PIECES] = len(parts), len(pieces)
    integers[BLOCK_ROWS] = block_rows
    arrays = layers, parts, pieces
    integers[[LAYERS, WEIGHT_PARTS, PIECES]] = [array.ctypes.data for array in arrays]
    integers[GRADIENT_BYTES] = layout.size * layout.dtype.itemsize
    exchanged = block_rows * (
        units[0] + 2 * sum(units[1:])
    )  # numbers that products of all rows need
    by_rows = form != SPARSE and row_parts * layout.size < exchanged
    n_gradients = row_parts - 1 if by_rows else 0
    most = max(row_parts, len(parts))
    has_slopes = bool((layers[:, SLOPES] >= 0).any())
    return Memory(block_rows, most, n_gradients, has_slopes, integers.tolist(), arrays, size)


def _places(integers: Array, structure: Structure, block_rows: int, form: int) -> tuple[Array, int]:
    """Set the places of arrays in the memory of a block.

    Return the descriptions of the layers, and the size of the memory.
    """
    units, slices, size = structure.units, structure.layout.slices, 0

    def place(width: int) -> int:
        nonlocal size
        begin, size = size, size + -(-block_rows * width // ALIGNMENT) * ALIGNMENT
        return begin

    layers = np.full((len(units) - 1, N_LAYER_FIELDS), -1, np.int64)
    integers[X_PLACE] = place(0 if form == SPARSE else units[0])
    for i, (n_inputs, n_units) in enumerate(pairwise(units)):
        places = slices[f"coef_{i}"].start, slices[f"intercept_{i}"].start
        layers[i, :ACTIVATION] = n_inputs, n_units, *places
        layers[i, VALUES], layers[i, DELTAS] = place(n_units), place(n_units)
        if i < len(units) - 2:
            name, has_dropout = structure.activations[i], structure.dropouts[i] > 0
            layers[i, ACTIVATION], layers[i, DROPOUT] = CODES[name], has_dropout
            if has_dropout or name in WITH_SLOPES:
                layers[i, SLOPES] = place(n_units)
    integers[Y_PLACE], integers[W_PLACE] = place(units[-1]), place(1)
    integers[LOSSES_PLACE] = place(1)
    return layers, size


def _n_row_parts(units: tuple[int, ...], block_rows: int) -> int:
    """Return the number of parts of the forward and the backward pass of a block."""
    products = sum(a * b for a, b in pairwise(units))
    flops = 2.0 * block_rows * (2 * products - units[0] * units[1])
    return max(1, min(n_parts(flops, DIVIDED_FLOPS), block_rows // MIN_ROWS))


def weight_table(layout: WeightLayout, block_rows: int) -> tuple[Array, Array]:
    """Return the parts of the weights (n_parts, N_PART_FIELDS), and their pieces."""
    parts: list[tuple[int, int, int, int]] = []
    pieces: list[tuple[int, int, int]] = []
    for part in weight_parts(layout, block_rows, DIVIDED_FLOPS):
        first = len(pieces)
        pieces += [(layer, rows.start, rows.stop) for layer, rows in part.coefs]
        pieces += [(layer, INTERCEPT_PIECE, 0) for layer in part.intercepts]
        parts.append((first, len(pieces), part.place.start, part.place.stop))
    return np.array(parts, np.int64), np.array(pieces, np.int64)
