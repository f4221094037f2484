"""Messages from the client to a running task, which Dask gives no arguments after it started."""

from collections import defaultdict
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from mlpkit.plugin import GroupError

POLL = 0.2  # seconds

_mailboxes: defaultdict[str, SimpleQueue[Any]] = defaultdict(SimpleQueue)


def deliver(name: str, message: Any) -> None:
    """Put a message into a mailbox of this process. The client calls it by ``Client.run``."""
    _mailboxes[name].put(message)


def receive(name: str, is_wanted: Callable[[], bool]) -> Any:
    """Wait for the message of a mailbox, and remove the mailbox.

    Raises GroupError as soon as ``is_wanted()`` is False.
    """
    try:
        while is_wanted():
            try:
                return _mailboxes[name].get(timeout=POLL)
            except Empty:
                continue
    finally:
        _mailboxes.pop(name, None)
    raise GroupError("The fit was cancelled before it began.")
