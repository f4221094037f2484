"""One try of a fit: a task on each worker, which form a group and work together."""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from distributed import Client, Future

from mlpkit.plugin import Communicator, GroupError
from mlpkit_dask.fitting.faults import Fault
from mlpkit_dask.fitting.mailboxes import deliver
from mlpkit_dask.fitting.packing import packed
from mlpkit_dask.fitting.ranks import ADDRESS, BEGIN, READY, Outcome, Seat, Work, run_rank
from mlpkit_dask.fitting.workers import POLL, answers, present_workers, silent_workers

SETTLE = 3.0  # seconds in which the other ranks end after the first error
LOST_ROWS = (  # Dask cancels a task whose arguments are lost
    "The rows of the worker {} were only in the memory of a worker that died, and cannot be"
    " computed again. Pass collections that Dask can compute, such as those of"
    " dask.array.from_array or dask.dataframe.read_parquet, instead of data that was scattered; or"
    " keep each part on two workers, with Client.replicate."
)
DONE = "done"  # the message of a task that ended


class Settings(NamedTuple):
    """How the ranks of a try communicate.

    Parameters
    ----------
    communicator : Communicator
    timeout : float
        Seconds after which a worker that does not answer is lost.
    """

    communicator: Communicator
    timeout: float


class Attempt:
    """One try. The tasks are cancelled when the context ends.

    Parameters
    ----------
    client : Client
    settings : Settings
    workers : sequence of str
        The worker of each rank.
    on_message : callable
        ``on_message(message)`` is called in this thread for each message of the work.
    on_poll : callable
        ``on_poll()`` is called a few times a second.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        workers: Sequence[str],
        on_message: Callable[[Any], object],
        on_poll: Callable[[], object] = lambda: None,
    ) -> None:
        self.client, self.settings, self.workers = client, settings, list(workers)
        self.topic = f"mlpkit-{uuid.uuid4().hex}"
        self._on_message, self._on_poll = on_message, on_poll
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._futures: list[Future] = []
        self._outcomes: dict[int, Outcome] = {}
        self._n_ready = 0
        self._last_check = time.monotonic()
        self._answered = dict.fromkeys(self.workers, self._last_check)

    def __enter__(self) -> "Attempt":
        self.client.subscribe_topic(self.topic, lambda event: self._messages.put(event[1]))
        return self

    def __exit__(self, *exception: object) -> None:
        if self._futures:
            self.client.cancel(self._futures)
        self.client.unsubscribe_topic(self.topic)

    def run(self, work: Work, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return what the work of each rank returned.

        Raises what the work raised, and Fault if workers died or froze.
        """
        self._submit(work, arguments)
        while len(self._outcomes) < len(self.workers):
            self._handle(self._next_message(POLL))
            if any(outcome.error is not None for outcome in self._outcomes.values()):
                raise self._failure()
            self._check_workers()
            self._on_poll()
        return [self._outcomes[rank].value for rank in range(len(self.workers))]

    def _submit(self, work: Work, arguments: Sequence[tuple[Any, ...]]) -> None:
        size, timeout = len(self.workers), self.settings.timeout
        communicator = packed(self.settings.communicator)
        for rank, (worker, own) in enumerate(zip(self.workers, arguments, strict=True)):
            seat = Seat(self.topic, rank, size, communicator, timeout)
            future = self.client.submit(
                run_rank,
                seat,
                packed(work),
                own,
                key=f"{seat.mailbox}",
                workers=[worker],
                allow_other_workers=False,
                retries=0,
                pure=False,
            )
            future.add_done_callback(partial(self._put_done, rank))
            self._futures.append(future)

    def _put_done(self, rank: int, future: Future) -> None:
        self._messages.put((DONE, rank))

    def _next_message(self, timeout: float) -> Any:
        with suppress(Empty):
            return self._messages.get(timeout=timeout)
        return None

    def _handle(self, message: Any) -> None:
        match message:
            case None:
                pass
            case (str() as kind, value) if kind == DONE:
                self._outcomes[value] = self._outcome_of(value)
            case (str() as kind, _) if kind == READY:
                self._n_ready += 1
                if self._n_ready == len(self.workers):
                    self._deliver(BEGIN, [0])
            case (str() as kind, address) if kind == ADDRESS:
                self._deliver(address, range(1, len(self.workers)))
            case _:
                self._on_message(message)

    def _deliver(self, message: Any, ranks: Sequence[int]) -> None:
        """Send a message to ranks, which wait for it; raise the error of the try if one is lost."""
        timeout = self.settings.timeout
        for rank in ranks:
            worker, mailbox = self.workers[rank], f"{self.topic}-{rank}"
            results = answers(self.client, [worker], deliver, mailbox, message, timeout=timeout)
            if isinstance(results[worker], Exception):
                raise self._failure()

    def _outcome_of(self, rank: int) -> Outcome:
        """The outcome of a task that ended, of Dask's errors, too."""
        future = self._futures[rank]
        if future.status == "finished":
            outcome: Outcome = future.result()
            return outcome
        if future.status == "error":
            error = future.exception()
            return Outcome(None, error if isinstance(error, Exception) else GroupError(str(error)))
        return Outcome(None, RuntimeError(LOST_ROWS.format(self.workers[rank])))

    def _check_workers(self) -> None:
        """Raise the error of the try if a worker has gone, or has not answered for too long."""
        now = time.monotonic()
        if now - self._last_check < 1.0:
            return
        self._last_check = now
        present = present_workers(self.client)
        if any(worker not in present for worker in self.workers):
            raise self._failure()
        if now - min(self._answered.values()) > self.settings.timeout / 4:
            frozen = self._frozen(self._silent(self.workers))
            if frozen:
                raise self._frozen_fault(frozen)

    def _silent(self, workers: list[str]) -> list[str]:
        """Ask workers for a sign of life, and return those that do not answer soon."""
        silent = silent_workers(self.client, workers, self.settings.timeout / 4)
        now = time.monotonic()
        self._answered |= {worker: now for worker in workers if worker not in silent}
        return silent

    def _frozen(self, silent: list[str]) -> list[str]:
        """The workers of these whose last answer is too long ago."""
        limit = time.monotonic() - self.settings.timeout
        return [worker for worker in silent if self._answered[worker] < limit]

    def _frozen_fault(self, frozen: list[str]) -> Fault:
        return Fault(_sentence(frozen, "did not answer", self.settings.timeout), frozen)

    def _failure(self) -> Exception:
        """The error that ended the try: that of the work, of rank 0 if of several ranks."""
        deadline = time.monotonic() + SETTLE
        while len(self._outcomes) < len(self.workers) and time.monotonic() < deadline:
            self._handle(self._next_message(POLL))
            present = present_workers(self.client)
            lost = [worker for worker in self.workers if worker not in present]
            unfinished = len(self.workers) - len(self._outcomes)
            if lost and unfinished <= len(lost):
                break
        errors = [self._outcomes[rank].error for rank in sorted(self._outcomes)]
        own = [e for e in errors if e is not None and not isinstance(e, GroupError)]
        if own:
            return own[0]
        present = present_workers(self.client)
        lost = [worker for worker in self.workers if worker not in present]
        if lost:
            return Fault(_sentence(lost, "died"))
        silent = [w for rank, w in enumerate(self.workers) if rank not in self._outcomes]
        while silent := self._silent(silent):
            if len(frozen := self._frozen(silent)) == len(silent):
                return self._frozen_fault(frozen)
        return Fault(next((str(error) for error in errors if error is not None), "unknown"))


def _sentence(workers: list[str], what: str, timeout: float | None = None) -> str:
    noun = "the worker" if len(workers) == 1 else "the workers"
    within = "" if timeout is None else f" within {timeout:g} seconds"
    return f"{noun} {', '.join(workers)} {what}{within}"
