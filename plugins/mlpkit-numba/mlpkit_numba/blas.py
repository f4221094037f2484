"""SciPy's BLAS by address, in one thread.

Products of one training step are too small to be divided between threads: two threads gain little
on an idle machine, and wait for each other on a busy one.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import RLock, get_ident
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


class Limit:
    """The contexts that limit the library to one thread, and the numbers of threads before."""

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}  # the thread of each context
        self.before: list[int] = []

    def enter(self, holder: int, libraries: tuple[Threads, ...]) -> None:
        """Set one thread. A number that was set elsewhere in the meantime will be restored."""
        if not self.holders:
            self.before = [1] * len(libraries)
        self.holders[holder] = get_ident()
        for i, library in enumerate(libraries):
            if (now := library.get()) != 1:
                self.before[i] = now
                library.set(1)

    def leave(self, holder: int, libraries: tuple[Threads, ...]) -> None:
        """Restore the numbers if this is the last context and they were not set elsewhere."""
        if holder in self.holders:
            if len(self.holders) == 1:
                for library, before in zip(libraries, self.before, strict=True):
                    if before != 1 and library.get() == 1:
                        library.set(before)
            del self.holders[holder]


# each use is one line: an exception between the lines of a block would leave the lock acquired
_lock, _limit = RLock(), Limit()


class OneThread:
    """A context in which SciPy's BLAS uses one thread. Contexts of several threads may overlap."""

    __slots__ = ()

    def __enter__(self) -> None:
        libraries = _libraries()
        try:
            # fmt: off
            with _lock: _limit.enter(id(self), libraries)  # noqa: E701
            # fmt: on
        except BaseException:  # after an interrupt here, Python does not call `__exit__`
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        libraries = _libraries()
        # fmt: off
        with _lock: _limit.leave(id(self), libraries)  # noqa: E701
        # fmt: on

    def __del__(self) -> None:
        if id(self) in _limit.holders:
            self.__exit__()  # there was an interrupt before or after the block


def _after_fork() -> None:
    """End the contexts of other threads, which do not exist in the child process."""
    global _lock
    _lock = RLock()
    for holder, thread in list(_limit.holders.items()):
        if thread != get_ident():
            _limit.leave(holder, _libraries())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
