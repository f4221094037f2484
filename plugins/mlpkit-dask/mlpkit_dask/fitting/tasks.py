"""The task of Dask that runs in this thread."""

from collections.abc import Callable
from typing import Any, TypeVar

from distributed import Worker, get_worker
from distributed.comm import get_address_host

from mlpkit.plugin import GroupError

T = TypeVar("T")


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

    def run(self, function: Callable[[], T]) -> T:
        """Return the result of a function; raise GroupError if the client no longer waits."""
        if not self.is_wanted:
            raise GroupError("The fit was cancelled, or the client has disconnected.")
        return function()
