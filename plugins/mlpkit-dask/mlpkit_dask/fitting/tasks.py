"""The task of Dask that runs in this thread."""

from typing import Any

from distributed import Worker, get_worker
from distributed.comm import get_address_host

from mlpkit.plugin import Array, Group, GroupError


def is_wanted(worker: Worker, key: Any = None) -> bool:
    """Return whether a client waits for the result of a task, by default that of this thread."""
    state = worker.state.tasks.get(worker.get_current_task() if key is None else key)
    return state is not None and state.state in ("executing", "long-running")


class Task:
    """The present task, with its connection to the client.

    Parameters
    ----------
    topic : str
        The topic of its messages.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.worker = get_worker()
        self.key = self.worker.get_current_task()  # of this thread

    @property
    def host(self) -> str:
        """The address of this machine that other workers can reach."""
        host: str = get_address_host(self.worker.address)
        return host

    @property
    def is_wanted(self) -> bool:
        """Whether the client still waits for the result: it has not cancelled it, and is alive."""
        return is_wanted(self.worker, self.key)

    def send(self, message: Any) -> None:
        """Send a message to the client."""
        self.worker.log_event(self.topic, message)


class WantedGroup:
    """A group whose methods raise GroupError when the client no longer waits for the fit."""

    def __init__(self, group: Group, task: Task) -> None:
        self.rank, self.size = group.rank, group.size
        self._group, self._task = group, task

    def _wanted_group(self) -> Group:
        if not self._task.is_wanted:
            raise GroupError("The fit was cancelled, or the client has gone.")
        return self._group

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        return self._wanted_group().add(a)

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return self._wanted_group().same(value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return self._wanted_group().gather(value)
