"""Calls of the compiled loop: its memory and its arguments."""

import ctypes
from array import array
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import numpy as np

from mlpkit.backend_kit import OneThread
from mlpkit.plugin import Array
from mlpkit_numba import arguments as a
from mlpkit_numba import helpers
from mlpkit_numba import sharing as s
from mlpkit_numba.blas import address, gemm
from mlpkit_numba.helpers import Helpers
from mlpkit_numba.programs import program
from mlpkit_numba.training_rows import TrainingRows

# releases the GIL
LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)


@cache
def loop(dtype: str) -> Callable[[int, int, int], None]:
    """Return the compiled loop for float32 or float64."""

    def compiled() -> Any:
        from mlpkit_numba.kernel import kernel

        return kernel(dtype)

    return LOOP(program(f"loop {dtype}", compiled))


@cache
def work(dtype: str) -> int:
    """Return the address of the function that the loop calls for each part of a step."""

    def compiled() -> Any:
        from mlpkit_numba.work import work

        return work(dtype)

    return program(f"work {dtype}", compiled, notice=f"its {dtype} loop")


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
        self.memory = memory  # whose arrays are among the arguments
        self.numbers = array("d", bytes(8 * (a.RESULTS + s.MOST_PARTS)))
        self.shared = array("q", bytes(8 * s.N_WORDS))
        self.kept: list[Array] = []  # arrays whose addresses are among the arguments
        self.integers[a.SHARED] = self.shared.buffer_info()[0]
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

    def run(self, flops: float = 0.0) -> None:
        """Run the loop. Other threads take parts of it if it has many operations.

        BLAS has one thread.
        """
        self.integers[a.WORK] = work(self.dtype)
        compiled = loop(self.dtype)
        product = self.integers[a.GEMM] = gemm(self.dtype)
        n_helpers = helpers.number(self.memory.n_parts, flops)
        if n_helpers:
            self.integers[a.YIELD : a.CPU_CLOCK_ID + 1] = helpers.system_functions() or ()
            self.numbers[a.MOST_TIME] = helpers.MOST_TIME
            self.shared[:] = array("q", bytes(8 * s.N_WORDS))
            self.shared[s.IS_SHARED] = 1
        integers = array("q", self.integers)
        run = partial(compiled, integers.buffer_info()[0], self.numbers.buffer_info()[0])
        uses_blas = product == address(self.dtype) and self.memory.block_rows > 1
        with OneThread() if uses_blas else nullcontext():
            if n_helpers:
                with Helpers(n_helpers, self.shared, partial(run, 1), (self, integers)):
                    run(0)
            else:
                run(0)
