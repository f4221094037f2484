"""BLAS on one thread while networks are trained and evaluated.

On small products, BLAS threads cost more time than they save. If another process uses a core,
each call waits until the operating system runs the second thread: milliseconds for a dot product
of microseconds. The number of threads may also change the last bits of a product. Therefore BLAS
always has one thread, and a backend may divide large products itself.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import RLock, get_ident, local
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

SETTERS = {  # getter and setter of each BLAS, under threadpoolctl's `internal_api`
    "openblas": ("openblas_get_num_threads", "openblas_set_num_threads"),
    "mkl": ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    "blis": ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
}
OPENMP = ("omp_get_max_threads", "omp_set_num_threads")
AFFIXES = [(prefix, suffix) for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")]


@dataclass(frozen=True, eq=False)  # C functions cannot be hashed
class Library:
    """The functions of a library, BLAS or OpenMP, that get and set its number of threads."""

    get: Callable[[], int]
    set: Callable[[int], Any]


class Libraries(NamedTuple):
    """The loaded libraries with one number of threads for the process, and those with one for each
    calling thread: of BLAS, and of OpenMP.
    """

    of_process: tuple[Library, ...]
    of_thread: tuple[Library, ...]
    openmp: tuple[Library, ...]


_found = 0, Libraries((), (), ())  # the number of imported modules at that time, and the libraries


def loaded() -> Libraries:
    """Return the BLAS libraries of the process.

    A module may load another BLAS whenever it is imported. The libraries are therefore found
    again if modules have been imported since the last call.
    """
    global _found
    if _found[0] != (n_modules := len(sys.modules)):
        _found = n_modules, _find()
    return _found[1]


def _find() -> Libraries:
    of_process: list[Library] = []
    of_thread: list[Library] = []
    openmp: list[Library] = []
    for library in ThreadpoolController().info():
        if library["user_api"] == "blas" and library["internal_api"] in SETTERS:
            by_thread = library.get("threading_layer") == "openmp"
            is_openblas = library["internal_api"] == "openblas"
            names = OPENMP if by_thread and is_openblas else SETTERS[library["internal_api"]]
            functions = _functions(library["filepath"], names)
            if functions is not None:
                (of_thread if by_thread else of_process).append(functions)
        elif library["user_api"] == "openmp":
            functions = _functions(library["filepath"], OPENMP)
            if functions is not None:
                openmp.append(functions)
    return Libraries(tuple(of_process), tuple(of_thread), tuple(openmp))


@cache
def _functions(path: str, names: tuple[str, str]) -> Library | None:
    """Return the functions of a library, always the same object.

    The C functions are called directly because the setters of threadpoolctl 3.8 have no effect
    except in the first thread that uses them.
    """
    library = ctypes.CDLL(path)
    for prefix, suffix in AFFIXES:
        getter, setter = (getattr(library, prefix + name + suffix, None) for name in names)
        if getter is not None and setter is not None:
            return Library(getter, setter)
    return None


class Limit:
    """The contexts that limit libraries to one thread, and the numbers of threads before.

    A library that was loaded after the first of these contexts began is limited by the next one.
    """

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}  # the thread of each context
        self.before: dict[Library, int] = {}  # without libraries that had one thread

    def enter(self, holder: int, libraries: tuple[Library, ...]) -> None:
        """Set one thread. A number that was set elsewhere in the meantime will be restored."""
        self.holders[holder] = get_ident()
        for blas in libraries:
            if (now := blas.get()) != 1:
                self.before[blas] = now
                blas.set(1)

    def leave(self, holder: int) -> None:
        """Restore the numbers if this is the last context and they were not set elsewhere."""
        if holder in self.holders:
            if len(self.holders) == 1:
                for blas, before in self.before.items():
                    if blas.get() == 1:
                        blas.set(before)
                self.before.clear()
            del self.holders[holder]


class ThreadLimit(local):
    """The limit of the libraries that have one number of threads for each calling thread."""

    def __init__(self) -> None:
        self.limit = Limit()


# each use is one line: an exception between the lines of a block would leave the lock acquired
_lock, _limit, _of_thread = RLock(), Limit(), ThreadLimit()


class OneThread:
    """A context in which BLAS uses one thread, in all threads of the process.

    Contexts may be nested, and may overlap in several threads. The last one that ends restores
    the number of threads.

    Parameters
    ----------
    openmp : bool, default=False
        Whether OpenMP, with which some libraries divide their work, has one thread, too, in the
        thread that enters the context.

    Examples
    --------
    >>> with OneThread():
    ...     allowed_threads() >= 1
    True
    """

    __slots__ = ("openmp",)

    def __init__(self, openmp: bool = False) -> None:
        self.openmp = openmp

    def __enter__(self) -> None:
        of_process, of_thread, openmp = loaded()
        of_thread += openmp if self.openmp else ()
        try:
            # fmt: off
            with _lock: _limit.enter(id(self), of_process)  # noqa: E701
            # fmt: on
            if of_thread:
                _of_thread.limit.enter(id(self), of_thread)
        except BaseException:  # after an interrupt here, Python does not call `__exit__`
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        _of_thread.limit.leave(id(self))
        # fmt: off
        with _lock: _limit.leave(id(self))  # noqa: E701
        # fmt: on

    def __del__(self) -> None:
        if id(self) in _limit.holders or id(self) in _of_thread.limit.holders:
            self.__exit__()  # there was an interrupt before or after the block


def allowed_threads() -> int:
    """Return the number of threads that BLAS has outside of `OneThread`.

    Returns
    -------
    int
        The smallest number of the loaded libraries; 1 if it is unknown.

    Examples
    --------
    >>> allowed_threads() >= 1
    True
    """
    numbers = [
        limit.before.get(blas) or blas.get()
        for limit, libraries in zip((_limit, _of_thread.limit), loaded()[:2], strict=True)
        for blas in libraries
    ]
    return min(numbers, default=1)


def _after_fork() -> None:
    """End the contexts of other threads, which do not exist in the child process."""
    global _lock
    _lock = RLock()
    for holder, thread in list(_limit.holders.items()):
        if thread != get_ident():
            _limit.leave(holder)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
