"""The communicators "xgboost" and "gloo", with the ranks in threads of this process."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpkit.plugin import Communicator, Group, GroupError
from mlpkit_dask.communicators import gloo, xgboost

TIMEOUT = 60.0
# of groups that fail: XGBoost rarely notices that only at the timeout
SHORT = 5.0
EACH = pytest.mark.parametrize(
    "communicator", [xgboost.communicator(), gloo.communicator()], ids=["xgboost", "gloo"]
)


def results(
    communicator: Communicator,
    size: int,
    work: Callable[[Group], Any],
    timeout: float = TIMEOUT,
) -> list[Any]:
    """Return what a function returns in each rank, or its error."""
    results: list[Any] = [None] * size

    def run(address: Any, rank: int) -> None:
        try:
            with communicator.join(address, rank, size, timeout) as group:
                results[rank] = work(group)
        except Exception as error:
            results[rank] = error

    with communicator.listen("127.0.0.1", size, TIMEOUT) as address:
        threads = [threading.Thread(target=run, args=(address, rank)) for rank in range(size)]
        for thread in reversed(threads):  # the order of arrival does not matter
            thread.start()
        for thread in threads:
            thread.join()
    return results


def n_open() -> tuple[int, int]:
    """Return the numbers of files and of threads of this process when they stop changing."""
    results: list[tuple[int, int]] = []
    for _ in range(200):
        results.append((len(os.listdir("/proc/self/fd")), threading.active_count()))
        if len(results) > 10 and len(set(results[-10:])) == 1:
            break
        time.sleep(0.1)
    return results[-1]


def sum_of_ranks(group: Group) -> tuple[int, float]:
    """Return the rank and a sum."""
    return group.rank, float(group.add(np.array(float(group.rank))))


@EACH
def test_more_than_ten_ranks(communicator: Communicator) -> None:
    """XGBoost sorts the names of its tasks as text, which would put rank 10 before rank 2."""
    assert results(communicator, 11, sum_of_ranks) == [(rank, 55.0) for rank in range(11)]


def fail_in_rank_1(group: Group) -> None:
    """Raise an error in rank 1, for which rank 0 waits."""
    sum_of_ranks(group)
    if group.rank == 1:
        raise ValueError("an error of rank 1")
    for _ in range(100):
        group.add(np.ones(100_000))


@EACH
def test_an_error_ends_the_other_rank(communicator: Communicator) -> None:
    """Even if the library itself goes on waiting."""
    first, second = results(communicator, 2, fail_in_rank_1, SHORT)
    assert isinstance(first, GroupError)
    assert isinstance(second, ValueError)


@EACH
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_nothing_is_left(communicator: Communicator) -> None:
    """Threads and sockets are gone; with gloo also after an error of rank 1."""
    results(communicator, 2, sum_of_ranks)  # libraries open files of their own once
    before = n_open()
    for _ in range(3):
        results(communicator, 2, sum_of_ranks)
        if communicator.join is gloo.join:
            results(communicator, 2, fail_in_rank_1, SHORT)
    files, threads = n_open()
    assert files <= before[0]
    assert threads <= before[1]


@EACH
def test_a_group_that_has_failed(communicator: Communicator) -> None:
    """Each later call raises an error at once."""

    def fail_twice(group: Group) -> str:
        if group.rank == 1:
            return ""
        for _ in range(2):
            try:
                for _ in range(100):
                    group.add(np.ones(100_000))
            except GroupError as error:
                message = str(error)
        return message

    message = results(communicator, 2, fail_twice, SHORT)[0]
    assert message.startswith("the group has failed before: anoth")


@EACH
def test_rank_0_has_left(communicator: Communicator) -> None:
    """Joining raises an error at once."""
    with ExitStack() as stack:
        address = stack.enter_context(communicator.listen("127.0.0.1", 2, TIMEOUT))
    began = time.monotonic()
    with (
        pytest.raises(GroupError, match=r"has died|has left"),
        communicator.join(dict(address), 1, 2, TIMEOUT),
    ):
        pass
    assert time.monotonic() - began < TIMEOUT / 2


@EACH
def test_an_address_of_another_machine(communicator: Communicator) -> None:
    """It is in the message."""
    with (
        pytest.raises(GroupError, match=r"cannot listen at '192\.0\.2\.1'"),
        communicator.listen("192.0.2.1", 2, 1.0),
    ):
        pass


def test_xgboost_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Not even the ranks of its tasks."""
    results(xgboost.communicator(), 2, sum_of_ranks)
    assert capfd.readouterr() == ("", "")


def test_timeouts_of_xgboost_are_whole_seconds() -> None:
    """Zero would be no timeout."""
    assert [xgboost.whole_seconds(s) for s in (0.0, 0.2, 1.0, 1.5)] == [1, 1, 1, 2]


def test_a_library_that_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error at the timeout, whatever the library does."""
    end = threading.Event()
    monkeypatch.setattr(xgboost.collective, "allreduce", lambda *arguments: end.wait())
    (error,) = results(xgboost.communicator(), 1, sum_of_ranks, 1.0)
    end.set()
    assert isinstance(error, GroupError)
    assert "another process does not answer within 1 seconds" in str(error)
