"""The parts of a step, which any thread takes that is free.

A word in memory, the ticket, says how many parts of a computation are left, and counts the
computations, so that no part is taken twice. This module is imported only while the loop is
compiled.
"""

from typing import Any

import numpy as np
from numba import njit

from mlpkit_numba import arguments as a
from mlpkit_numba import sharing as s
from mlpkit_numba.atomics import (
    call_yield,
    increment,
    loaded,
    nanoseconds,
    replaced,
    store,
)
from mlpkit_numba.intrinsics import JIT, array_at

WORD_BYTES = 8


@njit(**JIT)
def now(integers):  # type: ignore[no-untyped-def]
    """Nanoseconds of the clock."""
    return nanoseconds(integers[a.CLOCK], integers[a.CLOCK_ID])


@njit(**JIT)
def taken(integers):  # type: ignore[no-untyped-def]
    """Take a part of the present computation. Return its index, or -1 if none is left."""
    shared = array_at(integers[a.SHARED], 0, s.N_WORDS, np.int64(0))
    address = integers[a.SHARED] + WORD_BYTES * s.TICKET
    ticket = loaded(address)
    while ticket >= 0 and ticket % s.TICKETS > 0:
        if replaced(address, ticket, ticket - 1):
            return shared[s.N_PARTS] - ticket % s.TICKETS
        ticket = loaded(address)
    return -1


@njit(**JIT)
def waited(integers, n_parts):  # type: ignore[no-untyped-def]
    """Wait until other threads have computed their parts. Return the nanoseconds."""
    address = integers[a.SHARED] + WORD_BYTES * s.DONE
    if loaded(address) == n_parts:
        return 0
    began, spins = now(integers), 0
    while loaded(address) < n_parts:
        spins += 1
        if spins > s.SPINS:
            call_yield(integers[a.YIELD])
    return now(integers) - began


@njit(**JIT)
def judge(integers, numbers, nanoseconds_waited):  # type: ignore[no-untyped-def]
    """Go on alone if the other threads have to wait for processors."""
    shared = array_at(integers[a.SHARED], 0, s.N_WORDS, np.int64(0))
    shared[s.WAITED] += nanoseconds_waited
    elapsed = now(integers) - shared[s.JUDGED]
    if elapsed > s.JUDGED_NANOSECONDS:
        is_too_long = shared[s.WAITED] > numbers[a.MOST_WAITED] * elapsed
        shared[s.WAITED], shared[s.JUDGED] = 0, now(integers)
        if is_too_long:
            shared[s.WAS_STOPPED] = 1
            stop(integers)


@njit(**JIT)
def stop(integers):  # type: ignore[no-untyped-def]
    """Let the other threads return."""
    shared = array_at(integers[a.SHARED], 0, s.N_WORDS, np.int64(0))
    shared[s.IS_SHARED] = 0
    store(integers[a.SHARED] + WORD_BYTES * s.TICKET, s.STOPPED)


def sharing(work: Any) -> tuple[Any, Any]:
    """Return the functions that share parts, and take parts of others.

    ``share(integers, numbers, kind, n_parts, arguments)`` calls ``work(integers, numbers, part)``
    for each part of a computation. ``assist(integers, numbers)`` does so in another thread until
    there are no more computations.
    """

    @njit(**JIT)
    def share(integers, numbers, kind, n_parts, arguments):  # type: ignore[no-untyped-def]
        shared = array_at(integers[a.SHARED], 0, s.N_WORDS, np.int64(0))
        shared[s.KIND], shared[s.N_PARTS] = kind, n_parts
        shared[s.STEP], shared[s.N_ROWS], shared[s.IS_FIRST] = arguments
        if n_parts == 1 or shared[s.IS_SHARED] == 0:
            for part in range(n_parts):
                work(integers, numbers, part)
            return
        shared[s.COUNT] += 1
        store(integers[a.SHARED] + WORD_BYTES * s.DONE, 0)
        ticket = shared[s.COUNT] * s.TICKETS + n_parts
        store(integers[a.SHARED] + WORD_BYTES * s.TICKET, ticket)
        part = taken(integers)
        while part >= 0:
            work(integers, numbers, part)
            increment(integers[a.SHARED] + WORD_BYTES * s.DONE)
            part = taken(integers)
        judge(integers, numbers, waited(integers, n_parts))

    @njit(**JIT)
    def assist(integers, numbers):  # type: ignore[no-untyped-def]
        began, spins = now(integers), 0
        while loaded(integers[a.SHARED] + WORD_BYTES * s.TICKET) != s.STOPPED:
            part = taken(integers)
            if part >= 0:
                work(integers, numbers, part)
                increment(integers[a.SHARED] + WORD_BYTES * s.DONE)
                began, spins = now(integers), 0
            spins += 1
            if spins > s.SPINS:
                call_yield(integers[a.YIELD])
                if now(integers) - began > s.IDLE_NANOSECONDS:
                    return

    return share, assist
