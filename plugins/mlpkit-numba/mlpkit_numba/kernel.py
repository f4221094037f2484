"""The compiled loop over the steps of an epoch.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba import sharing as s
from mlpkit_numba.gradients import part_of, write_gradients
from mlpkit_numba.intrinsics import FAST, JIT, array_at, as_type_of
from mlpkit_numba.passes import row_pass
from mlpkit_numba.rows import select, weight_of_step
from mlpkit_numba.shared_work import now, sharing, stop
from mlpkit_numba.updates import clip, update
from mlpkit_numba.vectors import sum_of_squares

SUMS_PLACE, RESULTS_PLACE = a.N_NUMBERS, a.N_NUMBERS + a.N_SUMS


def kernel(dtype: str) -> Any:
    """Return the loop for float32 or float64, ``void loop(intp integers, intp numbers, intp
    assists)``.

    The first arguments are the addresses of those of `mlpkit_numba.arguments`. If the last one is
    not 0, the call takes parts of another call with these arguments until that one ends.
    """
    zero, word = getattr(np, dtype)(0), np.int64(0)
    share, assist = sharing(_work(dtype))
    train, sums_of_step, updated = _steps(dtype, share)

    def loop(integers_address, numbers_address, assists):  # type: ignore[no-untyped-def]
        integers = array_at(integers_address, 0, a.N_INTEGERS, word)
        numbers = array_at(numbers_address, 0, RESULTS_PLACE + s.MOST_PARTS, 0.0)
        if assists != 0:
            assist(integers, numbers)
            return
        shared, sums = array_at(integers[a.SHARED], 0, s.N_WORDS, word), numbers[SUMS_PLACE:]
        if shared[s.IS_SHARED] != 0:
            shared[s.JUDGED] = now(integers)
        mode = integers[a.MODE]
        if mode == a.EPOCH:
            train(integers, numbers)
        elif mode == a.STEP:
            updated(integers, numbers, word)
        else:
            numbers[a.WEIGHT] = 1.0
            sums[0], _ = sums_of_step(integers, numbers, word, s.GRADIENTS)
            if mode == a.GRADIENT:
                decayed = array_at(integers[a.WEIGHTS], 0, integers[a.N_DECAYED], zero)
                sums[1] = weight_of_step(integers, word, zero)
                sums[2] = 0.5 * numbers[a.ALPHA] * sum_of_squares(decayed)
        if shared[s.IS_SHARED] != 0:
            stop(integers)

    signature = types.void(types.intp, types.intp, types.intp)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(loop)


def _work(dtype: str) -> Any:
    """Return ``work(integers, numbers, part)``, which computes a part of a step."""
    zero, one, passed = getattr(np, dtype)(0), getattr(np, dtype)(1), row_pass(dtype)

    @njit(**JIT)
    def work(integers, numbers, part):  # type: ignore[no-untyped-def]
        shared = array_at(integers[a.SHARED], 0, s.N_WORDS, np.int64(0))
        kind, step, n = shared[s.KIND], shared[s.STEP], shared[s.N_ROWS]
        if kind == s.ROWS:
            n_parts = shared[s.N_PARTS]
            rows = n * part // n_parts, n * (part + 1) // n_parts
            numbers[RESULTS_PLACE + part] = passed(integers, step, rows, numbers[a.WEIGHT])
            return
        if kind != s.UPDATES:
            write_gradients(integers, part, n, zero if shared[s.IS_FIRST] != 0 else one)
        if kind != s.GRADIENTS:
            place = part_of(integers, part)[a.FIRST_WEIGHT], part_of(integers, part)[a.END_WEIGHT]
            strength = as_type_of(zero, numbers[a.ALPHA] / numbers[a.WEIGHT])
            if numbers[a.MAX_NORM] > 0.0:  # then the gradient includes that of the penalty
                strength = zero
            numbers[RESULTS_PLACE + part] = update(integers, step, place, strength)

    return work


def _steps(dtype: str, share: Any) -> tuple[Any, Any, Any]:
    """Return the functions that make steps, compute their sums, and update with given sums."""
    zero, word = getattr(np, dtype)(0), np.int64(0)

    @njit(**JIT)
    def updated(integers, numbers, step):  # type: ignore[no-untyped-def]
        """Update all weights. Return the sum of squares of those with a penalty before."""
        if numbers[a.MAX_NORM] > 0.0:
            clip(integers, numbers, zero)
        n_parts = integers[a.N_WEIGHT_PARTS]
        share(integers, numbers, s.UPDATES, n_parts, (step, word, word))
        return total(numbers, n_parts)

    @njit(**JIT)
    def sums_of_step(integers, numbers, step, last_kind):  # type: ignore[no-untyped-def]
        """Compute the losses and gradients of a step, and update the weights after the last block.

        Return the summed loss, and the sum of squares of the weights with a penalty before, or -1
        without an update.
        """
        loss, squares, is_first, begin = 0.0, -1.0, np.int64(1), word
        while begin < integers[a.BATCH_SIZE]:
            n, begin = select(integers, step, begin, zero)
            if n > 0:
                arguments = step, n, is_first
                n_parts = max(1, min(integers[a.N_ROW_PARTS], n // a.MIN_ROWS))
                share(integers, numbers, s.ROWS, n_parts, arguments)
                loss += total(numbers, n_parts)
                if integers[a.MODE] != a.FORWARD:
                    kind = last_kind if begin >= integers[a.BATCH_SIZE] else s.GRADIENTS
                    n_parts = integers[a.N_WEIGHT_PARTS]
                    share(integers, numbers, kind, n_parts, arguments)
                    is_first = word
                    if kind == s.GRADIENTS_AND_UPDATES:
                        squares = total(numbers, n_parts)
        return loss, squares

    @njit(**JIT)
    def train(integers, numbers):  # type: ignore[no-untyped-def]
        n_steps = integers[a.N_STEPS]
        sums = array_at(integers[a.SUMS], 0, 3 * n_steps, 0.0)
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

    return train, sums_of_step, updated


@njit(**JIT)
def total(numbers, n_parts):  # type: ignore[no-untyped-def]
    """The sum of the results of the parts."""
    result = 0.0
    for part in range(n_parts):
        result += numbers[RESULTS_PLACE + part]
    return result
