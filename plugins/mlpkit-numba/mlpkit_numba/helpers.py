"""Threads that take parts of a call of the compiled loop.

They are started for the call and end with it. On a busy machine, a call goes on alone, see
`mlpkit_numba.shared_work`, and so do those of the next second.
"""

import ctypes
import os
import time
from array import array
from collections.abc import Callable
from functools import cache
from threading import Thread

from mlpkit.backend_kit import allowed_threads
from mlpkit_numba import sharing as s

MIN_FLOPS = 5e8  # of a call: some milliseconds; starting a thread takes a tenth of one
MOST_TIME = 0.9  # of the time that a call would take alone: helpers have to bring more than this
JUDGED_SECONDS = 0.02  # of calls with helpers, after which this is judged
PAUSE_SECONDS = 1.0  # without helpers if they were of no use


class Usefulness:
    """Whether helpers are of use, from what calls with them took."""

    def __init__(self) -> None:
        self.elapsed = self.alone = self.paused_until = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether calls have no helpers for now."""
        return time.monotonic() < self.paused_until

    def pause(self) -> None:
        """Let calls have no helpers for now."""
        self.paused_until = time.monotonic() + PAUSE_SECONDS

    def judge(self, elapsed: float, alone: float) -> None:
        """Pause if the calls of late were hardly faster than without helpers.

        The arguments are the seconds that a call took, and that it would have taken alone.
        """
        self.elapsed, self.alone = self.elapsed + elapsed, self.alone + alone
        if self.elapsed >= JUDGED_SECONDS:
            if self.elapsed > MOST_TIME * self.alone:
                self.pause()
            self.elapsed = self.alone = 0.0


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


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
