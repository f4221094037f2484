"""The communicator "dask": connections between Dask's workers, encrypted if the cluster uses TLS.

It works in tasks on the workers, and opens no sockets of its own.
"""

import asyncio
import pickle
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from distributed import Worker, get_worker
from distributed.protocol import Serialize, to_serialize

from mlpkit.plugin import Array, Communicator, Group, GroupError
from mlpkit_dask.communicators.mesh import Mesh
from mlpkit_dask.communicators.own_thread import LEAVE

T = TypeVar("T")
SMALL = 2**18  # bytes that a rank may send beyond what segments need, to send in one step
_meshes: dict[str, Mesh] = {}  # of the ranks 0 of this process, by the name of the group


def running_worker() -> Worker:
    """Return the worker that runs this task."""
    try:
        return get_worker()
    except ValueError as error:
        raise RuntimeError(
            "the communicator 'dask' works in tasks on Dask workers only; elsewhere use"
            " communicator='xgboost'"
        ) from error


@contextmanager
def listen(host: str, size: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """Accept connections from the other ranks at the address of this worker."""
    worker, name = running_worker(), f"mlpkit-{uuid4().hex}"
    mesh = _meshes[name] = Mesh(worker, name, 0, size)
    try:
        yield {"name": name, "contact": worker.address}
    finally:
        del _meshes[name]
        leave(mesh, failed=True)


@contextmanager
def join(address: Mapping[str, Any], rank: int, size: int, timeout: float) -> Iterator[Group]:
    """Connect this task to the other ranks."""
    name = address["name"]
    mesh = _meshes[name] if rank == 0 else Mesh(running_worker(), name, rank, size)
    group, failed = CommsGroup(mesh, timeout), True
    try:
        group.run(mesh.meet(address["contact"], timeout))
        yield group
        failed = False
    finally:
        leave(mesh, failed)


def leave(mesh: Mesh, failed: bool) -> None:
    """Close the connections of a rank."""
    with suppress(OSError, RuntimeError):  # the event loop is blocked or has ended
        in_loop(mesh.worker, mesh.leave(failed, LEAVE), 2 * LEAVE)


def in_loop(worker: Worker, call: Coroutine[Any, Any, T], timeout: float) -> T:
    """Run a coroutine in the event loop of the worker."""
    try:
        future = asyncio.run_coroutine_threadsafe(call, worker.loop.asyncio_loop)
    except RuntimeError:  # the event loop has ended
        call.close()
        raise
    return future.result(timeout)


class CommsGroup:
    """A `Group` of tasks on Dask workers.

    For large arrays, each rank adds one segment of the arrays of all ranks and sends the sum to
    all, so that the traffic of a rank does not depend on their number. Two ranks send as many bytes
    if they exchange their arrays, as more ranks do with small arrays, to save a step.
    """

    def __init__(self, mesh: Mesh, timeout: float) -> None:
        self.rank, self.size = mesh.rank, mesh.size
        self._mesh, self._timeout, self._error = mesh, timeout, ""
        self._others = [rank for rank in range(self.size) if rank != self.rank]

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the mesh; its errors are GroupError."""
        if self._error:
            call.close()
            raise GroupError(f"the group has failed before: {self._error}")
        try:
            return in_loop(self._mesh.worker, call, self._timeout + LEAVE)
        except TimeoutError:
            self._error = f"another process does not answer within {self._timeout:g} seconds"
        except (OSError, RuntimeError) as error:
            self._error = f"another process has died, or has raised an error (Dask: {error})"
        raise GroupError(f"rank {self.rank} of {self.size}: {self._error}")

    def exchange(self, messages: Mapping[int, Array], sources: list[int]) -> list[Array]:
        """Send arrays to other ranks, and return those of other ranks."""
        sent = {rank: to_serialize(array) for rank, array in messages.items()}
        received = self.run(self._mesh.exchange(sent, sources, self._timeout))
        # connections within a process do not convert what they send
        return [a.data if isinstance(a, Serialize) else a for a in received]

    def all_terms(self, messages: Mapping[int, Array], own: Array) -> list[Array]:
        """Send arrays to all other ranks, and return one of each rank, in their order."""
        terms = self.exchange(messages, self._others)
        return [*terms[: self.rank], own, *terms[self.rank :]]

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        flat = a.reshape(-1)
        if a.nbytes * (self.size - 2) <= SMALL:
            own = flat.copy()  # it may be sent after this call
            return summed(self.all_terms(dict.fromkeys(self._others, own), own)).reshape(a.shape)
        segments = np.array_split(flat, self.size)
        to_others = {rank: segments[rank] for rank in self._others}
        own = summed(self.all_terms(to_others, segments[self.rank]))
        sums = self.all_terms(dict.fromkeys(self._others, own), own)
        return np.concatenate(sums).reshape(a.shape)

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        if self.rank == 0:
            own = pickled(value)
            self.exchange(dict.fromkeys(self._others, own), [])
            return pickle.loads(own.data)
        return pickle.loads(self.exchange({}, [0])[0].data)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        own = pickled(value)
        return [pickle.loads(a.data) for a in self.all_terms(dict.fromkeys(self._others, own), own)]


def pickled(value: Any) -> Array:
    """Return the bytes of a value."""
    return np.frombuffer(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), np.uint8)


def summed(terms: list[Array]) -> Array:
    """Return the sum of arrays, from the first to the last, as a new array."""
    if len(terms) == 1:
        return terms[0].copy()
    total = terms[0] + terms[1]
    for term in terms[2:]:
        total += term
    return total


def communicator() -> Communicator:
    """The communicator "dask"."""
    return Communicator(listen, join)
