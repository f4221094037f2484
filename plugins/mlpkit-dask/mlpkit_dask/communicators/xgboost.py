"""The communicator "xgboost": the collective operations of XGBoost, over TCP without encryption.

XGBoost keeps one group for each thread. Each `Group` has a thread of its own, so that any thread of
a process can use it, several groups of a process are independent, and the state of XGBoost in the
threads of the user does not change.
"""

import ctypes
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from xgboost import collective, set_config
from xgboost.core import _LIB, XGBoostError
from xgboost.tracker import RabitTracker

from mlpkit.plugin import Array, Communicator, Group, GroupError
from mlpkit_dask.communicators.own_thread import LEAVE, OwnThread
from mlpkit_dask.communicators.summed_bytes import first, gathered

T = TypeVar("T")
PREFIX = re.compile(r"^(\[[\d:]+\] \S+: |- )?(\[.*?\]:?)?")  # the prefix of a line of a message


# XGBoost prints "Task 0 got rank 0" at any verbosity
ignore_message = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda message: None)


def be_quiet() -> None:
    """Turn off the messages of XGBoost in this thread."""
    set_config(verbosity=0)
    _LIB.XGBRegisterLogCallback(ignore_message)


def whole_seconds(timeout: float) -> int:
    """Return a timeout as XGBoost accepts it; it takes 0 for "no timeout"."""
    return max(1, math.ceil(timeout))


@contextmanager
def listen(host: str, size: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """Run the tracker, which sends the addresses of all ranks to each of them."""
    thread = OwnThread("mlpkit-xgboost-tracker")
    try:
        try:
            tracker = thread.call(lambda: started(host, size, whole_seconds(timeout)))
            address = thread.call(tracker.worker_args)
        except (XGBoostError, OSError) as error:
            raise GroupError(f"cannot listen at {host!r}: {reason(str(error))}") from error
        try:
            yield address
        finally:
            with suppress(TimeoutError):  # a process is frozen; the tracker ends later
                thread.call(lambda: stop(tracker), 2 * LEAVE)
    finally:
        thread.close(0)


def started(host: str, size: int, seconds: int) -> Any:
    """Return a tracker that runs. It sorts the ranks by the name of their task."""
    be_quiet()
    tracker: Any = RabitTracker
    tracker = tracker(n_workers=size, host_ip=host, sortby="task", timeout=seconds)
    tracker.start()
    return tracker


def stop(tracker: Any) -> None:
    """Wait briefly for ranks that are leaving, and stop the tracker."""
    for call in (lambda: tracker.wait_for(whole_seconds(LEAVE)), tracker.free):
        with suppress(XGBoostError):  # not all ranks have left as they should
            call()


@contextmanager
def join(address: Mapping[str, Any], rank: int, size: int, timeout: float) -> Iterator[Group]:
    """Connect this process to the other ranks."""
    thread = OwnThread(f"mlpkit-xgboost-{rank}")
    seconds = whole_seconds(timeout)
    group = XGBoostGroup(thread, rank, size, seconds)
    try:
        # XGBoost waits for each step of joining, and for some of them without a limit
        actual = group.run(lambda: enter(address, rank, seconds), "not all processes have joined")
        if actual != (rank, size):
            raise GroupError(
                f"rank {rank} of {size} became rank {actual[0]} of {actual[1]}: all ranks need the"
                " same address and size, and each a rank of its own"
            )
        yield group
    finally:
        leave(thread)


def leave(thread: OwnThread) -> None:
    """Finalize the group of XGBoost, and end its thread.

    If the process of rank 0 is frozen, that takes the timeout of the group, and the thread ends
    later. If it has died, XGBoost keeps one thread and one socket, by which the tracker would have
    reported errors, until the process ends.
    """
    try:
        thread.call(collective.finalize, LEAVE)
    except XGBoostError:  # the other ranks have left or died
        thread.close(LEAVE)
    except TimeoutError:
        thread.close(0)
    else:
        thread.close(LEAVE)


def enter(address: Mapping[str, Any], rank: int, seconds: int) -> tuple[int, int]:
    """Join the group of XGBoost in this thread, and return the rank and the size."""
    be_quiet()
    # the tracker sorts the names as text; a second attempt to connect would be 2 s later
    collective.init(**address, dmlc_task_id=f"{rank:09}", dmlc_timeout=seconds, dmlc_retry=1)
    return collective.get_rank(), collective.get_world_size()


class XGBoostGroup:
    """A `Group` of XGBoost, in a thread."""

    def __init__(self, thread: OwnThread, rank: int, size: int, seconds: int) -> None:
        self.rank, self.size = rank, size
        self._thread, self._seconds, self._error = thread, seconds, ""

    def run(self, function: Callable[[], T], missing: str = "another process does not answer") -> T:
        """Run a function in the thread; its errors, and those of earlier ones, are GroupError.

        After an error of another process, XGBoost rarely waits for ever, whatever its timeout.
        """
        if self._error:
            raise GroupError(f"the group has failed before: {self._error}")
        try:
            return self._thread.call(function, self._seconds + LEAVE)
        except XGBoostError as error:
            self._error = f"{cause(str(error), self._seconds)} ({reason(str(error))})"
        except TimeoutError:
            self._error = f"{missing} within {self._seconds} seconds"
        raise GroupError(f"rank {self.rank} of {self.size}: {self._error}")

    def add(self, a: Array) -> Array:
        """Return the sum of the arrays of all processes."""
        total = self.run(lambda: collective.allreduce(a, collective.Op.SUM))
        return total.reshape(a.shape)

    def same(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return first(self.add, self.rank, value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return gathered(self.add, self.rank, self.size, value)


def cause(message: str, seconds: int) -> str:
    """Return what a message of XGBoost means."""
    if "timed out" in message or "Failed to recv" in message:
        return f"another process does not answer within {seconds} seconds"
    if "Failed to connect to the tracker" in message:
        return "the process of rank 0 has died, or has left the group"
    return "another process has died, or has raised an error"


def reason(message: str) -> str:
    """Return a message of XGBoost without its line numbers and the stack."""
    lines = message.partition("Stack trace")[0].splitlines()
    parts = [PREFIX.sub("", line).strip() for line in lines]
    return "XGBoost: " + " ".join(part for part in parts if part)


def communicator() -> Communicator:
    """The communicator "xgboost"."""
    return Communicator(listen, join)
