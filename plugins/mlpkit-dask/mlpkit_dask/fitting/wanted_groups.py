"""Groups that no longer wait for the other ranks when the client does not wait for the fit."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from mlpkit.plugin import Array, Group
from mlpkit_dask.communicators.own_thread import LEAVE, OwnThread
from mlpkit_dask.fitting.tasks import Task

T = TypeVar("T")
POLL = 0.2  # seconds


class WantedGroup:
    """A group whose methods are called by ``run(function)``, such as `Task.run`."""

    def __init__(self, group: Group, run: Callable[[Callable[[], Any]], Any]) -> None:
        self.rank, self.size = group.rank, group.size
        self._group, self._run = group, run

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        total: Array = self._run(partial(self._group.add, a))
        return total

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return self._run(partial(self._group.same, value))

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        values: list[Any] = self._run(partial(self._group.gather, value))
        return values


class WantedCalls:
    """Runs functions in a thread, and abandons them when the client no longer waits for the task.

    A communicator cannot distinguish a busy rank, for example one in a callback, from a frozen one,
    but the client can, and then cancels the task.
    """

    def __init__(self, task: Task, name: str) -> None:
        self._task, self._thread = task, OwnThread(name)
        self._context = copy_context()  # has the worker of Dask

    def run(self, function: Callable[[], T], limit: float | None = None) -> T:
        """Return the result of a function.

        Raises GroupError as soon as the client no longer waits, and TimeoutError after ``limit``
        seconds. The function then continues to run.
        """
        future: Future[T] = self._task.run(lambda: self._submitted(function))
        deadline = None if limit is None else time.monotonic() + limit
        while True:
            try:
                return future.result(POLL)
            except TimeoutError:
                if future.done():
                    return future.result()
            self._task.run(lambda: None)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError

    def _submitted(self, function: Callable[[], T]) -> "Future[T]":
        return self._thread.submit(partial(self._context.run, function))

    @contextmanager
    def contexts(self) -> Iterator[ExitStack]:
        """A stack of context managers that are left in the thread, which ends after that."""
        stack = ExitStack()
        try:
            yield stack
        finally:
            left = self._submitted(partial(stack.__exit__, *sys.exc_info()))
            wait([left], 4 * LEAVE)  # a function that was abandoned may still run
            self._thread.close(0)
