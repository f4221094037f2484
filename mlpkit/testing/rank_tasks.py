"""What the ranks of a group do in the conformance tests of communicators."""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Communicator, Group
from mlpkit.testing.ranks import Outcome, Place, outcome

SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (2,), (7,), (0, 3), (3, 5), (2, 3, 4), (5000,)]
ARRAYS = [(shape, dtype) for shape in SHAPES for dtype in ("float32", "float64", "int64")]
N_LARGE = 5_000_000
N_MANY = 20
MANY = [*range(3, 3 * (N_MANY + 1), 3), N_MANY - 1, 3 * N_MANY]


def identity(group: Group) -> tuple[int, int]:
    """Return the rank and the size."""
    return group.rank, group.size


def example(rank: int, shape: tuple[int, ...], dtype: str) -> Array:
    """Return the array of a rank; the sums of the floats depend on the order."""
    rng = np.random.default_rng([rank, len(shape), *shape])
    if dtype == "int64":
        return np.asarray(rng.integers(-(2**60), 2**60, shape))
    return np.asarray(rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape), dtype)


def sums(group: Group) -> list[Array]:
    """Return the sums of all examples."""
    return [group.add(example(group.rank, shape, dtype)) for shape, dtype in ARRAYS]


def large_sum(group: Group) -> tuple[int, str]:
    """Return the number of wrong sums of a large array of whole numbers, and its digest."""
    values = np.arange(N_LARGE, dtype=np.float32) % 1000
    total = group.add(values * (group.rank + 1))
    wrong = np.count_nonzero(total != values * (group.size * (group.size + 1) // 2))
    return int(wrong), hashlib.sha256(total.tobytes()).hexdigest()


def modified_arrays(group: Group) -> tuple[bool, list[float]]:
    """Return whether arguments are unchanged, and sums after other arrays were modified."""
    unchanged, later = True, []
    for n in (1, 10, 100_000):
        a = np.full(n, group.rank + 1.0)
        a.flags.writeable = False
        total = group.add(a)
        unchanged &= bool((a == group.rank + 1.0).all())
        b = a.copy()
        second = group.add(b)
        b[:] = total[:] = np.nan
        group.add(np.zeros(n))
        later += [float(second.min()), float(second.max())]
    return unchanged, later


def values(rank: int) -> list[Any]:
    """Return the values of a rank that are sent."""
    nested = {"rank": rank, "array": np.arange(rank + 3.0), "text": ["é" * rank, (), {1: None}]}
    return [nested, None, b"", "", [], np.zeros((0, 2)), b"x" * (2_000_000 * rank), rank, "last"]


def same_values(group: Group) -> list[Any]:
    """Return what all ranks receive from rank 0."""
    return [group.same(value) for value in values(group.rank)]


def gathered_values(group: Group) -> list[Any]:
    """Return what all ranks receive from all."""
    return [group.gather(value) for value in values(group.rank)]


def many_operations(group: Group) -> list[int]:
    """Return the results of many small operations."""
    sums, gathered, last = [], 0, 0
    for i in range(N_MANY):
        total = group.add(np.full(1 + i * i, i + 1, np.int64))
        sums.append(int(total[-1]))
        last = group.same(i + group.rank)
        gathered += sum(group.gather(group.rank))
    return [*sums, last, gathered]


def failing(group: Group, rank: int) -> None:
    """Raise an error in one rank while the others communicate."""
    group.add(np.ones(3))
    if group.rank == rank:
        raise ValueError("an error of one rank")
    for _ in range(N_MANY):  # what is on its way may still arrive
        group.add(np.ones(100_000))


def losing(group: Group, rank: int, end: Callable[[], None]) -> None:
    """End the process of one rank while the others communicate."""
    group.add(np.ones(3))
    if group.rank == rank:
        end()
    for _ in range(N_MANY):
        group.add(np.ones(100_000))


def alone(make: Callable[[], Communicator], folder: Path, timeout: float) -> Outcome:
    """Return the outcome of rank 0 of a group of two whose rank 1 does not join."""
    place = Place(folder, 0, 2, timeout)
    place.write("ready-1")
    return outcome(make, place, identity)


def repeated_sums(group: Group, factor: float) -> list[float]:
    """Return sums at intervals, so that those of two groups alternate."""
    sums = []
    for _ in range(20):
        sums.append(float(group.add(np.full(1000, factor * (group.rank + 1)))[-1]))
        time.sleep(0.002)
    return sums


def in_two_groups(
    make: Callable[[], Communicator], folders: Sequence[Path], timeout: float, rank: int, size: int
) -> list[Outcome]:
    """Return the outcomes of two groups, each in a thread of this process."""
    outcomes: dict[int, Outcome] = {}

    def run(i: int, folder: Path) -> None:
        place = Place(folder, rank, size, timeout)
        outcomes[i] = outcome(make, place, repeated_sums, float(i + 1))

    # in the context of this thread: the worker of a task of a cluster may be in it
    threads = [
        Thread(target=partial(copy_context().run, run, i, folder))
        for i, folder in enumerate(folders)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[i] for i in range(len(folders))]
