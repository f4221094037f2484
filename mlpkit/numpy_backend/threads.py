"""BLAS on one thread while networks are trained and evaluated.

BLAS threads cost more than they bring on small products, and when another process uses a
core, each call waits until the operating system runs the second thread: milliseconds for a
dot product of microseconds. The number of threads may also change the last bits of a
product. So BLAS always gets one thread, and `mlpkit.numpy_backend.parallel` shares large
products.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import RLock, get_ident, local
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

SETTERS = {  # getter and setter of each BLAS, by threadpoolctl's `internal_api`
    "openblas": ("openblas_get_num_threads", "openblas_set_num_threads"),
    "mkl": ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    "blis": ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
}
AFFIXES = [(prefix, suffix) for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")]


class Blas(NamedTuple):
    """A loaded BLAS: its functions that get and set the number of threads."""

    get: Callable[[], int]
    set: Callable[[int], Any]


@cache
def loaded() -> tuple[tuple[Blas, ...], tuple[Blas, ...]]:
    """Libraries whose number of threads belongs to the process, and to the calling thread.

    The C functions are called directly: since threadpoolctl 3.8 its own setters are without
    effect in every thread but the first that uses them.
    """
    found: tuple[list[Blas], list[Blas]] = ([], [])
    for library in ThreadpoolController().info():
        if library["user_api"] == "blas" and library["internal_api"] in SETTERS:
            names = SETTERS[library["internal_api"]]
            by_thread = library.get("threading_layer") == "openmp"
            if by_thread and library["internal_api"] == "openblas":
                names = ("omp_get_max_threads", "omp_set_num_threads")
            functions = _functions(ctypes.CDLL(library["filepath"]), names)
            if functions is not None:
                found[by_thread].append(functions)
    return tuple(found[False]), tuple(found[True])


def _functions(library: ctypes.CDLL, names: tuple[str, str]) -> Blas | None:
    for prefix, suffix in AFFIXES:
        both = [getattr(library, prefix + name + suffix, None) for name in names]
        if None not in both:
            return Blas(*both)  # type: ignore[arg-type]
    return None


class Limit:
    """Who wants one thread of some libraries, and what was set before the first came."""

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}  # the thread in which each block of code runs
        self.before: list[int] = []

    def enter(self, holder: int, libraries: tuple[Blas, ...]) -> None:
        """Set one thread. A number that someone else has set since is what is restored."""
        if not self.holders:
            self.before = [1] * len(libraries)
        self.holders[holder] = get_ident()
        for i, (get, set_) in enumerate(libraries):
            if (now := get()) != 1:
                self.before[i] = now
                set_(1)

    def leave(self, holder: int, libraries: tuple[Blas, ...]) -> None:
        """Restore what was before, if this is the last to leave and nobody has set another."""
        if holder in self.holders:
            if len(self.holders) == 1:
                for before, (get, set_) in zip(self.before, libraries, strict=True):
                    if before != 1 and get() == 1:
                        set_(before)
            del self.holders[holder]


class Own(local):
    """The limit of the calling thread."""

    def __init__(self) -> None:
        self.limit = Limit()


# each use is one line: between the lines of a block an exception would leave the lock taken
_lock, _limit, _own = RLock(), Limit(), Own()


class OneThread:
    """A context in which BLAS runs on one thread, in all threads of the process. Contexts may be
    nested and overlap in several threads; the last that is left restores the number.

    >>> with OneThread():
    ...     allowed() >= 1
    True
    """

    __slots__ = ()

    def __enter__(self) -> None:
        for_all, own = loaded()
        try:
            # fmt: off
            with _lock: _limit.enter(id(self), for_all)  # noqa: E701
            # fmt: on
            if own:
                _own.limit.enter(id(self), own)
        except BaseException:  # an interrupt: there will be no `__exit__`
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for_all, own = loaded()
        if own:
            _own.limit.leave(id(self), own)
        # fmt: off
        with _lock: _limit.leave(id(self), for_all)  # noqa: E701
        # fmt: on

    def __del__(self) -> None:
        if id(self) in _limit.holders or id(self) in _own.limit.holders:
            self.__exit__()  # an interrupt came between entering and the block, or leaving


def allowed() -> int:
    """The number of threads that the process or the user grants to BLAS, inside `OneThread` as
    well; 1 where the BLAS can't be asked.
    """
    numbers = []
    for limit, libraries in zip((_limit, _own.limit), loaded(), strict=True):
        numbers += limit.before if limit.holders else [blas.get() for blas in libraries]
    return min(numbers, default=1)


def _after_fork() -> None:
    """Only the thread that forked lives on in the child: the blocks of others are left."""
    global _lock
    _lock = RLock()
    for holder, thread in list(_limit.holders.items()):
        if thread != get_ident():
            _limit.leave(holder, loaded()[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
