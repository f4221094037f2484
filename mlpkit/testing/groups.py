"""Groups whose processes are threads, for tests of distributed training."""

from collections.abc import Callable
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import numpy as np

from mlpkit.plugin import Array, GroupError

TIMEOUT = 60.0  # seconds


class ThreadGroup:
    """An `mlpkit.plugin.Group` whose processes are threads; see `in_group`.

    Parameters
    ----------
    rank : int
        The number of the thread.
    slots : list
        A place for a value of each thread, shared by all.
    barrier : Barrier
        What all threads wait for, shared by all.
    """

    def __init__(self, rank: int, slots: list[Any], barrier: Barrier) -> None:
        self.rank, self.size, self._slots, self._barrier = rank, len(slots), slots, barrier

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all threads."""
        return np.sum(self.gather(a), axis=0, dtype=a.dtype)

    def same(self, value: Any) -> Any:
        """Return the value of the first thread."""
        return self.gather(value)[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all threads."""
        try:
            self._slots[self.rank] = value
            self._barrier.wait(TIMEOUT)
            values = list(self._slots)
            self._barrier.wait(TIMEOUT)
        except BrokenBarrierError as error:
            raise GroupError("Another thread of the group has failed.") from error
        return values


def in_group(size: int, function: Callable[[ThreadGroup], Any]) -> list[Any]:
    """Call a function in threads that form a group, for tests of distributed training.

    Parameters
    ----------
    size : int
        The number of threads.
    function : callable
        ``function(group)``, where the group is that of the thread.

    Returns
    -------
    list
        What the function returned in each thread.

    Raises
    ------
    BaseException
        The first error of a thread. An `mlpkit.plugin.GroupError` is only raised if no thread
        raised another error.

    Examples
    --------
    >>> in_group(3, lambda group: group.add(np.array([group.rank])))
    [array([3]), array([3]), array([3])]
    """
    slots, barrier = [None] * size, Barrier(size)
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def run(rank: int) -> None:
        try:
            results[rank] = function(ThreadGroup(rank, slots, barrier))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, GroupError)), errors[0])
    return results
