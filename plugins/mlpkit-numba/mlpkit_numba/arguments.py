"""The arguments of the compiled loop: one array of integers and one of numbers.

Addresses are integers; 0 stands for an array that does not exist. This module imports no framework.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout
from mlpkit.plugin import Array, Spec
from mlpkit_numba.codes import CODES, WITH_SLOPES

# fmt: off
#: Places in the array of integers.
(
    MODE, N_STEPS, FIRST_STEP, END_STEP, BATCH_SIZE,
    N_LAYERS, LAYERS, N_FEATURES, N_OUTPUTS, OUT_ACTIVATION, N_WEIGHTS, N_DECAYED,
    GEMM, UPDATE, LOSS,  # functions
    WEIGHTS, GRADIENTS, STATE,
    FORM, X, ROW_STRIDE, COLUMN_STRIDE, COLUMNS, BEGINS, Y, W, IDS,  # the training data
    ORDER, SUMS, PREDICTIONS,
    N_SEGMENTS, SEGMENTS, N_SCALARS, SCALARS, DECREASES,  # the solver
    SEEDS, THRESHOLDS, FACTORS,  # dropout
    BLOCK_ROWS, NUMBERS, INDICES, X_PLACE, Y_PLACE, W_PLACE, LOSSES_PLACE, DELTA_PLACES,  # memory
    N_INTEGERS,
) = range(47)
#: Places in the array of numbers.
ALPHA, MAX_NORM, WEIGHT, N_NUMBERS = range(4)
N_SUMS = 3  # after them, for the loss, the weight and the penalty of one step
#: Places in the description of a layer.
(
    N_INPUTS, N_UNITS, COEF, INTERCEPT, ACTIVATION, DROPOUT, SLOPES, VALUES, N_LAYER_FIELDS,
) = range(9)
#: Places in the description of a segment of the weights.
BEGIN, SIZE, IS_DECAYED, RATE, N_SEGMENT_FIELDS = range(5)
# fmt: on
#: Modes of the compiled loop: steps; sums of gradients; one step with given sums; outputs.
EPOCH, GRADIENT, STEP, FORWARD = range(4)
#: Forms of X: dense; CSR whose rows are copied into dense ones; CSR.
DENSE, DENSIFIED, SPARSE = range(3)

ALIGNMENT = 16  # numbers: the places of arrays in the memory of a block are multiples of it
MOST_ROWS = 1024  # of a block; a larger step consists of several blocks
MOST_NUMBERS = 1 << 23  # of the largest array of a block


class Memory(NamedTuple):
    """The memory of the blocks of a step.

    Parameters
    ----------
    block_rows : int
        Rows of a block.
    layers : ndarray of int64, of shape (n_layers, N_LAYER_FIELDS)
        The layers, with the places of their values and slopes.
    integers : list of int
        The arguments that are the same in all calls.
    size : int
        How many numbers the memory has.
    """

    block_rows: int
    layers: Array
    integers: list[int]
    size: int


class Structure(NamedTuple):
    """What the memory depends on: the layers, and the first weights of each."""

    units: tuple[int, ...]
    activations: tuple[str, ...]
    dropouts: tuple[float, ...]
    out_activation: str
    begins: tuple[tuple[str, int], ...]
    n_decayed: int
    n_weights: int

    @classmethod
    def of(cls, spec: Spec, layout: WeightLayout) -> "Structure":
        """Return the structure of a dense network."""
        begins = tuple((name, place.start) for name, place in layout.slices.items())
        activations = spec.activations, spec.dropouts, spec.loss.out_activation
        return cls(spec.layer_units, *activations, begins, layout.n_decayed, layout.size)


@lru_cache(maxsize=256)
def memory(structure: Structure, n_rows: int, form: int) -> Memory:
    """Return the memory for steps of n_rows rows of X in one of the forms."""
    units, begins = structure.units, dict(structure.begins)
    widest = max(units[1:] if form == SPARSE else units)
    block_rows = max(1, min(n_rows, MOST_ROWS, MOST_NUMBERS // widest))
    size = 0

    def place(width: int) -> int:
        nonlocal size
        begin, size = size, size + -(-block_rows * width // ALIGNMENT) * ALIGNMENT
        return begin

    integers = np.zeros(N_INTEGERS, np.int64)
    layers = np.full((len(units) - 1, N_LAYER_FIELDS), -1, np.int64)
    integers[X_PLACE] = place(0 if form == SPARSE else units[0])
    for i, (n_inputs, n_units) in enumerate(pairwise(units)):
        places = begins[f"coef_{i}"], begins[f"intercept_{i}"]
        layers[i, :ACTIVATION] = n_inputs, n_units, *places
        layers[i, VALUES] = place(n_units)
        if i < len(units) - 2:
            name, has_dropout = structure.activations[i], structure.dropouts[i] > 0
            layers[i, ACTIVATION], layers[i, DROPOUT] = CODES[name], has_dropout
            if has_dropout or name in WITH_SLOPES:
                layers[i, SLOPES] = place(n_units)
    integers[Y_PLACE], integers[W_PLACE] = place(units[-1]), place(1)
    integers[LOSSES_PLACE] = place(1)
    integers[DELTA_PLACES] = place(2 * max(units[1:]) + ALIGNMENT)
    integers[[N_LAYERS, N_FEATURES, N_OUTPUTS]] = len(layers), units[0], units[-1]
    integers[OUT_ACTIVATION] = CODES[structure.out_activation]
    integers[[N_WEIGHTS, N_DECAYED]] = structure.n_weights, structure.n_decayed
    integers[BLOCK_ROWS] = block_rows
    integers[LAYERS] = layers.ctypes.data
    return Memory(block_rows, layers, integers.tolist(), size)
