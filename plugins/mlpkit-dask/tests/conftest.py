"""The cluster of the tests."""

from collections.abc import Iterator

import dask
import pytest
from distributed import Client, LocalCluster


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
