"""The update of weights, with the L2 penalty, the largest norm of the gradient and decay.

This module is imported only while the loop is compiled.
"""

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, as_type_of, call_update, pointer_at, size_of, words_at
from mlpkit_numba.vectors import add_scaled, scale, sum_of_squares


@njit(**JIT)
def clip(integers, numbers, zero):  # type: ignore[no-untyped-def]
    """Add the gradient of the penalty to the mean gradient, and limit its norm."""
    weights, n = pointer_at(integers[a.WEIGHTS], 0, zero), integers[a.N_WEIGHTS]
    g, strength = pointer_at(integers[a.GRADIENTS], 0, zero), numbers[a.ALPHA] / numbers[a.WEIGHT]
    add_scaled(as_type_of(zero, strength), weights, g, integers[a.N_DECAYED])
    norm = np.sqrt(sum_of_squares(g, n))
    if not norm <= numbers[a.MAX_NORM]:
        scale(as_type_of(zero, numbers[a.MAX_NORM] / norm), g, n)


@njit(**JIT)
def update(integers, step, place, strength):  # type: ignore[no-untyped-def]
    """Update the weights at a place (begin, end) with their mean gradient.

    `strength` is the factor of the weights in the gradient of the penalty. Return the sum of
    squares of the weights with a penalty before the step.
    """
    total, zero, item = 0.0, as_type_of(strength, 0), size_of(strength)
    for i in range(integers[a.N_SEGMENTS]):
        segment = words_at(integers[a.SEGMENTS], a.N_SEGMENT_FIELDS * i)
        begin = max(segment[a.BEGIN], place[0])
        n = min(segment[a.BEGIN] + segment[a.SIZE], place[1]) - begin
        if n <= 0:
            continue
        decrease = zero
        if integers[a.DECREASES] != 0:
            at = i * integers[a.N_STEPS] + step
            decrease = pointer_at(integers[a.DECREASES], at, zero)[0]
        scalars = (segment[a.RATE] * integers[a.N_STEPS] + step) * integers[a.N_SCALARS]
        squares = call_update(
            integers[a.UPDATE],
            integers[a.WEIGHTS] + item * begin,
            integers[a.GRADIENTS] + item * begin,
            integers[a.STATE] + item * begin,
            integers[a.N_WEIGHTS],
            n,
            integers[a.SCALARS] + item * scalars,
            strength if segment[a.IS_DECAYED] > 0 else zero,
            decrease,
        )
        if segment[a.IS_DECAYED] > 0:
            total += squares
    return total
