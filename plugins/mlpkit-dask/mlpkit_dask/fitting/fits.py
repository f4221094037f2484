"""A fit on the workers of a cluster, which continues after workers were lost."""

import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from distributed import Client, Lock

from mlpkit.plugin import GroupError
from mlpkit_dask.fitting import saved_fits
from mlpkit_dask.fitting.attempt import Attempt, Settings
from mlpkit_dask.fitting.faults import Fault
from mlpkit_dask.fitting.layouts import Layout
from mlpkit_dask.fitting.output import show
from mlpkit_dask.fitting.packing import packed
from mlpkit_dask.fitting.statistics import FitStatistics
from mlpkit_dask.fitting.training import Checkpoints, Trained, train
from mlpkit_dask.fitting.workers import (
    answers,
    nannies,
    present_workers,
    remove_worker,
    workers_after,
)

LOG = logging.getLogger(__name__)
LOCK = "mlpkit-fit"
COPY_SECONDS = 2.0  # time between two copies of a checkpoint to the client
COPY_SHARE = 20  # after a copy, training has at least this many times as long


class Options(NamedTuple):
    """How a fit uses the cluster.

    Parameters
    ----------
    settings : Settings
    communicator : str
        The name of the communicator.
    retries : int
        How often the fit may continue after workers were lost.
    checkpoint : str or None
        The path of a checkpoint on the machine of the client.
    """

    settings: Settings
    communicator: str
    retries: int
    checkpoint: str | None


@contextmanager
def only_fit(client: Client) -> Iterator[None]:
    """Wait until no other fit runs on the cluster.

    Two fits whose tasks wait for each other's threads would never begin. A `Lock` expires when
    its client dies, which a `MultiLock` does not.
    """
    lock = Lock(LOCK, scheduler_rpc=client.scheduler, loop=client.loop)
    if not lock.acquire(timeout=0.1):
        LOG.info("Another fit is running on %s. This one begins after it.", client)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class ClusterFit:
    """A fit on the ranks of a layout.

    Parameters
    ----------
    client : Client
    estimator : estimator
        The estimator that each rank fits, not fitted or with a warm start.
    layout : Layout
    options : Options
    """

    def __init__(self, client: Client, estimator: Any, layout: Layout, options: Options) -> None:
        self.client, self.estimator = client, estimator
        self.layout, self.options = layout, options
        self.faults: list[str] = []
        self._saved = content_of(options.checkpoint)
        self._names: list[str] = []  # of the checkpoints of each try
        self._seen, self._copied = 0, 0.0

    def run(self) -> tuple[Trained, FitStatistics]:
        """Return what rank 0 returned, and the statistics.

        Raises what the fit raised, and GroupError if workers were lost too often.
        """
        try:
            while True:
                nanny_of = nannies(self.client)
                try:
                    results = self._try()
                except Fault as fault:
                    self._recover(fault, nanny_of)
                else:
                    if self.options.checkpoint is not None and results[0].checkpoint is not None:
                        write_atomically(self.options.checkpoint, results[0].checkpoint)
                    return results[0], self._statistics(results)
        finally:
            self._discard()

    def _try(self) -> list[Trained]:
        name = f"mlpkit-{uuid.uuid4().hex}"
        self._names.append(name)
        self._seen, self._copied = 0, time.monotonic()
        layout, checkpoints = self.layout, None
        if self.options.retries or self.options.checkpoint is not None:
            checkpoints = Checkpoints(name, self.options.checkpoint)
        saved: Any = self._saved
        if saved is not None:
            saved = self.client.scatter(saved, workers=layout.workers, broadcast=True, hash=False)
        arguments = [
            (packed(self.estimator), checkpoints, saved, layout.arguments(rank))
            for rank in range(len(layout.workers))
        ]
        settings = self.options.settings
        with Attempt(self.client, settings, layout.workers, show, self._copy) as attempt:
            try:
                return attempt.run(train, arguments)
            except Exception as error:
                if checkpoints is not None:
                    self._keep_newest(error.frozen if isinstance(error, Fault) else [])
                raise

    def _copy(self) -> None:
        """Copy the checkpoint of rank 0 to the path of the user, from time to time."""
        if self.options.checkpoint is None or time.monotonic() < self._copied + COPY_SECONDS:
            return
        began = time.monotonic()
        self._read(0)
        now = time.monotonic()
        self._copied = now + COPY_SHARE * (now - began)

    def _read(self, rank: int) -> bool:
        """Keep the checkpoint of a rank, if there is one, and it is newer than what was read."""
        worker, name = self.layout.workers[rank], f"{self._names[-1]}-{rank}"
        timeout = self.options.settings.timeout
        calls = (worker,), saved_fits.read, name, self._seen
        result = answers(self.client, *calls, timeout=timeout)[worker]
        if result is None or isinstance(result, Exception):
            return False
        self._seen, self._saved = result
        if self.options.checkpoint is not None:
            write_atomically(self.options.checkpoint, self._saved)
        return True

    def _keep_newest(self, frozen: list[str]) -> None:
        """Keep the checkpoint of any rank that answers: all ranks have the same state."""
        self._seen = 0
        present = present_workers(self.client)
        for rank, worker in enumerate(self.layout.workers):
            if worker in present and worker not in frozen and self._read(rank):
                return

    def _recover(self, fault: Fault, nanny_of: dict[str, str | None]) -> None:
        """Prepare the next try, or raise GroupError."""
        self.faults.append(fault.reason)
        timeout, retries = self.options.settings.timeout, self.options.retries
        n_tries = len(self.faults)
        if n_tries > retries:
            raise GroupError(
                f"The fit failed after {n_tries} {'try' if n_tries == 1 else 'tries'}, the maximum"
                f" with retries={retries}: {'; '.join(self.faults)}. Workers that run out of memory"
                " are killed: use more of them. Workers that cannot connect to each other may be"
                " separated by a firewall: communicator='dask' uses the ports of Dask."
            ) from fault
        LOG.warning("%s. The fit continues.", fault.reason[:1].upper() + fault.reason[1:])
        for worker in fault.frozen:
            remove_worker(self.client, worker, nanny_of.get(worker), timeout)
        workers = workers_after(self.client, self.layout.workers, nanny_of, timeout)
        if not any(workers):
            raise GroupError(
                f"No worker is left after {fault.reason}, and none joined within {timeout:g}"
                " seconds. Start workers and call fit again."
            ) from fault
        self.layout = self.layout.moved(workers)

    def _statistics(self, results: list[Trained]) -> FitStatistics:
        ranks = tuple(result.statistics for result in results)
        tries = len(self.faults) + 1
        return FitStatistics(ranks, tries, tuple(self.faults), self.options.communicator)

    def _discard(self) -> None:
        """Delete the checkpoints on the workers."""
        workers = set(self.layout.workers) & set(present_workers(self.client))
        answers(self.client, workers, saved_fits.discard, self._names)


def content_of(path: str | None) -> bytes | None:
    """Return the content of a checkpoint of the user, or None if the file does not exist."""
    if path is None or not os.path.exists(path):
        return None
    return Path(path).read_bytes()


def write_atomically(path: str, content: bytes) -> None:
    """Replace a file, or leave it as it was if the process is killed."""
    unfinished = Path(f"{path}.{uuid.uuid4().hex}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
