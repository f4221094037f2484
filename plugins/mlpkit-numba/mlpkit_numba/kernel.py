"""The compiled loop over the steps of an epoch.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba import sharing as s
from mlpkit_numba.intrinsics import FAST, JIT, moved, pointer_at, words_at
from mlpkit_numba.rows import select, weight_of_step
from mlpkit_numba.shared_work import assist, estimate, share, stop
from mlpkit_numba.updates import clip
from mlpkit_numba.vectors import sum_of_squares


def kernel(dtype: str) -> Any:
    """Return the loop for float32 or float64, ``void loop(intp integers, intp numbers, intp
    assists)``.

    The first arguments are the addresses of those of `mlpkit_numba.arguments`. If the last one is
    not 0, the call takes parts of another call with these arguments until that one ends.
    """
    zero, word = getattr(np, dtype)(0), np.int64(0)
    sums_of_step, updated = _sums(dtype), _update(dtype)
    train = _epoch(dtype, sums_of_step, updated)

    def loop(integers_address, numbers_address, assists):  # type: ignore[no-untyped-def]
        integers, numbers = words_at(integers_address, 0), pointer_at(numbers_address, 0, 0.0)
        if assists != 0:
            assist(integers, numbers)
            return
        shared, sums = words_at(integers[a.SHARED], 0), moved(numbers, a.N_NUMBERS)
        if shared[s.IS_SHARED] != 0:
            estimate(integers)
            shared[s.ALONE] = 0
        mode = integers[a.MODE]
        if mode == a.EPOCH:
            train(integers, numbers)
        elif mode == a.STEP:
            updated(integers, numbers, word)
        else:
            numbers[a.WEIGHT] = 1.0
            sums[0], _ = sums_of_step(integers, numbers, word, s.GRADIENTS)
            if mode == a.GRADIENT:
                decayed, n = pointer_at(integers[a.WEIGHTS], 0, zero), integers[a.N_DECAYED]
                sums[1] = weight_of_step(integers, word, zero)
                sums[2] = 0.5 * numbers[a.ALPHA] * sum_of_squares(decayed, n)
        if shared[s.IS_SHARED] != 0:
            estimate(integers)
            stop(integers)

    signature = types.void(types.intp, types.intp, types.intp)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(loop)


def _update(dtype: str) -> Any:
    """Return ``updated(integers, numbers, step)``, which updates all weights."""
    zero, word = getattr(np, dtype)(0), np.int64(0)

    @njit(**JIT)
    def updated(integers, numbers, step):  # type: ignore[no-untyped-def]
        """Return the sum of squares of the weights with a penalty before."""
        if numbers[a.MAX_NORM] > 0.0:
            clip(integers, numbers, zero)
        n_parts = integers[a.N_WEIGHT_PARTS]
        share(integers, numbers, s.UPDATES, n_parts, (step, word, word))
        return total(numbers, n_parts)

    return updated


def _sums(dtype: str) -> Any:
    """Return ``sums_of_step(integers, numbers, step, last_kind)``, which makes all passes."""
    zero, word = getattr(np, dtype)(0), np.int64(0)

    @njit(**JIT)
    def weights_shared(integers, numbers, kind, arguments):  # type: ignore[no-untyped-def]
        """Compute the gradients of all weights, and update them if the kind says so.

        Return the sum of squares of the weights with a penalty before, or -1 without an update.
        """
        n_parts = integers[a.N_WEIGHT_PARTS]
        share(integers, numbers, kind, n_parts, arguments)
        return total(numbers, n_parts) if kind == s.GRADIENTS_AND_UPDATES else -1.0

    @njit(**JIT)
    def sums_of_step(integers, numbers, step, last_kind):  # type: ignore[no-untyped-def]
        """Compute the losses and gradients of a step, and update the weights after the last block.

        Return the summed loss, and the sum of squares of the weights with a penalty before, or -1
        without an update.
        """
        loss, squares, is_first, begin, most = 0.0, -1.0, np.int64(1), word, word
        by_rows = integers[a.PART_GRADIENTS] != 0
        while begin < integers[a.BATCH_SIZE]:
            n, begin = select(integers, step, begin, zero)
            if n > 0:
                arguments = step, n, is_first
                n_parts = max(1, min(integers[a.N_ROW_PARTS], n // a.MIN_ROWS))
                share(integers, numbers, s.ROWS, n_parts, arguments)
                loss += total(numbers, n_parts)
                kind = last_kind if begin >= integers[a.BATCH_SIZE] else s.GRADIENTS
                if integers[a.MODE] != a.FORWARD and not by_rows:
                    squares = weights_shared(integers, numbers, kind, arguments)
                most, is_first = max(most, n_parts), word
        if integers[a.MODE] != a.FORWARD and by_rows:
            squares = weights_shared(integers, numbers, last_kind, (step, most, word))
        return loss, squares

    return sums_of_step


def _epoch(dtype: str, sums_of_step: Any, updated: Any) -> Any:
    """Return ``train(integers, numbers)``, which makes the steps of an epoch."""
    zero = getattr(np, dtype)(0)

    @njit(**JIT)
    def train(integers, numbers):  # type: ignore[no-untyped-def]
        n_steps = integers[a.N_STEPS]
        sums = pointer_at(integers[a.SUMS], 0, 0.0)
        kind = s.GRADIENTS if numbers[a.MAX_NORM] > 0.0 else s.GRADIENTS_AND_UPDATES
        for step in range(integers[a.FIRST_STEP], integers[a.END_STEP]):
            weight = weight_of_step(integers, step, zero)
            sums[step], sums[n_steps + step], sums[2 * n_steps + step] = 0.0, weight, 0.0
            if weight > 0.0:
                numbers[a.WEIGHT] = weight
                sums[step], squares = sums_of_step(integers, numbers, step, kind)
                if squares < 0.0:  # the last block is empty, or the gradient has a largest norm
                    squares = updated(integers, numbers, step)
                sums[2 * n_steps + step] = 0.5 * numbers[a.ALPHA] * squares

    return train


@njit(**JIT)
def total(numbers, n_parts):  # type: ignore[no-untyped-def]
    """The sum of the results of the parts."""
    result = 0.0
    for part in range(n_parts):
        result += numbers[a.RESULTS + part]
    return result
