"""The update of all weights, with the L2 penalty, the largest norm of the gradient and decay.

This module is imported only while the loop is compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at, call_update


class Updates(NamedTuple):
    """Compiled functions in one precision."""

    update: Callable[..., Any]  # (integers, numbers, step, weight): the penalty before the step
    squares: Callable[..., Any]  # (integers): the sum of squares of the weights with a penalty


def updates(dtype: str) -> Updates:
    """Return the functions for float32 or float64."""
    number = getattr(np, dtype)
    zero, item, word = number(0), np.int64(number().itemsize), np.int64(0)

    @njit(**JIT)
    def sum_of_squares(x):  # type: ignore[no-untyped-def]
        total = 0.0
        for i in range(len(x)):
            total += np.float64(x[i]) * np.float64(x[i])
        return total

    @njit(**JIT)
    def squares(integers):  # type: ignore[no-untyped-def]
        return sum_of_squares(array_at(integers[a.WEIGHTS], integers[a.N_DECAYED], zero))

    @njit(**JIT)
    def clip(integers, strength, max_norm):  # type: ignore[no-untyped-def]
        """Add the gradient of the penalty to the mean gradient, and limit its norm."""
        weights = array_at(integers[a.WEIGHTS], integers[a.N_DECAYED], zero)
        g = array_at(integers[a.GRADIENTS], integers[a.N_WEIGHTS], zero)
        for i in range(len(weights)):
            g[i] += strength * weights[i]
        norm = np.sqrt(sum_of_squares(g))
        if not norm <= max_norm:
            scale = number(max_norm / norm)
            for i in range(len(g)):
                g[i] *= scale

    @njit(**JIT)
    def update(integers, numbers, step, weight):  # type: ignore[no-untyped-def]
        strength, total = number(numbers[a.ALPHA] / weight), 0.0
        if numbers[a.MAX_NORM] > 0.0:
            clip(integers, strength, numbers[a.MAX_NORM])
            strength = zero
        n_steps, n_scalars = integers[a.N_STEPS], integers[a.N_SCALARS]
        for i in range(integers[a.N_SEGMENTS]):
            segment = array_at(
                integers[a.SEGMENTS] + 8 * a.N_SEGMENT_FIELDS * i, a.N_SEGMENT_FIELDS, word
            )
            begin, is_decayed = item * segment[a.BEGIN], segment[a.IS_DECAYED] > 0
            scalars = (segment[a.RATE] * n_steps + step) * n_scalars
            decrease = zero
            if integers[a.DECREASES] != 0:
                place = integers[a.DECREASES] + item * (i * n_steps + step)
                decrease = array_at(place, 1, zero)[0]
            own = call_update(
                integers[a.UPDATE],
                integers[a.WEIGHTS] + begin,
                integers[a.GRADIENTS] + begin,
                integers[a.STATE] + begin,
                integers[a.N_WEIGHTS],
                segment[a.SIZE],
                integers[a.SCALARS] + item * scalars,
                strength if is_decayed else zero,
                decrease,
            )
            if is_decayed:
                total += own
        return 0.5 * numbers[a.ALPHA] * total

    return Updates(update, squares)
