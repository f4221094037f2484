"""The matrix product of SciPy's BLAS by its address."""

import ctypes
from functools import cache

from scipy.linalg import cython_blas


@cache
def gemm(dtype: str) -> int:
    """Return the address of ``sgemm`` or ``dgemm``."""
    capsule = cython_blas.__pyx_capi__["sgemm" if dtype == "float32" else "dgemm"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))
