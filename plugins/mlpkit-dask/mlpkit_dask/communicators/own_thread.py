"""A thread of its own for a library whose state belongs to the thread that calls it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
LEAVE = 1.0  # seconds that the end of a group may take; a frozen process may need the timeout


class OwnThread:
    """A thread that runs functions one after the other, until it is closed.

    The thread is a daemon: a function that never returns does not prevent the end of the process.
    """

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Run the functions of the queue."""
        while (item := self._queue.get()) is not None:
            function, future = item
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del item, function, future  # arrays are not kept until the next call

    def submit(self, function: Callable[[], T]) -> "Future[T]":
        """Run a function after the earlier ones, and return its future."""
        future: Future[T] = Future()
        self._queue.put((function, future))
        return future

    def call(self, function: Callable[[], T], timeout: float | None = None) -> T:
        """Return the result of a function, or raise its error.

        Raises TimeoutError if it takes longer than ``timeout`` seconds. It then continues to run.
        """
        return self.submit(function).result(timeout)

    def close(self, timeout: float) -> None:
        """End the thread after the functions of the queue, and wait some seconds for its end."""
        self._queue.put(None)
        self._thread.join(timeout)
