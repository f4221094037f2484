"""The communicator "dask" with workers that are threads of this process."""

import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
from distributed import Client, Future, LocalCluster

from mlpkit.plugin import GroupError
from mlpkit_dask.communicators.comms import communicator

TIMEOUT = 60.0
addresses: SimpleQueue[Any] = SimpleQueue()  # of rank 0, one for each of the others


@pytest.fixture(scope="module")
def threads() -> Iterator[Client]:
    """A cluster in this process: its messages are objects that are not copied."""
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None}
    with LocalCluster(processes=False, **options) as cluster, Client(cluster) as client:
        yield client


def joined(rank: int, size: int, timeout: float, work: Any) -> Any:
    """Return what a function of the group returns, or its error."""
    made = communicator()
    try:
        if rank:
            with made.join(addresses.get(timeout=TIMEOUT), rank, size, timeout) as group:
                return work(group)
        with made.listen("", size, timeout) as address:
            for _ in range(1, size):
                addresses.put(address)
            with made.join(address, rank, size, timeout) as group:
                return work(group)
    except Exception as error:
        return error


def submitted(client: Client, timeouts: list[float], size: int, work: Any) -> list[Future]:
    """Start the first ranks of a group on the workers, in turn."""
    workers = sorted(client.scheduler_info()["workers"])
    return [
        client.submit(joined, rank, size, timeout, work, workers=[workers[rank % 2]], pure=False)
        for rank, timeout in enumerate(timeouts)
    ]


def test_ranks_in_one_process(threads: Client) -> None:
    """Ranks on two workers, and two ranks on one of them; arrays that were sent may be changed."""

    def sums(group: Any) -> list[float]:
        results = []
        for n in (3, 300_000):
            for i in range(5):
                a = np.full(n, i + group.rank + 1.0)
                total = group.add(a)
                results += [total.min(), total.max()]
                a[:] = total[:] = -1.0
        return results

    results = [future.result() for future in submitted(threads, [TIMEOUT] * 3, 3, sums)]
    once = [value for i in range(5) for value in (6.0 + 3 * i,) * 2]
    assert results == [once * 2] * 3


def test_a_rank_that_leaves_while_others_join(threads: Client) -> None:
    """Rank 0 does not wait for rank 2, which has not arrived, after rank 1 has given up."""
    began = time.monotonic()
    first, second = submitted(threads, [TIMEOUT, 0.5], 3, None)
    errors = first.result(), second.result()
    assert addresses.get() is not None  # that of rank 2
    assert [type(error) for error in errors] == [GroupError, GroupError]
    assert "another process has died" in str(errors[0])
    assert "does not answer within 0.5 seconds" in str(errors[1])
    assert time.monotonic() - began < TIMEOUT / 2
