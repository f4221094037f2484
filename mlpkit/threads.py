"""BLAS on one thread while networks are trained and evaluated.

BLAS threads cost more than they bring on small products, and when another process uses a
core, each call waits until the operating system runs the second thread: milliseconds for a
dot product of microseconds. The number of threads may also change the last bits of a
product. So BLAS gets one thread, always, and `mlpkit.workers` shares work that is large.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from threading import Lock, local
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


class Hold:
    """How many blocks of code want one thread, and what was set before the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.before: list[int] = []

    def enter(self, libraries: tuple[Blas, ...]) -> None:
        """Set one thread. A number that someone else has set since is what is restored."""
        if not self.count:
            self.before = [1] * len(libraries)
        self.count += 1
        for i, (get, set_) in enumerate(libraries):
            if (now := get()) != 1:
                self.before[i] = now
                set_(1)

    def leave(self, libraries: tuple[Blas, ...]) -> None:
        """Restore what was before, if this is the last to leave and nobody has set another."""
        self.count -= 1
        if not self.count:
            for before, (get, set_) in zip(self.before, libraries, strict=True):
                if before != 1 and get() == 1:
                    set_(before)


class Mine(local):
    """What belongs to a thread: its own hold, and how often it is in that of the process."""

    def __init__(self) -> None:
        self.hold, self.depth = Hold(), 0


_lock, _hold, _mine = Lock(), Hold(), Mine()


class OneThread:
    """A context in which BLAS runs on one thread, in all threads of the process. It may be
    nested and entered by several threads at once; the last that leaves restores the number.
    """

    def __enter__(self) -> None:
        for_all, own = loaded()
        depth, entered = _mine.depth, False
        try:
            with _lock:
                count = _hold.count
                try:
                    _hold.enter(for_all)
                    entered = True
                except BaseException:
                    entered = _hold.count > count
                    raise
            _mine.depth += 1
            if own:
                _mine.hold.enter(own)
        except BaseException:  # an interrupt: there will be no `__exit__`
            if own and _mine.hold.count > depth:
                _mine.hold.leave(own)
            _mine.depth = depth
            if entered:
                with _lock:
                    _hold.leave(for_all)
            raise

    def __exit__(self, *_: object) -> None:
        for_all, own = loaded()
        if own:
            _mine.hold.leave(own)
        _mine.depth -= 1
        with _lock:
            _hold.leave(for_all)


one_thread = OneThread()


def allowed() -> int:
    """The number of threads that the process or the user grants to BLAS, inside `one_thread`
    as well; 1 where the BLAS can't be asked.

    >>> with one_thread:
    ...     allowed() >= 1
    True
    """
    numbers = []
    for hold, libraries in zip((_hold, _mine.hold), loaded(), strict=True):
        numbers += hold.before if hold.count else [blas.get() for blas in libraries]
    return min(numbers, default=1)


def _after_fork() -> None:
    """Only the thread that forked lives on in the child: forget the holds of the others."""
    global _lock
    _lock = Lock()
    others = _hold.count - _mine.depth
    if others > 0:
        _hold.count = _mine.depth + 1
        _hold.leave(loaded()[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
