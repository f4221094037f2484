"""Groups whose processes are threads of this process."""

from collections.abc import Callable
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import numpy as np

from mlpkit.distributed import Shard
from mlpkit.plugin import Array, GroupError

TIMEOUT = 60.0  # seconds


class ThreadGroup:
    """One process of a group; ``slots`` and ``barrier`` are shared by all."""

    def __init__(self, rank: int, slots: list[Any], barrier: Barrier) -> None:
        self.rank, self.size, self._slots, self._barrier = rank, len(slots), slots, barrier

    def add(self, a: Array) -> Array:
        """Return the sum over all processes."""
        return np.sum(self.gather(a), axis=0, dtype=a.dtype)

    def same(self, value: Any) -> Any:
        """Return the value of the first process."""
        return self.gather(value)[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        try:
            self._slots[self.rank] = value
            self._barrier.wait(TIMEOUT)
            found = list(self._slots)
            self._barrier.wait(TIMEOUT)
        except BrokenBarrierError as error:
            raise GroupError("another process has failed") from error
        return found


def in_group(size: int, function: Callable[[ThreadGroup], Any]) -> list[Any]:
    """Call the function in each process of a group, and return the results.

    Raises the first error that is not a `GroupError`.
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


def fitted_in_group(
    make: Callable[[], Any], X: Any, y: Any, owners: Array, size: int, **arguments: Any
) -> list[Any]:
    """The estimators that the processes of a group fitted; ``owners`` has the process of each row.

    Evaluation sets as ``X_val`` are divided, too.
    """

    def fit(group: ThreadGroup) -> Any:
        divided = {
            name: shard_of(group, value, np.arange(len(value)) % size) if name == "X_val" else value
            for name, value in arguments.items()
        }
        return make().fit(shard_of(group, X, owners), y, **divided)

    return in_group(size, fit)


def shard_of(group: ThreadGroup, X: Any, owners: Array) -> Shard:
    """The rows of X of one process, in two parts of different lengths."""
    places = np.flatnonzero(owners == group.rank)
    cut = len(places) // 3
    parts = [X.iloc[p] if hasattr(X, "iloc") else X[p] for p in (places[:cut], places[cut:])]
    return Shard(parts, places, len(X), group)
