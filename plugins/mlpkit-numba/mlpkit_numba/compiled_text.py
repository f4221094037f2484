"""Functions that Numba compiles from text.

This module is imported only while a program is compiled.
"""

import math
from typing import Any

import numpy as np
from numba import carray, cfunc

from mlpkit_numba.elementary import elementary
from mlpkit_numba.intrinsics import FAST
from mlpkit_numba.logarithms import logarithms


def compiled_text(text: str, name: str, signature: Any) -> Any:
    """Return a C function, compiled from the text of a Python function of this name."""
    namespace: dict[str, Any] = {
        "carray": carray,
        "math": math,
        **{name: getattr(np, name) for name in ("sqrt", "floor", "rint", "inf", "nan")},
        **{name: getattr(np, name) for name in ("float32", "float64", "int32", "int64")},
    }
    for dtype in ("float32", "float64"):
        functions = {**elementary(dtype)._asdict(), **logarithms(dtype)._asdict()}
        namespace.update({f"{dtype}_{key}": f for key, f in functions.items()})
    exec(text, namespace)
    return cfunc(signature, error_model="numpy", fastmath=FAST)(namespace[name])
