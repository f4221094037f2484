"""Dropout with the masks of `mlpkit.plugin.dropout_mask`.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, moved, pointer_at, words_at


def dropout(dtype: str) -> Any:
    """Return ``drop(integers, step, i, z, slope, rows, m)`` for float32 or float64.

    It multiplies the values (n, m) of layer i, and their slopes, by 0 or by what keeps the mean,
    for rows (begin, end) of the block.
    """
    number = getattr(np, dtype)
    zero, u = number(0), np.uint32
    golden, first, second = u(0x9E3779B9), u(0x21F0AAAD), u(0xD35A2D97)
    s15, s16 = u(15), u(16)

    @njit(**JIT)
    def mixed(x):  # type: ignore[no-untyped-def]
        x = u(x ^ (x >> s16))
        x = u(x * first)
        x = u(x ^ (x >> s15))
        x = u(x * second)
        return u(x ^ (x >> s15))

    @njit(**JIT)
    def drop(integers, step, i, z, slope, rows, m):  # type: ignore[no-untyped-def]
        place = step * (integers[a.N_LAYERS] - 1) + i
        seed = pointer_at(integers[a.SEEDS], step, u(0))[0]
        threshold = pointer_at(integers[a.THRESHOLDS], place, u(0))[0]
        factor = pointer_at(integers[a.FACTORS], place, zero)[0]
        key = mixed(u(mixed(u(seed + golden)) + u(i)))
        for row in range(rows[1] - rows[0]):
            row_id = words_at(integers[a.INDICES], rows[0] + row)[0]
            if integers[a.IDS] != 0:
                row_id = words_at(integers[a.IDS], row_id)[0]
            of_row = mixed(u(u(row_id) ^ key))
            values, slopes = moved(z, row * m), moved(slope, row * m)
            for j in range(m):
                kept = mixed(u(of_row + u(u(j) * golden))) >= threshold
                scale = factor if kept else zero
                values[j] *= scale
                slopes[j] *= scale

    return drop
