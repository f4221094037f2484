"""Dropout with the masks of `mlpkit.plugin.dropout_mask`.

This module is imported only while the loop is compiled.
"""

from typing import Any

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba.intrinsics import JIT, array_at


def dropout(dtype: str) -> Any:
    """Return ``drop(integers, step, i, z, slope, begin, m)`` for float32 or float64.

    It multiplies the values (n, m) of layer i, and their slopes, by 0 or by what keeps the mean,
    for rows from `begin` of the block.
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
    def drop(integers, step, i, z, slope, begin, m):  # type: ignore[no-untyped-def]
        place = step * (integers[a.N_LAYERS] - 1) + i
        seed = array_at(integers[a.SEEDS], step, 1, u(0))[0]
        threshold = array_at(integers[a.THRESHOLDS], place, 1, u(0))[0]
        factor = array_at(integers[a.FACTORS], place, 1, zero)[0]
        n = len(z) // m
        rows = array_at(integers[a.INDICES], begin, n, np.int64(0))
        key = mixed(u(mixed(u(seed + golden)) + u(i)))
        for row in range(n):
            row_id = rows[row]
            if integers[a.IDS] != 0:
                row_id = array_at(integers[a.IDS], row_id, 1, np.int64(0))[0]
            of_row = mixed(u(u(row_id) ^ key))
            values, slopes = z[row * m : (row + 1) * m], slope[row * m : (row + 1) * m]
            for j in range(m):
                kept = mixed(u(of_row + u(u(j) * golden))) >= threshold
                scale = factor if kept else zero
                values[j] *= scale
                slopes[j] *= scale

    return drop
