"""Calls of the compiled loop: its memory and its arguments."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba.blas import OneThread, gemm
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
    dtype : dtype
        The dtype of the network.
    """

    def __init__(self, memory: a.Memory, dtype: "np.dtype[Any]") -> None:
        self.dtype, self.integers = dtype, memory.integers.copy()
        self.numbers = np.zeros(a.N_NUMBERS + 3)
        self.kept: list[Array] = []  # arrays whose addresses are among the arguments
        indices = np.empty(2 * memory.block_rows, np.int64)
        self.set(a.NUMBERS, np.empty(memory.size, dtype)).set(a.INDICES, indices)

    def set(self, place: int, array: Array) -> "Call":
        """Pass the address of an array."""
        self.integers[place] = array.ctypes.data
        self.kept.append(array)
        return self

    def set_rows(self, rows: TrainingRows) -> None:
        """Pass the training data."""
        self.integers[rows.places] = rows.values

    def run(self) -> None:
        """Run the loop in the one thread of BLAS that the products of a step are worth."""
        self.integers[a.GEMM] = gemm(self.dtype.name)
        compiled = loop(self.dtype.name)
        with OneThread():
            compiled(self.integers.ctypes.data, self.numbers.ctypes.data)
