"""Large computations shared between threads, in parts that do not depend on the threads.

Each part runs on one BLAS thread, so the numbers are the same on any number of processors, idle
or busy. The caller never waits for a part that no thread has begun: if no processor is idle, it
computes nearly all parts itself.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

from mlpkit.backend_kit import (
    FlushToZero,
    OneThread,
    Usefulness,
    allowed_threads,
    flushes_to_zero,
    n_processors,
)

PART_FLOPS = 5e8  # of a part of a prediction: some milliseconds, many times that of waking a thread
POLL_SECONDS = 2e-4  # a few times as long as the system takes to wake a thread


class SharedWork:
    """The parts of a computation. Any thread that is free takes the next one."""

    def __init__(self, work: Callable[[Any], object], parts: Sequence[Any]) -> None:
        self.work, self.left, self.n = work, deque(parts), len(parts)
        self.done: SimpleQueue[tuple[BaseException | None, float]] = SimpleQueue()
        self.flushes = flushes_to_zero()  # workers compute as the caller does

    def parts(self, take: Callable[[], Any]) -> Iterator[Any]:
        """Take parts that no thread has begun, as long as there are any."""
        while self.left:
            try:
                yield take()
            except IndexError:  # another thread was faster
                return

    def assist(self) -> None:
        """Compute parts in a worker until none is left. The caller raises its errors.

        Workers begin with the first part and the caller with the last one, so that from one step
        to the next a thread mostly computes the same part, whose arrays are in its cache.
        """
        began = time.thread_time()
        with OneThread(), FlushToZero(self.flushes):
            for part in self.parts(self.left.popleft):
                error = None
                try:
                    self.work(part)
                except BaseException as raised:
                    error = raised
                now = time.thread_time()
                self.done.put((error, now - began))
                began = now

    def compute(self) -> float:
        """Compute parts in the caller, and wait for those that workers have begun.

        Return the processor seconds of the workers, less those of waiting for them.
        """
        n_others, error, busy = self.n, None, 0.0
        try:
            for part in self.parts(self.left.pop):
                n_others -= 1
                self.work(part)
        finally:
            n_others -= sum(1 for _ in self.parts(self.left.pop))  # they are left after an error
            began = time.thread_time()
            for _ in range(n_others):
                raised, seconds = self._next_done()
                error, busy = error or raised, busy + seconds
            busy -= time.thread_time() - began
        if error is not None:
            raise error
        return busy

    def _next_done(self) -> tuple[BaseException | None, float]:
        until = time.perf_counter() + POLL_SECONDS
        while self.done.empty() and time.perf_counter() < until:
            _let_others_run()
        return self.done.get()


class Workers:
    """Threads that wait for work. They are started when they are first needed."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[SharedWork] = SimpleQueue()
        self.started, self.n_processors = 0, n_processors()
        self.usefulness = Usefulness()

    def offer(self, shared: SharedWork) -> bool:
        """Offer the work to as many workers as BLAS may have threads, less the caller.

        Return whether there are any.
        """
        if self.usefulness.is_paused:
            return False
        n = min(allowed_threads(), self.n_processors, len(shared.left)) - 1
        while self.started < n:
            self.started += 1
            Thread(target=self._wait, name="mlpkit-worker", daemon=True).start()
        for _ in range(n):
            self.queue.put(shared)
        return n > 0

    def _wait(self) -> None:
        queue = self.queue
        while True:
            queue.get().assist()


_workers = Workers()


def share(work: Callable[[Any], object], parts: Sequence[Any]) -> None:
    """Call ``work(part)`` for each part, in this thread and in as many others as BLAS may have.

    The parts must not depend on each other. The caller has limited BLAS to one thread. This
    function raises an error that a part raised.

    >>> results = []
    >>> share(results.append, [1, 2, 3])
    >>> sorted(results)
    [1, 2, 3]
    """
    if len(parts) == 1 or not _workers.offer(shared := SharedWork(work, parts)):
        for part in parts:
            work(part)
        return
    began, cpu_began = time.perf_counter(), time.thread_time()
    busy = shared.compute()
    _workers.usefulness.judge(time.perf_counter() - began, time.thread_time() - cpu_began + busy)


def _let_others_run() -> None:
    """Release the lock of the interpreter for a moment."""
    if os.name == "posix":  # on Linux, ``time.sleep(0)`` takes 50 microseconds or more
        select.select((), (), (), 0)
    else:
        time.sleep(0)


def _after_fork() -> None:
    """Start without workers, as threads do not survive a fork."""
    global _workers
    _workers = Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
