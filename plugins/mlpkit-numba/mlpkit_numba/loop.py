"""Calls of the compiled loop: its memory and its arguments."""

import ctypes
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from mlpkit.backend_kit import OneThread
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba.blas import gemm
from mlpkit_numba.programs import program
from mlpkit_numba.training_rows import TrainingRows

LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)  # releases the GIL


@cache
def loop(dtype: str) -> Callable[[int, int], None]:
    """Return the compiled loop for float32 or float64."""

    def compiled() -> Any:
        from mlpkit_numba.kernel import kernel

        return kernel(dtype)

    return LOOP(program(f"loop {dtype}", compiled, notice=f"its {dtype} loop"))


class Call:
    """One call of the loop, with its own memory.

    Parameters
    ----------
    memory : Memory
        What the memory of the blocks has to be.
    dtype : {"float32", "float64"}
        The dtype of the network.
    """

    def __init__(self, memory: a.Memory, dtype: str) -> None:
        self.dtype, self.integers = dtype, memory.integers.copy()
        self.memory = memory  # whose array of layers is among the arguments
        self.numbers = array("d", bytes(8 * (a.N_NUMBERS + a.N_SUMS)))
        self.kept: list[Array] = []  # arrays whose addresses are among the arguments
        self.has_products = memory.block_rows > 1  # by BLAS
        indices = np.empty(2 * memory.block_rows, np.int64)
        self.set(a.NUMBERS, np.empty(memory.size, dtype)).set(a.INDICES, indices)

    def set(self, place: int, values: Array) -> "Call":
        """Pass the address of an array."""
        self.integers[place] = values.ctypes.data
        self.kept.append(values)
        return self

    def set_rows(self, rows: TrainingRows) -> None:
        """Pass the training data."""
        for place, value in rows.values.items():
            self.integers[place] = value

    def run(self) -> None:
        """Run the loop. The products of a step are worth one thread of BLAS."""
        compiled = loop(self.dtype)
        self.integers[a.GEMM] = gemm(self.dtype)
        integers = array("q", self.integers)
        addresses = integers.buffer_info()[0], self.numbers.buffer_info()[0]
        if self.has_products:
            with OneThread():
                compiled(*addresses)
        else:
            compiled(*addresses)
