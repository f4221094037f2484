"""The matrix product that the loop uses: that of SciPy's BLAS, or one in tiles, by its address."""

import ctypes
from functools import cache

import llvmlite.binding as llvm
from scipy.linalg import cython_blas
from threadpoolctl import ThreadpoolController

from mlpkit_numba.programs import function

NARROW = ("Haswell", "Zen")  # code of OpenBLAS for vectors of 32 bytes


@cache
def gemm(dtype: str) -> int:
    """Return the address of the fastest product for float32 or float64."""
    return tiles(dtype) if has_faster_tiles() else address(dtype)


def tiles(dtype: str) -> int:
    """Return the address of the product in tiles, which has the arguments of ``sgemm``."""
    return function("multiplication:product", dtype)


@cache
def address(dtype: str) -> int:
    """Return the address of ``sgemm`` or ``dgemm``."""
    capsule = cython_blas.__pyx_capi__["sgemm" if dtype == "float32" else "dgemm"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


def has_wide_vectors() -> bool:
    """Whether the processor has vectors of 64 bytes."""
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


@cache
def has_faster_tiles() -> bool:
    """Whether the product in tiles is faster than that of BLAS.

    It is on processors of AMD that compute vectors of 64 bytes at once, from Zen 5 on, with any
    code of OpenBLAS (`python -m benchmarks --only fit`). Zen 4 computes them in halves, so there
    the tiles are used if OpenBLAS has code for shorter vectors only. Processors of Intel slow down
    with vectors of 64 bytes.
    """
    name = llvm.get_host_cpu_name()
    if not (has_wide_vectors() and name.startswith("znver")):
        return False
    if name != "znver4":
        return True
    libraries = ThreadpoolController().select(internal_api="openblas").info()
    return bool(libraries) and all(one.get("architecture") in NARROW for one in libraries)
