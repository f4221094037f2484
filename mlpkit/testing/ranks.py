"""Running the ranks of a group in processes, for the conformance tests of communicators."""

import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from mlpkit.plugin import Communicator, Group, GroupError
from mlpkit.registry.lookup import resolve
from mlpkit.testing.conformance import made_as

HOST = "127.0.0.1"
PATIENCE = 120.0  # seconds after which a rank that does not return is an error


class Place(NamedTuple):
    """Where a rank runs and how it finds the others."""

    folder: Path  # of files by which the ranks of this group find each other
    rank: int
    size: int
    timeout: float

    def write(self, name: str, content: bytes = b"") -> None:
        """Write a file, which appears as a whole."""
        path = self.folder / f"{name}.part"
        path.write_bytes(content)
        path.rename(self.folder / name)

    def read(self, name: str) -> bytes:
        """Wait for a file, and return its content."""
        return waited_for(self.folder / name)


class Outcome(NamedTuple):
    """What the task of a rank returned, or the error, and how long it took."""

    value: Any
    error: str  # "" or the type of the error
    seconds: float  # since the task began, or since it called `mark`


@contextmanager
def spawned(n: int) -> Iterator[list[Executor]]:
    """Start n processes, each of which runs the functions that are passed to its executor."""
    with ExitStack() as stack:
        context = get_context("spawn")
        started = [ProcessPoolExecutor(1, mp_context=context) for _ in range(n)]
        for executor in started:
            stack.enter_context(executor).submit(os.getpid)  # they start at the same time
        yield list(started)


def waited_for(path: Path) -> bytes:
    """Wait for a file, and return its content."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"another rank did not write {path.name!r} in {PATIENCE:.0f} s")
        time.sleep(0.02)
    return path.read_bytes()


def resolved(name: Any, options: Any) -> Communicator:
    """Return the communicator of a name or of a factory."""
    factory, options = resolve("communicator", name, options)
    made: Communicator = made_as(factory(**options), Communicator)
    return made


@contextmanager
def joined(make: Callable[[], Communicator], place: Place) -> Iterator[Group]:
    """Join the group of a place. All ranks are ready before rank 0 listens."""
    communicator, (_, rank, size, timeout) = make(), place
    place.write(f"ready-{rank}", str(os.getpid()).encode())
    with ExitStack() as stack:
        if rank == 0:
            for other in range(size):
                place.read(f"ready-{other}")
            address: Mapping[str, Any] = {}
            try:
                address = stack.enter_context(communicator.listen(HOST, size, timeout))
            finally:
                place.write("address", pickle.dumps(dict(address)))
        else:
            address = pickle.loads(place.read("address"))
            if not address:
                raise RuntimeError("rank 0 cannot listen, or its address is empty")
        yield stack.enter_context(communicator.join(address, rank, size, timeout))


def outcome(
    make: Callable[[], Communicator], place: Place, task: Callable[..., Any], *args: Any
) -> Outcome:
    """Run a task in a rank: ``task(group, *args)``."""
    since = time.monotonic()
    value, error = None, ""
    try:
        with joined(make, place) as group:
            since = time.monotonic()
            value = task(group, *args)
    except GroupError:
        error = GroupError.__name__
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    return Outcome(value, error, time.monotonic() - since)


def start(
    executors: Sequence[Executor],
    make: Callable[[], Communicator],
    folder: Path,
    timeout: float,
    task: Callable[..., Any],
    *args: Any,
) -> list["Future[Outcome]"]:
    """Start the ranks of a group, one in each process."""
    size = len(executors)
    return [
        executor.submit(partial(outcome, make, Place(folder, rank, size, timeout), task, *args))
        for rank, executor in enumerate(executors)
    ]
