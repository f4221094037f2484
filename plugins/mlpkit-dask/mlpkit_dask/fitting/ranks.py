"""What runs on each worker: a rank joins the group and does its part of the work."""

import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from mlpkit.distributed import Solo
from mlpkit.plugin import Communicator, Group, GroupError
from mlpkit_dask.fitting.mailboxes import receive
from mlpkit_dask.fitting.packing import LIBRARIES, unpacked
from mlpkit_dask.fitting.tasks import Task
from mlpkit_dask.fitting.wanted_groups import WantedCalls, WantedGroup

READY, ADDRESS, BEGIN = "ready", "address", "begin"  # messages by which a group forms

# Seconds that ranks wait for one that is busy, such as in a callback. The client finds workers that
# are frozen much earlier, after the timeout of the fit, and then cancels the tasks.
LONGEST = 3600.0

# ``work(group, send, *arguments)``, where ``send(message)`` sends a message to the client
Work = Callable[..., Any]


class Seat(NamedTuple):
    """The place of a rank in a group.

    Parameters
    ----------
    topic : str
        The topic of its messages to the client, different for each try of each fit.
    rank, size : int
        The number of the rank, and of all ranks.
    communicator : bytes
        The packed `Communicator`, by which the ranks communicate.
    timeout : float
        Seconds after which ranks that have not connected to each other are an error.
    """

    topic: str
    rank: int
    size: int
    communicator: bytes
    timeout: float

    @property
    def mailbox(self) -> str:
        """The name of the mailbox of the rank."""
        return f"{self.topic}-{self.rank}"


class Outcome(NamedTuple):
    """How the work of a rank ended.

    Parameters
    ----------
    value : object
        What it returned; None after an error.
    error : Exception or None
        What it raised.
    """

    value: Any
    error: Exception | None = None


def run_rank(seat: Seat, packed_work: bytes, arguments: tuple[Any, ...]) -> Outcome:
    """Run the work of a rank as the present task of Dask.

    Errors are returned, so that Dask neither logs them nor runs the task again.
    """
    task = Task(seat.topic)
    try:
        work: Work = unpacked(packed_work)
        with joined(seat, task) as group:
            return Outcome(work(group, task.send, *arguments))
    except Exception as error:
        return Outcome(None, with_place(error, seat.rank, task.worker.address))


@contextmanager
def joined(seat: Seat, task: Task) -> Iterator[Group]:
    """Form the group: the client says when all ranks run, and where rank 0 listens."""
    timeout = seat.timeout
    communicator: Communicator = unpacked(seat.communicator, "communicator", LIBRARIES)
    task.send((READY, seat.rank))
    message = receive(seat.mailbox, lambda: task.is_wanted)
    if seat.size == 1:
        yield WantedGroup(Solo(), task.run)
        return
    calls = WantedCalls(task, f"mlpkit-group-{seat.rank}")
    longest = max(timeout, LONGEST)
    with calls.contexts() as stack:
        if seat.rank == 0:
            listening = communicator.listen(task.host, seat.size, longest)
            entered: Mapping[str, Any] = calls.run(partial(stack.enter_context, listening))
            address = dict(entered)
            task.send((ADDRESS, address))
        else:
            address = message
        joining = communicator.join(address, seat.rank, seat.size, longest)
        try:
            group = calls.run(partial(stack.enter_context, joining), timeout)
        except TimeoutError:
            raise GroupError(
                f"rank {seat.rank} of {seat.size}: the workers have not connected to each other"
                f" within {timeout:g} seconds"
            ) from None
        yield WantedGroup(group, calls.run)


def with_place(error: Exception, rank: int, worker: str) -> Exception:
    """Return an error that can be sent, with a note that has the traceback on the worker."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        kind = GroupError if isinstance(error, GroupError) else RuntimeError
        sent: Exception = kind(f"{type(error).__name__}: {error}")
    else:
        sent = error
    trace = "".join(traceback.format_exception(error)).rstrip()
    sent.add_note(f"Raised on the worker {worker}, rank {rank}:\n{trace}")
    return sent
