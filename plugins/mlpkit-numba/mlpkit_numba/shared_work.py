"""The parts of a step, which any thread takes that is free.

A word in memory, the ticket, says how many parts of a computation are left and which is the first,
and counts the computations, so that no part is taken twice. This module is imported only while the
loop is compiled.
"""

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
from mlpkit_numba.intrinsics import JIT, address_of, call, words_at

WORD_BYTES = 8


@njit(**JIT)
def now(integers):  # type: ignore[no-untyped-def]
    """Nanoseconds of the clock."""
    return nanoseconds(integers[a.CLOCK], integers[a.CLOCK_ID])


@njit(**JIT)
def cpu_time(integers):  # type: ignore[no-untyped-def]
    """Nanoseconds that this thread computed."""
    return nanoseconds(integers[a.CLOCK], integers[a.CPU_CLOCK_ID])


@njit(**JIT)
def taken(integers, assists):  # type: ignore[no-untyped-def]
    """Take a part of the present computation. Return its index, or -1 if none is left.

    Helpers begin with the last part, so that from one step to the next a thread mostly takes the
    same parts, whose weights are in the cache of its processor.
    """
    address = integers[a.SHARED] + WORD_BYTES * s.TICKET
    ticket = loaded(address)
    while ticket >= 0 and ticket % s.TICKETS > 0:
        left, first = ticket % s.TICKETS, ticket // s.TICKETS % s.TICKETS
        if replaced(address, ticket, ticket - 1 if assists else ticket - 1 + s.TICKETS):
            return first + left - 1 if assists else first
        ticket = loaded(address)
    return -1


@njit(**JIT)
def wait(integers, n_parts):  # type: ignore[no-untyped-def]
    """Wait until other threads have computed their parts."""
    address = integers[a.SHARED] + WORD_BYTES * s.DONE
    if loaded(address) == n_parts:
        return
    began, spins = cpu_time(integers), 0
    while loaded(address) < n_parts:
        spins += 1
        if spins > s.SPINS:
            call_yield(integers[a.YIELD])
    shared = words_at(integers[a.SHARED], 0)
    shared[s.CPU_WAITED] += cpu_time(integers) - began


@njit(**JIT)
def estimate(integers):  # type: ignore[no-untyped-def]
    """Return how long the parts since the last estimate would have taken this thread alone."""
    shared, cpu = words_at(integers[a.SHARED], 0), cpu_time(integers)
    own = cpu - shared[s.CPU_BEGAN] - shared[s.CPU_WAITED]
    alone = own * shared[s.N_ALL] // max(1, shared[s.N_OWN])
    shared[s.ALONE] += alone
    shared[s.BEGAN], shared[s.CPU_BEGAN] = now(integers), cpu
    shared[s.CPU_WAITED], shared[s.N_ALL], shared[s.N_OWN] = 0, 0, 0
    return alone


@njit(**JIT)
def judge(integers, numbers):  # type: ignore[no-untyped-def]
    """Go on alone if this takes little longer, because the threads have to wait for processors."""
    shared = words_at(integers[a.SHARED], 0)
    elapsed = now(integers) - shared[s.BEGAN]
    if elapsed > s.JUDGED_NANOSECONDS and elapsed > numbers[a.MOST_TIME] * estimate(integers):
        shared[s.WAS_STOPPED] = 1
        stop(integers)


@njit(**JIT)
def stop(integers):  # type: ignore[no-untyped-def]
    """Let the other threads return."""
    shared = words_at(integers[a.SHARED], 0)
    shared[s.IS_SHARED] = 0
    store(integers[a.SHARED] + WORD_BYTES * s.TICKET, s.STOPPED)


@njit(**JIT)
def compute(integers, numbers, part):  # type: ignore[no-untyped-def]
    """Compute a part."""
    call(integers[a.STEP_PART], (address_of(integers), address_of(numbers), part))


@njit(**JIT)
def share(integers, numbers, kind, n_parts, arguments):  # type: ignore[no-untyped-def]
    """Compute the parts of a computation that no other thread takes, and wait for the others."""
    shared = words_at(integers[a.SHARED], 0)
    shared[s.KIND], shared[s.N_PARTS] = kind, n_parts
    shared[s.STEP], shared[s.N_ROWS], shared[s.IS_FIRST] = arguments
    shared[s.N_ALL] += n_parts
    if n_parts == 1 or shared[s.IS_SHARED] == 0:
        for part in range(n_parts):
            compute(integers, numbers, part)
        shared[s.N_OWN] += n_parts
        return
    shared[s.COUNT] += 1
    store(integers[a.SHARED] + WORD_BYTES * s.DONE, 0)
    ticket = shared[s.COUNT] * s.TICKETS * s.TICKETS + n_parts
    store(integers[a.SHARED] + WORD_BYTES * s.TICKET, ticket)
    part = taken(integers, False)
    while part >= 0:
        compute(integers, numbers, part)
        shared[s.N_OWN] += 1
        increment(integers[a.SHARED] + WORD_BYTES * s.DONE)
        part = taken(integers, False)
    wait(integers, n_parts)
    judge(integers, numbers)


@njit(**JIT)
def assist(integers, numbers):  # type: ignore[no-untyped-def]
    """Compute parts until the call ends."""
    began, spins = now(integers), 0
    while loaded(integers[a.SHARED] + WORD_BYTES * s.TICKET) != s.STOPPED:
        part = taken(integers, True)
        if part >= 0:
            compute(integers, numbers, part)
            increment(integers[a.SHARED] + WORD_BYTES * s.DONE)
            began, spins = now(integers), 0
        spins += 1
        if spins > s.SPINS:
            call_yield(integers[a.YIELD])
            if now(integers) - began > s.IDLE_NANOSECONDS:
                return
