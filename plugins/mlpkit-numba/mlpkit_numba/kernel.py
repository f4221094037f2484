"""The compiled loop over the steps of an epoch.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numba
import numpy as np
from numba import njit, types

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import FAST, JIT, array_at
from mlpkit_numba.passes import passes
from mlpkit_numba.rows import gathered
from mlpkit_numba.updates import updates


def kernel(dtype: str) -> Any:
    """Return the loop for float32 or float64, ``void loop(intp integers, intp numbers)``.

    The arguments are the addresses of those of `mlpkit_numba.arguments`.
    """
    number = getattr(np, dtype)
    zero, one, item, word = number(0), number(1), np.int64(number().itemsize), np.int64(0)
    forward, losses_and_deltas, backward = passes(dtype)
    gather = gathered(dtype)
    update, squares = updates(dtype)

    @njit(**JIT)
    def weight_of(integers, step):  # type: ignore[no-untyped-def]
        """The summed weight of the rows of a step."""
        batch_size, total = integers[a.BATCH_SIZE], 0.0
        n = batch_size * (step + 1)
        for place in range(batch_size * step, n):
            row = place
            if integers[a.ORDER] != 0:
                row = array_at(integers[a.ORDER], n, word)[place]
            if row >= 0:
                w = one
                if integers[a.W] != 0:
                    w = array_at(integers[a.W], row + 1, zero)[row]
                total += w
        return total

    @njit(**JIT)
    def step_sums(integers, step, divisor):  # type: ignore[no-untyped-def]
        """Compute the losses and the gradients of a step, divided by a number."""
        total, beta, begin, end = 0.0, zero, word, integers[a.BATCH_SIZE]
        while begin < end:
            n, begin = gather(integers, step, begin)
            if n > 0:
                forward(integers, step, n)
                if integers[a.MODE] != a.FORWARD:
                    total += losses_and_deltas(integers, n, divisor)
                    backward(integers, n, beta)
                    beta = one
                if integers[a.PREDICTIONS] != 0:
                    copy_outputs(integers, step, n)
        return total

    @njit(**JIT)
    def copy_outputs(integers, step, n):  # type: ignore[no-untyped-def]
        """Copy the outputs of n rows to their places among the predictions."""
        n_outputs, places = integers[a.N_OUTPUTS], integers[a.BLOCK_ROWS]
        last = integers[a.LAYERS] + 8 * a.N_LAYER_FIELDS * (integers[a.N_LAYERS] - 1)
        layer = array_at(last, a.N_LAYER_FIELDS, word)
        p = array_at(integers[a.NUMBERS] + item * layer[a.VALUES], n * n_outputs, zero)
        place = array_at(integers[a.INDICES], 2 * places, word)[places:]
        for i in range(n):
            to = (step * integers[a.BATCH_SIZE] + place[i]) * n_outputs
            out = array_at(integers[a.PREDICTIONS] + item * to, n_outputs, zero)
            row = p[i * n_outputs : (i + 1) * n_outputs]
            for j in range(n_outputs):
                out[j] = row[j]

    def loop(integers_address, numbers_address):  # type: ignore[no-untyped-def]
        integers = array_at(integers_address, a.N_INTEGERS, word)
        numbers = array_at(numbers_address, a.N_NUMBERS + a.N_SUMS, 0.0)
        n_steps, mode = integers[a.N_STEPS], integers[a.MODE]
        if mode == a.STEP:
            update(integers, numbers, word, numbers[a.WEIGHT])
        elif mode == a.FORWARD:
            step_sums(integers, word, 1.0)
        elif mode == a.GRADIENT:
            sums = numbers[a.N_NUMBERS :]
            sums[0] = step_sums(integers, word, 1.0)
            sums[1] = weight_of(integers, word)
            sums[2] = 0.5 * numbers[a.ALPHA] * squares(integers)
        else:
            sums = array_at(integers[a.SUMS], 3 * n_steps, 0.0)
            for step in range(integers[a.FIRST_STEP], integers[a.END_STEP]):
                weight = weight_of(integers, step)
                sums[step], sums[n_steps + step], sums[2 * n_steps + step] = 0.0, weight, 0.0
                if weight > 0.0:
                    sums[step] = step_sums(integers, step, weight)
                    sums[2 * n_steps + step] = update(integers, numbers, step, weight)

    signature = types.void(types.intp, types.intp)
    return numba.cfunc(signature, fastmath=FAST, error_model="numpy")(loop)
