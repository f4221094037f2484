"""The cluster of the tests."""

import faulthandler
from collections.abc import Iterator

import cloudpickle
import dask
import pytest
from distributed import Client, LocalCluster

LONGEST = 240  # seconds of a test; one that takes longer waits for something that never happens


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send functions of the tests by value to workers in other processes, which lack the tests."""
    for item in items:
        if isinstance(item, pytest.Function) and {"client", "own"} & {*item.fixturenames}:
            cloudpickle.register_pickle_by_value(item.module)


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """End the tests, and show what all threads do, if a test hangs."""
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A cluster of two processes, which all tests share. A test leaves it as it was."""
    # the lock of a client that died is free after seconds
    locks = {"lease-timeout": "5s", "lease-validation-interval": "1s"}
    with (
        dask.config.set({"distributed.scheduler.locks": locks}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def workers(client: Client) -> list[str]:
    """The addresses of the two workers, sorted."""
    return sorted(client.scheduler_info()["workers"])
