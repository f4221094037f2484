"""Workers and clients that die or freeze during a fit, and rows that are lost with them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

from mlpkit import MLPClassifier
from mlpkit.plugin import GroupError, Report
from mlpkit_dask import DaskMLPClassifier
from mlpkit_dask.communicators.xgboost import communicator
from mlpkit_dask.fitting.attempt import Attempt, Settings
from mlpkit_dask.fitting.faults import Fault

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.normal(size=(400, 4))
Y = (X[:, 0] > X[:, 1] ** 2).astype(int)
MAX_ITER = 8


class AtEpoch:
    """Sends a signal to a process after an epoch, once; it waits until the signal has effect."""

    only_observes = True

    def __init__(self, epoch: int, pid: int, number: signal.Signals, done: Path) -> None:
        self.epoch, self.pid, self.number, self.done = epoch, pid, number, done

    def __call__(self, report: Report) -> None:
        """Send the signal."""
        if report.epoch == self.epoch and not self.done.exists():
            self.done.write_text(str(time.time()))
            os.kill(self.pid, self.number)


@pytest.fixture(scope="module")
def own() -> Iterator[Client]:
    """A cluster of two processes that tests kill."""
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def pids(own: Client) -> dict[str, int]:
    """The process of each of the two workers, which are there again after the last test."""
    own.wait_for_workers(2, timeout=60)
    pids: dict[str, int] = own.run(os.getpid)
    return pids


def rows() -> tuple[Any, Any]:
    """The rows in two partitions."""
    return da.from_array(X, chunks=(200, 4)), da.from_array(Y, chunks=200)


def classifier(client: Client, *callbacks: Any, **parameters: Any) -> DaskMLPClassifier:
    """A classifier with early stopping, so that checkpoints contain the best epoch."""
    settings = {"max_iter": MAX_ITER, "early_stopping": True, "random_state": 0, **parameters}
    return DaskMLPClassifier((8,), client=client, callbacks=list(callbacks), **settings)


def assert_same(fitted: Any, whole: Any) -> None:
    """The weights have the same bits."""
    for a, b in zip(fitted.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert fitted.loss_curve_ == whole.loss_curve_
    assert fitted.n_iter_ == whole.n_iter_ == MAX_ITER


@pytest.mark.parametrize("rank", [0, 1])
def test_killed_worker(own: Client, pids: dict[str, int], tmp_path: Path, rank: int) -> None:
    """The fit continues on the replacement, with the same bits as a whole fit."""
    whole = classifier(own).fit(*rows())
    killed = whole.fit_statistics_.ranks[rank].worker
    kill = AtEpoch(4, pids[killed], signal.SIGKILL, tmp_path / "killed")
    fitted = classifier(own, kill).fit(*rows())
    statistics = fitted.fit_statistics_
    assert statistics.faults == (f"the worker {killed} died",)
    assert (statistics.tries, len(statistics.ranks)) == (2, 2)
    assert_same(fitted, whole)


def work(group: Any, send: Any, n: int) -> float:
    """Add many arrays."""
    for i in range(n):
        send(i)
        total = group.add(np.ones(10))
        time.sleep(0.02)
    return float(total[0])


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_worker_is_noticed(own: Client, pids: dict[str, int], ranks: int) -> None:
    """In less than 2 seconds, and much less than the timeout."""
    workers = list(pids)[:ranks]
    died: list[float] = []

    def kill(message: Any) -> None:
        if message == 20 and not died:
            os.kill(pids[workers[-1]], signal.SIGKILL)
            died.append(time.monotonic())

    with Attempt(own, Settings(communicator(), 60.0), workers, kill) as attempt:
        with pytest.raises(Fault, match=f"the worker {workers[-1]} died"):
            attempt.run(work, [(10_000,)] * ranks)
        assert time.monotonic() - died[0] < 10  # 2 s unless the machine is busy


class Waits:
    """Takes longer than the timeout after an epoch."""

    only_observes = True

    def __call__(self, report: Report) -> None:
        """Wait."""
        if report.epoch == 2:
            time.sleep(10)


def test_slow_callback(client: Client) -> None:
    """The other ranks wait for a callback, since the worker that runs it is not frozen."""
    fitted = classifier(client, Waits(), timeout=8).fit(*rows())
    assert (fitted.fit_statistics_.faults, fitted.n_iter_) == ((), MAX_ITER)


def test_a_cancelled_rank_does_not_wait(client: Client, tmp_path: Path) -> None:
    """Its thread is free although another rank never calls the method of the group."""
    end = tmp_path / "end"

    def wait_for_another(group: Any, send: Any) -> None:
        if group.rank == 0:
            send("waits")
            while not end.exists():
                time.sleep(0.1)
        group.add(np.ones(10))

    def interrupt(message: Any) -> None:
        raise KeyboardInterrupt

    workers = list(client.nthreads())
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            Attempt(client, Settings(communicator(), 60.0), workers, interrupt) as attempt,
        ):
            attempt.run(wait_for_another, [()] * 2)
        assert client.submit(abs, -1, workers=workers[1:]).result(timeout=30) == 1
    finally:
        end.touch()


def test_frozen_worker(own: Client, pids: dict[str, int], tmp_path: Path) -> None:
    """It is considered lost after the timeout, and the nanny replaces it."""
    workers = list(classifier(own, max_iter=1).fit(*rows()).fit_statistics_.ranks)
    frozen = workers[1].worker
    stop = AtEpoch(3, pids[frozen], signal.SIGSTOP, tmp_path / "frozen")
    fitted = classifier(own, stop, timeout=15).fit(*rows())
    assert fitted.fit_statistics_.tries >= 2
    assert fitted.fit_statistics_.faults[0] == (
        f"the worker {frozen} did not answer within 15 seconds"
    )
    assert fitted.n_iter_ == MAX_ITER
    assert frozen not in own.nthreads()


def test_no_retries(own: Client, pids: dict[str, int], tmp_path: Path) -> None:
    """A lost worker is an error, which says how to proceed."""
    kill = AtEpoch(2, next(iter(pids.values())), signal.SIGKILL, tmp_path / "killed")
    clf = classifier(own, kill, retries=0)
    with pytest.raises(GroupError, match="after 1 try, the maximum with retries=0: the worker"):
        clf.fit(*rows())
    assert not hasattr(clf, "n_iter_")


def test_lost_rows(own: Client, pids: dict[str, int], tmp_path: Path) -> None:
    """Rows that were only in the memory of a worker cannot be computed again."""
    workers = list(pids)
    parts = [
        own.scatter(part, workers=[worker], hash=False)
        for a in (X, Y)
        for part, worker in zip((a[:200], a[200:]), workers, strict=True)
    ]
    kill = AtEpoch(3, pids[workers[1]], signal.SIGKILL, tmp_path / "killed")
    with pytest.raises(RuntimeError, match="only in the memory of a worker that died"):
        classifier(own, kill).fit(parts[:2], parts[2:])


def test_checkpoint_of_the_client(own: Client, pids: dict[str, int], tmp_path: Path) -> None:
    """A fit that was interrupted by an error continues from the file, which also ends it."""
    assert len(pids) == 2
    path = tmp_path / "run.ckpt"
    whole = classifier(own).fit(*rows())

    class Fails:
        only_observes = True

        def __call__(self, report: Report) -> None:
            if report.epoch == 5:
                raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        classifier(own, Fails(), checkpoint=path).fit(*rows())
    assert path.exists()
    assert_same(classifier(own, checkpoint=path).fit(*rows()), whole)
    again = classifier(own, Fails(), checkpoint=path).fit(*rows())  # without training
    assert_same(again, whole)
    with pytest.raises(ValueError, match=rf"checkpoint='{path}' belongs to another fit: alpha"):
        classifier(own, checkpoint=path, alpha=1.0).fit(*rows())


class Slow:
    """Waits after each epoch, and creates a file after the third one."""

    only_observes = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, report: Report) -> None:
        """Wait."""
        if report.epoch == 3:
            self.path.touch()
        time.sleep(0.3)


def test_fewer_workers(tmp_path: Path) -> None:
    """A worker that leaves is not replaced; the others get its rows."""
    epoch_3 = tmp_path / "epoch 3"
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):

        def leave() -> None:
            while not epoch_3.exists():
                time.sleep(0.05)
            cluster.scale(1)

        thread = threading.Thread(target=leave)
        thread.start()
        fitted = classifier(client, Slow(epoch_3)).fit(*rows())
        thread.join()
        statistics = fitted.fit_statistics_
        assert (statistics.tries, [rank.n_rows for rank in statistics.ranks]) == (2, [400])
        whole = MLPClassifier((8,), max_iter=MAX_ITER, early_stopping=True, random_state=0)
        np.testing.assert_allclose(fitted.coefs_[0], whole.fit(X, Y).coefs_[0], atol=1e-9)
        assert fitted.n_iter_ == MAX_ITER


DYING_CLIENT = """
import os, sys, time
import dask.array as da, numpy as np
from distributed import Client
from mlpkit_dask import DaskMLPClassifier

