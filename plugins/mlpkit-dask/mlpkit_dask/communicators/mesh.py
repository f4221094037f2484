"""Connections of a rank to all others, by the comms of its Dask worker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from distributed import Worker
from distributed.comm import Comm, connect
from distributed.core import Status

from mlpkit.plugin import GroupError

Task: TypeAlias = "asyncio.Task[Any]"


class Mesh:
    """The connections of one rank. The coroutines run in the event loop of the worker.

    Rank 0 waits for all others, sends them the addresses of all, and waits until each has
    connected to the ranks below its own. If a rank leaves meanwhile, rank 0 leaves as well, and
    then all others, so that no rank waits for one that has died.
    """

    def __init__(self, worker: Worker, name: str, rank: int, size: int) -> None:
        self.worker, self.name, self.rank, self.size = worker, name, rank, size
        self.comms: dict[int, Comm] = {}
        self.addresses: dict[int, str] = {}
        self.changed, self.left = asyncio.Event(), asyncio.Event()
        worker.handlers[f"{name}-{rank}"] = self.accept

    async def accept(self, comm: Comm, rank: int, address: str) -> Status:
        """Keep the connection from another rank; Dask reads no more messages from it."""
        self.comms[rank], self.addresses[rank] = comm, address
        self.changed.set()
        await self.left.wait()
        comm.abort()
        return Status.dont_reply

    async def connected(self, address: str, rank: int) -> Comm:
        """Connect to another rank, and keep the connection."""
        arguments = self.worker.security.get_connection_args("worker")
        comm = await connect(address, **arguments)
        own = {"rank": self.rank, "address": self.worker.address}
        await comm.write({"op": f"{self.name}-{rank}", **own})
        self.comms[rank] = comm
        return comm

    async def meet(self, contact: str, timeout: float) -> None:
        """Connect to all other ranks; ``contact`` is the address of rank 0."""
        async with asyncio.timeout(timeout):
            await (self.wait_for_all() if self.rank == 0 else self.visit(contact))

    async def wait_for_all(self) -> None:
        """Wait until all ranks have arrived and have connected to each other."""
        async with tasks() as start:
            ready: dict[int, asyncio.Task[Any]] = {}
            while len(ready) < self.size - 1:
                self.changed.clear()
                for rank in self.comms.keys() - ready:
                    ready[rank] = start(self.comms[rank].read())
                if len(ready) < self.size - 1:
                    await first_of(start(self.changed.wait()), *ready.values())
            await self.send(dict.fromkeys(ready, self.addresses))
            await asyncio.gather(*ready.values())
            await self.send(dict.fromkeys(ready, "all are connected"))

    async def visit(self, contact: str) -> None:
        """Connect to rank 0, and to the others when all have arrived."""
        comm = await self.connected(contact, 0)
        addresses = await comm.read()
        if not isinstance(addresses, Mapping):  # Dask answers None to an unknown operation
            raise GroupError("rank 0 has left the group")
        async with tasks() as start:
            done = start(comm.read())
            await first_of(start(self.connect_to_others(addresses)), done)
            await comm.write("ready")
            await done

    async def connect_to_others(self, addresses: Mapping[int, str]) -> None:
        """Connect to the ranks below this one, and wait for those above it."""
        for rank in range(1, self.rank):
            await self.connected(addresses[rank], rank)
        while len(self.comms) < self.size - 1:
            self.changed.clear()
            if len(self.comms) < self.size - 1:
                await self.changed.wait()

    async def send(self, messages: Mapping[int, Any]) -> None:
        """Send a message to each of some ranks."""
        await asyncio.gather(*(self.comms[rank].write(m) for rank, m in messages.items()))

    async def exchange(
        self, messages: Mapping[int, Any], sources: Iterable[int], timeout: float
    ) -> list[Any]:
        """Send a message to each of some ranks, and return one from each of the sources."""
        async with asyncio.timeout(timeout):
            reads = [self.comms[rank].read() for rank in sources]
            _, *received = await asyncio.gather(self.send(messages), *reads)
        return received

    async def leave(self, failed: bool, timeout: float) -> None:
        """Close the connections, after what has been written is sent unless the group failed."""
        self.worker.handlers.pop(f"{self.name}-{self.rank}", None)
        try:
            if not failed:
                async with asyncio.timeout(timeout):
                    await asyncio.gather(*(comm.close() for comm in self.comms.values()))
        except OSError:  # another rank has ended
            pass
        finally:
            for comm in self.comms.values():
                comm.abort()
            self.left.set()


async def first_of(expected: Task, *others: Task) -> None:
    """Wait for a task, or for the error of another one, which must not end before it."""
    finished, _ = await asyncio.wait({expected, *others}, return_when="FIRST_COMPLETED")
    for task in finished:
        task.result()


@asynccontextmanager
async def tasks() -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], Task]]:
    """Start tasks, which are cancelled at the end unless they are done."""
    started: list[Task] = []

    def start(call: Coroutine[Any, Any, Any]) -> Task:
        started.append(asyncio.create_task(call))
        return started[-1]

    try:
        yield start
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)
