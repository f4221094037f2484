"""The communicator "gloo": PyTorch's collective operations, over TCP without encryption.

The process group is not the default one of ``torch.distributed``, which the user may need.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed

from mlpkit.plugin import Array, Communicator, Group, GroupError
from mlpkit_dask.communicators.own_thread import LEAVE, OwnThread
from mlpkit_dask.communicators.summed_bytes import first, gathered

c10d: Any = torch.distributed  # its types are incomplete


@contextmanager
def listen(host: str, size: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """Run the store in which the ranks find each other's addresses."""
    seconds = timedelta(seconds=timeout)
    try:
        store = c10d.TCPStore(host, 0, None, True, seconds, wait_for_workers=False)
    except (RuntimeError, OSError) as error:
        raise GroupError(f"cannot listen at {host!r}: {error}") from error
    try:
        yield {"host": host, "port": store.port}
    finally:
        del store  # the last reference: it ends the thread and closes the sockets


@contextmanager
def join(address: Mapping[str, Any], rank: int, size: int, timeout: float) -> Iterator[Group]:
    """Connect this process to the other ranks."""
    thread = OwnThread(f"mlpkit-gloo-{rank}")
    try:
        # gloo waits for each step of joining; the limit is for all of them
        processes = thread.call(lambda: connected(address, rank, size, timeout), timeout + LEAVE)
    except (RuntimeError, OSError) as error:
        raise GroupError(f"rank {rank} of {size} cannot join: {cause(error, timeout)}") from error
    finally:
        thread.close(0)
    group = GlooGroup(processes, rank, size, timeout)
    try:
        yield group
    finally:
        group.close()
        del processes  # the last reference: it ends the threads and closes the sockets


def connected(address: Mapping[str, Any], rank: int, size: int, timeout: float) -> Any:
    """Return a process group that is connected to all others."""
    host, port = address["host"], address["port"]
    # the store would repeat attempts until the timeout if rank 0 has ended
    with socket.create_connection((host, port), timeout) as probe:
        own_address = probe.getsockname()[0]
    seconds = timedelta(seconds=timeout)
    options = c10d.ProcessGroupGloo._Options()
    options._timeout = seconds
    options._devices = [c10d.ProcessGroupGloo.create_device(hostname=own_address)]
    store = c10d.PrefixStore("mlpkit", c10d.TCPStore(host, port, None, False, seconds))
    return c10d.ProcessGroupGloo(store, rank, size, options)


def cause(error: Exception, timeout: float) -> str:
    """Return what an error of PyTorch means, and its first line."""
    line = str(error).strip().partition("\n")[0] or "timeout"  # TimeoutError has no text
    if "imeout" in line or "imed out" in line:
        return f"another process does not answer within {timeout:g} seconds (gloo: {line})"
    return f"another process has died, or has raised an error (gloo: {line})"


class GlooGroup:
    """A `Group` of PyTorch."""

    def __init__(self, processes: Any, rank: int, size: int, timeout: float) -> None:
        self.rank, self.size, self._timeout = rank, size, timeout
        self._processes: Any = processes
        self._error = ""

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        if self._error or self._processes is None:
            raise GroupError(f"the group has failed before: {self._error or 'it was left'}")
        total = a.copy()
        if total.size:
            try:
                self._processes.allreduce([torch.from_numpy(total)]).wait()
            except RuntimeError as error:
                self._error = cause(error, self._timeout)
                raise GroupError(f"rank {self.rank} of {self.size}: {self._error}") from error
        return total

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return first(self.add, self.rank, value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return gathered(self.add, self.rank, self.size, value)

    def close(self) -> None:
        """Release the process group."""
        self._processes = None


def communicator() -> Communicator:
    """The communicator "gloo"."""
    return Communicator(listen, join)