def slow(report):
    import time
    print("epoch", flush=True)
    time.sleep(0.2)

X = da.from_array(np.eye(40), chunks=(20, 40))
y = da.from_array(np.arange(40) % 2, chunks=20)
with Client(sys.argv[1]) as client:
    DaskMLPClassifier(max_iter=10_000, tol=0, client=client, callbacks=slow).fit(X, y)
"""


def remains(dask_worker: Any) -> list[str]:
    """The tasks that run on a worker, and the checkpoints in its folder."""
    states = ("executing", "cancelled", "long-running")
    tasks = [str(t.key) for t in dask_worker.state.tasks.values() if t.state in states]
    return tasks + [str(path) for path in Path(dask_worker.local_directory).glob("*.ckpt*")]


def test_dead_client(client: Client) -> None:
    """Its fit ends on all workers, and the next client can fit."""
    address = client.scheduler.address
    command = [sys.executable, "-c", DYING_CLIENT, address]
    env = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE_TIMEOUT": "5s"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "epoch\n"
        assert any(client.run(remains).values())
        process.kill()
    deadline = time.monotonic() + 60
    while any(client.run(remains).values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    classifier(client).fit(*rows())


def test_two_fits_at_once(client: Client) -> None:
    """One begins after the other."""
    fitted: list[DaskMLPClassifier] = []
    threads = [
        threading.Thread(target=lambda: fitted.append(classifier(client).fit(*rows())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same(*fitted)
