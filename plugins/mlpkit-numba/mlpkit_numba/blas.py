"""SciPy's BLAS by address, in one thread.

Products of one training step are too small to be divided between threads: two threads gain little
on an idle machine, and wait for each other on a busy one.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from scipy.linalg import cython_blas
from threadpoolctl import ThreadpoolController

SETTERS = {
    "openblas": ("openblas_get_num_threads", "openblas_set_num_threads"),
    "mkl": ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    "blis": ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
}
AFFIXES = [(prefix, suffix) for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")]


class Threads(NamedTuple):
    """The functions of a loaded library that get and set its number of threads."""

    get: Callable[[], int]
    set: Callable[[int], Any]


@cache
def gemm(dtype: str) -> int:
    """Return the address of ``sgemm`` or ``dgemm``."""
    capsule = cython_blas.__pyx_capi__["sgemm" if dtype == "float32" else "dgemm"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


@cache
def _libraries() -> tuple[Threads, ...]:
    """Return the libraries that SciPy may use, all of them if none is its own."""
    found = [each for each in ThreadpoolController().info() if each["user_api"] == "blas"]
    own = [each for each in found if "scipy" in os.path.basename(each["filepath"])]
    own = own or [each for each in found if "scipy" in each["filepath"]]
    functions = []
    for each in own or found:
        library = ctypes.PyDLL(each["filepath"])
        for prefix, suffix in AFFIXES:
            names = [prefix + name + suffix for name in SETTERS.get(each["internal_api"], ())]
            if names and all(hasattr(library, name) for name in names):
                functions.append(Threads(*(getattr(library, name) for name in names)))
                break
    return tuple(functions)


class OneThread:
    """A context in which SciPy's BLAS uses one thread. Contexts of several threads may overlap."""

    lock, holders = Lock(), 0
    before: tuple[int, ...] = ()

    def __enter__(self) -> None:
        with OneThread.lock:
            if not OneThread.holders:
                OneThread.before = tuple(library.get() for library in _libraries())
            OneThread.holders += 1
            for library, n in zip(_libraries(), OneThread.before, strict=True):
                if n != 1:
                    library.set(1)

    def __exit__(self, *_: object) -> None:
        with OneThread.lock:
            OneThread.holders -= 1
            if not OneThread.holders:
                for library, n in zip(_libraries(), OneThread.before, strict=True):
                    if n != 1 and library.get() == 1:
                        library.set(n)


def _after_fork() -> None:
    """Forget the contexts of other threads, which do not exist in the child process."""
    OneThread.lock = Lock()
    if OneThread.holders:
        OneThread.holders = 1
        OneThread().__exit__()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
