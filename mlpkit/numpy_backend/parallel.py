"""Large work shared with other threads, in parts that do not depend on who computes them.

Each part runs on one BLAS thread, so the numbers are the same on any number of processors,
idle or busy. The caller never waits for a part that nobody has begun: where no processor is
idle it computes nearly everything itself.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

from mlpkit.numpy_backend.threads import OneThread, allowed

PART_FLOPS = 5e8  # operations of a part: some milliseconds, as waking a thread takes up to one
MOST = 16  # parts of one product
IDLE = 0.8  # of the time of its parts a worker computes; less: it waits for a processor
SEEN = 0.05  # seconds of parts by which that is judged
ALONE = 1.0  # seconds without workers where it waits


def n_parts(flops: float) -> int:
    """The number of parts of a work of so many operations.

    >>> n_parts(9e8), n_parts(1e9), n_parts(1e12)
    (1, 2, 16)
    """
    return max(1, min(int(flops / PART_FLOPS), MOST))


class Job:
    """Parts of a work; whoever is free takes the next one."""

    def __init__(self, work: Callable[[Any], object], parts: Sequence[Any]) -> None:
        self.work, self.left = work, list(reversed(parts))
        self.done: SimpleQueue[tuple[BaseException | None, float, float]] = SimpleQueue()

    def parts(self) -> Iterator[Any]:
        """Parts that nobody has begun, as long as there are any."""
        while self.left:
            try:
                yield self.left.pop()
            except IndexError:  # another thread was faster
                return

    def assist(self) -> None:
        """What a worker does: parts, until none is left. Its error goes to the caller."""
        for part in self.parts():
            error, wall, busy = None, time.perf_counter(), time.thread_time()
            try:
                with OneThread():
                    self.work(part)
            except BaseException as raised:
                error = raised
            self.done.put((error, time.perf_counter() - wall, time.thread_time() - busy))


class Workers:
    """Threads that wait for jobs. They are started when they are needed first."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.started = 0
        self.alone_until = self.wall = self.busy = 0.0

    def ask(self, job: Job, n: int) -> None:
        """Offer a job to n workers."""
        while self.started < n:
            self.started += 1
            Thread(target=self._wait, name="mlpkit-worker", daemon=True).start()
        for _ in range(n):
            self.jobs.put(job)

    def _wait(self) -> None:
        jobs = self.jobs
        while True:
            jobs.get().assist()

    def judge(self, wall: float, busy: float) -> None:
        """Leave the workers alone for a while if they had to wait for processors."""
        self.wall, self.busy = self.wall + wall, self.busy + busy
        if self.wall >= SEEN:
            if self.busy < IDLE * self.wall:
                self.alone_until = time.monotonic() + ALONE
            self.wall = self.busy = 0.0


_workers = Workers()


def share(work: Callable[[Any], object], parts: Sequence[Any]) -> None:
    """Call ``work(part)`` for each part, here and in as many threads as BLAS may have.

    The parts must not depend on each other. An error in one is raised here.

    >>> found = []
    >>> share(found.append, [1, 2, 3])
    >>> sorted(found)
    [1, 2, 3]
    """
    workers = _workers
    others = min(allowed(), os.cpu_count() or 1, len(parts)) - 1
    if time.monotonic() < workers.alone_until:
        others = 0
    job = Job(work, parts)
    workers.ask(job, others)
    mine, error = 0, None
    try:
        with OneThread():
            for part in job.parts():
                mine += 1
                work(part)
    finally:
        mine += sum(1 for _ in job.parts())  # there are any after an error only
        for _ in range(len(parts) - mine):
            raised, wall, busy = job.done.get()
            error = error or raised
            workers.judge(wall, busy)
    if error is not None:
        raise error


def _after_fork() -> None:
    """Threads do not survive a fork."""
    global _workers
    _workers = Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
