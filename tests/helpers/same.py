"""Whether two values are the same, with equal types, dtypes and order in memory."""

from typing import Any

import numpy as np


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal in every respect; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        is_same = a.dtype == b.dtype and a.shape == b.shape
        in_order = a.flags.f_contiguous == b.flags.f_contiguous
        if a.dtype.kind == "O":
            return is_same and same(a.tolist(), b.tolist())
        return is_same and in_order and a.tobytes() == b.tobytes()
    return bool(a == b) or (a != a and b != b)
