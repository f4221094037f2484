"""The communicator "dask", on a cluster with TLS."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster, get_worker
from distributed.security import Security

import mlpkit_dask
from mlpkit.testing import CommunicatorTests
from mlpkit_dask.communicators import comms


@contextmanager
def workers(n: int) -> Iterator[list[Executor]]:
    """Start workers of a cluster with TLS."""
    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=n,
            threads_per_worker=2,
            security=Security.temporary(),
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        addresses = list(client.scheduler_info(n_workers=-1)["workers"])
        yield [client.get_executor(workers=[address], pure=False) for address in addresses]


class TestDask(CommunicatorTests):
    """The laws of a communicator."""

    communicator = "dask"

    @classmethod
    def processes(cls, n: int) -> AbstractContextManager[list[Executor]]:
        """Return workers."""
        return workers(n)

    def test_connections_are_encrypted(self, tmp_path: Path) -> None:
        """Those between the ranks have the protocol of the cluster."""

        def peers(group: Any) -> list[str]:
            return [comm.peer_address for comm in group._mesh.comms.values()]

        results = self.run(tmp_path, 3, peers)
        assert [len(addresses) for addresses in results] == [2, 2, 2]
        assert all(address.startswith("tls://") for addresses in results for address in addresses)

    def test_nothing_is_left_on_the_workers(self, tmp_path: Path) -> None:
        """No handlers and no connections, neither after a group nor after an error."""

        def fail(group: Any) -> None:
            raise ValueError("an error of all ranks")

        def left() -> list[str]:
            worker = get_worker()
            names = [*worker.handlers, *map(str, worker._comms.values()), *comms._meshes]
            return [name for name in names if name.startswith("mlpkit-")]

        assert self.run(tmp_path, 3, lambda group: group.gather(1)) == [[1, 1, 1]] * 3
        again = tmp_path / "again"
        again.mkdir()
        with pytest.raises(AssertionError, match="an error of all ranks"):
            self.run(again, 3, fail)
        for executor in self.executors()[:3]:
            assert executor.submit(left).result(60) == []


def test_exemptions_are_complete() -> None:
    """`mlpkit check` runs the tests outside of a cluster, where none can pass."""
    (component,) = [c for c in mlpkit_dask.mlpkit_communicators() if c.name == "dask"]
    tests = {name for name in dir(CommunicatorTests) if name.startswith("test_")}
    assert component.exempt.keys() == tests


def test_other_processes_are_rejected() -> None:
    """The message names a communicator that works."""
    with (
        pytest.raises(RuntimeError, match="elsewhere use communicator='xgboost'"),
        comms.communicator().listen("127.0.0.1", 1, 1.0),
    ):
        pass
