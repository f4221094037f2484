"""Threads that take parts of a call of the compiled loop.

They are started for the call and end with it. On a busy machine, a call goes on alone, see
`mlpkit_numba.shared_work`, and so do those of a pause.
"""

import ctypes
import time
from array import array
from collections.abc import Callable
from functools import cache
from threading import Thread

from mlpkit.backend_kit import Usefulness, allowed_threads, n_processors
from mlpkit_numba import sharing as s

MIN_FLOPS = 5e8  # of a call: some milliseconds; starting a thread takes a tenth of one


usefulness = Usefulness()


@cache
def system_functions() -> tuple[int, ...] | None:
    """Return the addresses of ``sched_yield`` and ``clock_gettime``, and the numbers of two clocks:
    of the time, and of what a thread computed.

    None on a system without these functions, whose calls then have no helpers.
    """
    try:
        library = ctypes.CDLL(None)
        addresses = [
            ctypes.cast(getattr(library, name), ctypes.c_void_p).value
            for name in ("sched_yield", "clock_gettime")
        ]
        clocks = time.CLOCK_MONOTONIC, time.CLOCK_THREAD_CPUTIME_ID
        return *(int(address or 0) for address in addresses), *map(int, clocks)
    except (AttributeError, OSError, TypeError):
        return None


def number(n_parts: int, flops: float) -> int:
    """Return how many helpers a call with this number of parts and of operations has."""
    if n_parts == 1 or flops < MIN_FLOPS or usefulness.is_paused:
        return 0
    if system_functions() is None:
        return 0
    return min(allowed_threads(), n_processors(), n_parts) - 1


class Helpers:
    """A context in which other threads run a function.

    Parameters
    ----------
    n : int
        Number of threads.
    shared : array of int
        The memory that they share with the call. They return when its ticket says so.
    assist : callable
        What they run, without arguments.
    kept : object
        What must exist as long as they run.
    """

    def __init__(
        self, n: int, shared: "array[int]", assist: Callable[[], None], kept: object
    ) -> None:
        self.shared = shared
        self.threads = [
            Thread(target=_run, args=(assist, kept), name="mlpkit-numba", daemon=True)
            for _ in range(n)
        ]

    def __enter__(self) -> None:
        self.began = time.perf_counter()
        for thread in self.threads:
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads, or Python ends
                return

    def __exit__(self, *_: object) -> None:
        self.shared[s.TICKET] = s.STOPPED  # also after an interrupt before the call
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()
        if self.shared[s.WAS_STOPPED]:
            usefulness.pause()
        else:
            usefulness.judge(time.perf_counter() - self.began, self.shared[s.ALONE] / 1e9)


def _run(assist: Callable[[], None], kept: object) -> None:
    assist()
