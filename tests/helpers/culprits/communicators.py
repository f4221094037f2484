"""Communicators that each break one law; `communicator` is a correct one.

The ranks are threads of this process.
"""

import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Condition, Event
from typing import Any

import numpy as np

from mlpkit import testing
from mlpkit.plugin import Array, Communicator, GroupError

released = Event()  # ends the ranks that were stopped


class Killed(BaseException):
    """Ends a rank as a signal ends a process."""


class Room:
    """Where the ranks of a group meet."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.values: dict[Any, Any] = {}
        self.failed = False

    def put(self, key: Any, value: Any) -> None:
        """Put a value under a key."""
        with self.changed:
            self.values[key] = value
            self.changed.notify_all()

    def fail(self) -> None:
        """End the group."""
        with self.changed:
            self.failed = True
            self.changed.notify_all()

    def awaited(self, keys: list[Any], timeout: float) -> list[Any]:
        """Wait for the values of the keys."""

        def ready() -> bool:
            return self.failed or all(key in self.values for key in keys)

        with self.changed:
            if not self.changed.wait_for(ready, timeout) or self.failed:
                raise GroupError("another rank has failed")
            return [self.values[key] for key in keys]


rooms: dict[int, Room] = {}
numbers = itertools.count()


class FakeGroup:
    """The group of a rank."""

    def __init__(self, room: Room, rank: int, size: int, timeout: float) -> None:
        self.rank, self.size = rank, size
        self.room, self.timeout, self.n_calls = room, timeout, 0

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        self.n_calls += 1
        self.room.put((self.n_calls, self.rank), value)
        return self.room.awaited([(self.n_calls, r) for r in range(self.size)], self.timeout)

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        return np.asarray(np.sum(self.gather(a.copy()), axis=0, dtype=a.dtype))

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return self.gather(value)[0]


class Reversed(FakeGroup):
    """Counts the ranks from the end."""

    def __init__(self, room: Room, rank: int, size: int, timeout: float) -> None:
        super().__init__(room, size - 1 - rank, size, timeout)


class WithoutZeroDimensions(FakeGroup):
    """Returns an array of one number in place of a number."""

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        return np.atleast_1d(super().add(a))


class FromItself(FakeGroup):
    """Begins each sum with its own values."""

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        terms = self.gather(a.copy())
        return sum(terms[self.rank :] + terms[: self.rank], np.zeros_like(a))


class Truncating(FakeGroup):
    """Sends at most a million numbers."""

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        total, n = a.copy(), 1_000_000
        total.ravel()[:n] = super().add(a.ravel()[:n])
        return total


class Buffered(FakeGroup):
    """Returns the same array for each sum of a shape."""

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        self.buffers: dict[Any, Array] = getattr(self, "buffers", {})
        buffer = self.buffers.setdefault((a.shape, a.dtype), np.empty_like(a))
        buffer[...] = super().add(a)
        return buffer


class WithoutEmptyValues(FakeGroup):
    """Replaces an empty value of rank 0 by its own."""

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return super().same(value) or value


class Unordered(FakeGroup):
    """Puts its own value first."""

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        values = super().gather(value)
        return [values[self.rank], *values[: self.rank], *values[self.rank + 1 :]]


class Late(FakeGroup):
    """Returns an old value in every tenth call of `same`."""

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        result = super().same(value)
        self.old: list[Any] = [*getattr(self, "old", []), result]
        return self.old[-2] if len(self.old) % 10 == 0 else result


class Incomplete(FakeGroup):
    """Leaves out ranks that do not answer."""

    def add(self, a: Array) -> Array:
        """Return the sum over the ranks."""
        try:
            return super().add(a)
        except GroupError:
            self.timeout = 0.01
            return a.copy()


@contextmanager
def listen(host: str, size: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """Make a room."""
    number = next(numbers)
    rooms[number] = Room()
    yield {"room": number}
    del rooms[number]


@contextmanager
def listen_once(host: str, size: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """Make the only room."""
    with listen(host, size, timeout) as address:
        time.sleep(0.3)
        if len(rooms) > 1:
            raise RuntimeError("there is another group")
        yield address


@contextmanager
def join(
    address: Mapping[str, Any],
    rank: int,
    size: int,
    timeout: float,
    group: type[FakeGroup] = FakeGroup,
    noticed: type[BaseException] = BaseException,
    wait: bool = True,
) -> Iterator[FakeGroup]:
    """Wait for the other ranks."""
    room = rooms[address["room"]]
    room.put(("joined", rank), True)
    if wait:
        room.awaited([("joined", other) for other in range(size)], timeout)
    try:
        yield group(room, rank, size, timeout)
    except noticed:
        room.fail()
        raise


def communicator(listen: Any = listen, **options: Any) -> Communicator:
    """A correct communicator, or with options an incorrect one."""
    return Communicator(listen, partial(join, **options))


def of(group: type[FakeGroup]) -> Any:
    """The communicator with another group."""
    return partial(communicator, group=group)


COMMUNICATORS: dict[str, Any] = {
    "ranks_are_those_requested": of(Reversed),
    "sums_equal_numpys": of(WithoutZeroDimensions),
    "sums_have_the_same_bits": of(FromItself),
    "large_arrays": of(Truncating),
    "arrays_are_not_shared": of(Buffered),
    "same_returns_the_value_of_rank_0": of(WithoutEmptyValues),
    "gather_returns_all_values_in_order": of(Unordered),
    "many_operations_in_a_row": of(Late),
    "two_groups_at_once": partial(communicator, listen=listen_once),
    "an_error_in_one_rank_ends_the_others": partial(communicator, noticed=Killed),
    "a_killed_process_ends_the_others": partial(communicator, noticed=Exception),
    "a_stopped_process_ends_the_others": of(Incomplete),
    "a_process_that_does_not_join_ends_the_others": partial(communicator, wait=False),
}


class CommunicatorCulprit(testing.CommunicatorTests):
    """Conformance tests whose ranks are threads."""

    __test__ = False
    timeout, short_timeout = 4.0, 0.5

    @classmethod
    def processes(cls, n: int) -> AbstractContextManager[list[Executor]]:
        """Return executors of threads."""
        return threads(n)

    @staticmethod
    def kill() -> None:
        """End a rank."""
        raise Killed

    @staticmethod
    def stop() -> None:
        """Stop a rank until the end of the test."""
        released.wait()
        raise Killed

    @staticmethod
    def end(process: int) -> None:
        """End the ranks that were stopped."""
        released.set()


@contextmanager
def threads(n: int) -> Iterator[list[Executor]]:
    """Executors whose functions run in threads."""
    released.clear()
    executors = [ThreadPoolExecutor(2) for _ in range(n)]
    yield list(executors)
    for executor in executors:
        executor.shutdown()
