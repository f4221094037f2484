"""Calls of the compiled loop: its memory and its arguments."""

import ctypes
from array import array
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial

import numpy as np

from mlpkit.backend_kit import OneThread
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba import helpers
from mlpkit_numba import sharing as s
from mlpkit_numba.addresses import address
from mlpkit_numba.blas import address as blas_address
from mlpkit_numba.blas import gemm
from mlpkit_numba.helpers import Helpers
from mlpkit_numba.programs import function
from mlpkit_numba.training_rows import TrainingRows

# releases the GIL
LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)


@cache
def loop(dtype: str) -> Callable[[int, int, int], None]:
    """Return the compiled loop for float32 or float64."""
    return LOOP(function("kernel:kernel", dtype))


class Call:
    """A call of the loop, with its own memory. It may be used again, by one thread at a time.

    Parameters
    ----------
    memory : Memory
        What the memory of the blocks has to be.
    dtype : {"float32", "float64"}
        The dtype of the network.
    """

    def __init__(self, memory: a.Memory, dtype: str) -> None:
        self.dtype = dtype
        self.memory = memory  # whose arrays are among the arguments
        self.numbers = array("d", bytes(8 * (a.RESULTS + s.MOST_PARTS)))
        self.shared = array("q", bytes(8 * s.N_WORDS))
        self.own: dict[int, Array] = {}  # arrays by the places of their addresses
        self.kept: list[Array] = []  # others whose addresses are among the arguments
        self.initial = array("q", memory.integers)
        self.integers = array("q", memory.integers)
        self.initial[a.SHARED] = self.shared.buffer_info()[0]
        self.allocate(a.NUMBERS, memory.size, dtype)
        self.allocate(a.INDICES, 2 * memory.block_rows, "int64")
        self.reset()

    @property
    def n_bytes(self) -> int:
        """The size of its memory."""
        return sum(array.nbytes for array in self.own.values())

    def reset(self) -> None:
        """Forget the arguments, but for the memory."""
        self.kept.clear()
        self.integers[:] = self.initial

    def allocate(self, place: int, shape: int | tuple[int, ...], dtype: str) -> None:
        """Pass the address of memory, which remains if the call is used again."""
        if place not in self.own:
            self.own[place] = np.zeros(shape, dtype)
            self.initial[place] = self.integers[place] = address(self.own[place])

    def set(self, place: int, values: Array) -> "Call":
        """Pass the address of an array."""
        self.integers[place] = address(values)
        self.kept.append(values)
        return self

    def set_rows(self, rows: TrainingRows) -> None:
        """Pass the training data."""
        self.integers[a.FORM : a.IDS + 1] = rows.integers

    def run(self, flops: float = 0.0) -> None:
        """Run the loop. Other threads take parts of it if it has many operations.

        BLAS has one thread.
        """
        self.integers[a.STEP_PART] = function("step_parts:step_part", self.dtype, notice="loop")
        if self.memory.has_slopes:
            self.integers[a.SLOPED] = function("slopes:sloped", self.dtype)
        if self.integers[a.FORM] == a.SPARSE:
            place = "sparse_products:sparse_products"
            self.integers[a.SPARSE_PRODUCT] = function(place, self.dtype)
        compiled, product = loop(self.dtype), gemm(self.dtype)
        self.integers[a.GEMM] = product
        n_helpers = helpers.number(self.memory.n_parts, flops)
        self.shared[s.IS_SHARED] = 0
        if n_helpers:
            functions = array("q", helpers.system_functions() or ())
            self.integers[a.YIELD : a.YIELD + len(functions)] = functions
            self.numbers[a.MOST_TIME] = helpers.usefulness.most_time
            self.shared[:] = array("q", bytes(8 * s.N_WORDS))
            self.shared[s.IS_SHARED] = 1
        addresses = self.integers.buffer_info()[0], self.numbers.buffer_info()[0]
        uses_blas = product == blas_address(self.dtype) and self.memory.block_rows > 1
        with OneThread() if uses_blas else nullcontext():
            if n_helpers:
                with Helpers(n_helpers, self.shared, partial(compiled, *addresses, 1), self):
                    compiled(*addresses, 0)
            else:
                compiled(*addresses, 0)
