"""Large computations shared between threads, in parts that do not depend on the threads.

Each part runs on one BLAS thread, so the numbers are the same on any number of processors, idle
or busy. The caller never waits for a part that no thread has begun: if no processor is idle, it
computes nearly all parts itself.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

from mlpkit.numpy_backend.threads import OneThread, allowed

PART_FLOPS = 5e8  # operations of a part: some milliseconds, as waking a thread takes up to one
MAX_PARTS = 16  # of one product
IDLE = 0.8  # share of the time of its parts that a worker computes on an idle machine
JUDGED_SECONDS = 0.05  # of parts, after which that share is judged
PAUSE_SECONDS = 1.0  # without workers after they had to wait for processors


def n_parts(flops: float) -> int:
    """Return the number of parts into which a computation is divided.

    >>> n_parts(9e8), n_parts(1e9), n_parts(1e12)
    (1, 2, 16)
    """
    return max(1, min(int(flops / PART_FLOPS), MAX_PARTS))


class SharedWork:
    """The parts of a computation. Any thread that is free takes the next one."""

    def __init__(self, work: Callable[[Any], object], parts: Sequence[Any]) -> None:
        self.work, self.left = work, list(reversed(parts))
        self.done: SimpleQueue[tuple[BaseException | None, float, float]] = SimpleQueue()

    def parts(self) -> Iterator[Any]:
        """Take parts that no thread has begun, as long as there are any."""
        while self.left:
            try:
                yield self.left.pop()
            except IndexError:  # another thread was faster
                return

    def assist(self) -> None:
        """Compute parts in a worker until none is left. The caller raises its errors."""
        for part in self.parts():
            error, wall, busy = None, time.perf_counter(), time.thread_time()
            try:
                with OneThread():
                    self.work(part)
            except BaseException as raised:
                error = raised
            self.done.put((error, time.perf_counter() - wall, time.thread_time() - busy))


class Workers:
    """Threads that wait for work. They are started when they are first needed."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[SharedWork] = SimpleQueue()
        self.started = 0
        self.paused_until = self.wall = self.busy = 0.0

    def offer(self, shared: SharedWork, n: int) -> None:
        """Offer the work to n workers."""
        while self.started < n:
            self.started += 1
            Thread(target=self._wait, name="mlpkit-worker", daemon=True).start()
        for _ in range(n):
            self.queue.put(shared)

    def _wait(self) -> None:
        queue = self.queue
        while True:
            queue.get().assist()

    def judge(self, wall: float, busy: float) -> None:
        """Pause the workers if they had to wait for processors.

        The arguments are the seconds that a part took, and those of them that it computed.
        """
        self.wall, self.busy = self.wall + wall, self.busy + busy
        if self.wall >= JUDGED_SECONDS:
            if self.busy < IDLE * self.wall:
                self.paused_until = time.monotonic() + PAUSE_SECONDS
            self.wall = self.busy = 0.0


_workers = Workers()


def share(work: Callable[[Any], object], parts: Sequence[Any]) -> None:
    """Call ``work(part)`` for each part, in this thread and in as many others as BLAS may have.

    The parts must not depend on each other. This function raises an error that a part raised.

    >>> results = []
    >>> share(results.append, [1, 2, 3])
    >>> sorted(results)
    [1, 2, 3]
    """
    workers = _workers
    n_workers = min(allowed(), os.cpu_count() or 1, len(parts)) - 1
    if time.monotonic() < workers.paused_until:
        n_workers = 0
    shared = SharedWork(work, parts)
    workers.offer(shared, n_workers)
    n_own, error = 0, None
    try:
        with OneThread():
            for part in shared.parts():
                n_own += 1
                work(part)
    finally:
        n_own += sum(1 for _ in shared.parts())  # parts are left only after an error
        for _ in range(len(parts) - n_own):
            raised, wall, busy = shared.done.get()
            error = error or raised
            workers.judge(wall, busy)
    if error is not None:
        raise error


def _after_fork() -> None:
    """Start without workers, as threads do not survive a fork."""
    global _workers
    _workers = Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
