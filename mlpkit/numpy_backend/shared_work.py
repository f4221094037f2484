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

from mlpkit.backend_kit import OneThread, allowed_threads

PART_FLOPS = 5e8  # operations of a part: some milliseconds, as waking a thread takes up to one
MAX_PARTS = 16  # of one product
WAITED = 0.5  # of the time that workers compute: if the caller waits longer, they are of no use
JUDGED_SECONDS = 0.05  # of computing and waiting, after which this is judged
PAUSE_SECONDS = 1.0  # without workers if they were of no use


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
        self.done: SimpleQueue[tuple[BaseException | None, float]] = SimpleQueue()

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
            error, began = None, time.thread_time()
            try:
                with OneThread():
                    self.work(part)
            except BaseException as raised:
                error = raised
            self.done.put((error, time.thread_time() - began))


class Workers:
    """Threads that wait for work. They are started when they are first needed."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[SharedWork] = SimpleQueue()
        self.started, self.n_processors = 0, os.cpu_count() or 1
        self.paused_until = self.waited = self.busy = 0.0

    def offer(self, shared: SharedWork) -> None:
        """Offer the work to as many workers as BLAS may have threads, less the caller."""
        if time.monotonic() < self.paused_until:
            return
        n = min(allowed_threads(), self.n_processors, len(shared.left)) - 1
        while self.started < n:
            self.started += 1
            Thread(target=self._wait, name="mlpkit-worker", daemon=True).start()
        for _ in range(n):
            self.queue.put(shared)

    def _wait(self) -> None:
        queue = self.queue
        while True:
            queue.get().assist()

    def judge(self, waited: float, busy: float) -> None:
        """Pause the workers if they have to wait for processors.

        The arguments are the seconds that the caller waited for the workers, and those that they
        computed.
        """
        self.waited, self.busy = self.waited + waited, self.busy + busy
        if self.waited + self.busy >= JUDGED_SECONDS:
            if self.waited > WAITED * self.busy:
                self.paused_until = time.monotonic() + PAUSE_SECONDS
            self.waited = self.busy = 0.0


_workers = Workers()


def share(work: Callable[[Any], object], parts: Sequence[Any]) -> None:
    """Call ``work(part)`` for each part, in this thread and in as many others as BLAS may have.

    The parts must not depend on each other. This function raises an error that a part raised.

    >>> results = []
    >>> share(results.append, [1, 2, 3])
    >>> sorted(results)
    [1, 2, 3]
    """
    if len(parts) == 1:
        work(parts[0])
        return
    workers, shared = _workers, SharedWork(work, parts)
    n_own, error = 0, None
    with OneThread():
        workers.offer(shared)
        try:
            for part in shared.parts():
                n_own += 1
                work(part)
        finally:
            n_own += sum(1 for _ in shared.parts())  # parts are left only after an error
            began, busy = time.perf_counter(), 0.0
            for _ in range(len(parts) - n_own):
                raised, seconds = shared.done.get()
                error, busy = error or raised, busy + seconds
            workers.judge(time.perf_counter() - began, busy)
    if error is not None:
        raise error


def _after_fork() -> None:
    """Start without workers, as threads do not survive a fork."""
    global _workers
    _workers = Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
