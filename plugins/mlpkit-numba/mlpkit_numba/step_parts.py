"""The parts of a step as a compiled function.

This module is imported only while it is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba import sharing as s
from mlpkit_numba.gradients import add_gradients, gradients_of, part_of, write_gradients
from mlpkit_numba.intrinsics import FAST, JIT, as_type_of, pointer_at, words_at
from mlpkit_numba.passes import row_pass
from mlpkit_numba.updates import update


def step_part(dtype: str) -> Any:
    """Return a function of the addresses of integers and numbers, and a part, for a dtype.

    It computes a part of a step. The first arguments are addresses of those of
    `mlpkit_numba.arguments`.
    """
    zero, one, word = getattr(np, dtype)(0), getattr(np, dtype)(1), np.int64(0)
    passed = row_pass(dtype)

    def compute(integers_address, numbers_address, part):  # type: ignore[no-untyped-def]
        integers, numbers = words_at(integers_address, 0), pointer_at(numbers_address, 0, 0.0)
        shared = words_at(integers[a.SHARED], 0)
        kind, step, n = shared[s.KIND], shared[s.STEP], shared[s.N_ROWS]
        if kind == s.ROWS:
            n_parts = shared[s.N_PARTS]
            rows = n * part // n_parts, n * (part + 1) // n_parts
            numbers[a.RESULTS + part] = passed(integers, step, rows, numbers[a.WEIGHT])
            if integers[a.PART_GRADIENTS] != 0 and integers[a.MODE] != a.FORWARD:
                pieces, beta = (word, integers[a.N_PIECES]), beta_of(shared[s.IS_FIRST], one)
                write_gradients(integers, gradients_of(integers, part), pieces, rows, beta)
            return
        described = part_of(integers, part)
        place = described[a.FIRST_WEIGHT], described[a.END_WEIGHT]
        if kind != s.UPDATES:
            if integers[a.PART_GRADIENTS] != 0:
                add_gradients(integers, n, place, zero)
            else:
                pieces = described[a.FIRST_PIECE], described[a.END_PIECE]
                beta = beta_of(shared[s.IS_FIRST], one)
                write_gradients(integers, integers[a.GRADIENTS], pieces, (word, n), beta)
        if kind != s.GRADIENTS:
            strength = as_type_of(zero, numbers[a.ALPHA] / numbers[a.WEIGHT])
            if numbers[a.MAX_NORM] > 0.0:  # then the gradient includes that of the penalty
                strength = zero
            numbers[a.RESULTS + part] = update(integers, step, place, strength)

    signature = types.void(types.intp, types.intp, types.intp)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(compute)


@njit(**JIT)
def beta_of(is_first, one):  # type: ignore[no-untyped-def]
    """The factor of the gradients of blocks before."""
    return as_type_of(one, 0) if is_first != 0 else one
