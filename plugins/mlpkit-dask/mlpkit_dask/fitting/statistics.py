"""What a fit on several workers counts."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from mlpkit.plugin import Array, Group

T = TypeVar("T")


class RankStatistics(NamedTuple):
    """What a rank counted in the last try.

    Parameters
    ----------
    worker : str
        The address of its worker.
    n_rows : int
        The number of its training rows.
    n_reduces : int
        The number of all-reduces, which sum an array over all ranks.
    n_bytes : int
        The size of these arrays in total.
    communication_seconds : float
        Time in which the rank communicated or waited for the other ranks.
    computation_seconds : float
        The rest of the time.
    """

    worker: str
    n_rows: int
    n_reduces: int
    n_bytes: int
    communication_seconds: float
    computation_seconds: float


class FitStatistics(NamedTuple):
    """What a fit on several workers counted.

    Parameters
    ----------
    ranks : tuple of RankStatistics
        The ranks of the last try.
    tries : int
        The number of tries: 1 if no worker was lost.
    faults : tuple of str
        What ended each of the other tries.
    communicator : str
        How the ranks communicated.
    """

    ranks: tuple[RankStatistics, ...]
    tries: int
    faults: tuple[str, ...]
    communicator: str


class CountedGroup:
    """A group that counts what it communicates."""

    def __init__(self, group: Group) -> None:
        self.rank, self.size, self._group = group.rank, group.size, group
        self.n_reduces = self.n_bytes = 0
        self.seconds = 0.0
        self._began = time.perf_counter()

    def _timed(self, function: Callable[[Any], T], value: Any) -> T:
        began = time.perf_counter()
        result = function(value)
        self.seconds += time.perf_counter() - began
        return result

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        self.n_reduces += 1
        self.n_bytes += a.nbytes
        return self._timed(self._group.add, a)

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return self._timed(self._group.same, value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return self._timed(self._group.gather, value)

    def statistics(self, worker: str, n_rows: int) -> RankStatistics:
        """What was counted since the group was made."""
        rest = time.perf_counter() - self._began - self.seconds
        return RankStatistics(worker, n_rows, self.n_reduces, self.n_bytes, self.seconds, rest)
