"""Work in parts: the same numbers wherever they are computed, and no waiting on a busy machine."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit.numpy_backend import backpropagation, dense
from mlpkit.numpy_backend import shared_work as workers
from mlpkit.numpy_backend.shared_work import Workers, n_parts, share
from mlpkit.numpy_backend.threads import loaded

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three BLAS threads on four processors that seem to be idle, whatever there is."""
    before = [blas.get() for blas in loaded()[0]]
    for blas in loaded()[0]:
        blas.set(3)
    monkeypatch.setattr(workers, "IDLE", 0.0)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(workers, "_workers", Workers())
    yield
    for blas, n in zip(loaded()[0], before, strict=True):
        blas.set(n)


def test_parts_run_at_the_same_time() -> None:
    """As many as BLAS may have threads; each part once."""
    meeting, done = threading.Barrier(3, timeout=30), []

    def work(part: int) -> None:
        if part < 3:
            meeting.wait()
        done.append(part)

    share(work, range(20))
    assert sorted(done) == list(range(20))
    assert workers._workers.started == 2


def test_every_part_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread limits BLAS itself: some libraries have a number for each calling thread."""
    limited, found = threading.local(), []

    class Limited:
        def __enter__(self) -> None:
            limited.here = True

        def __exit__(self, *_: object) -> None:
            limited.here = False

    monkeypatch.setattr(workers, "OneThread", Limited)
    meeting = threading.Barrier(3, timeout=30)

    def work(part: int) -> None:
        meeting.wait()
        found.append(getattr(limited, "here", False))

    share(work, range(3))
    assert found == [True] * 3


def test_one_thread_is_no_thread_more() -> None:
    """Where the process grants BLAS one thread, all is done by the caller."""
    for blas in loaded()[0]:
        blas.set(1)
    names: set[str] = set()
    share(lambda part: names.add(threading.current_thread().name), range(5))
    assert names == {threading.current_thread().name}
    assert workers._workers.started == 0


@pytest.mark.parametrize("place", ["the caller", "a worker"])
def test_an_error_in_a_part(place: str) -> None:
    """It is raised, after the parts that were begun have ended; the workers live on."""
    meeting, running = threading.Barrier(2, timeout=30), []

    def work(part: int) -> None:
        if part < 2:
            meeting.wait()
            mine = threading.current_thread().name != "mlpkit-worker"
            if mine == (place == "the caller"):
                raise KeyError(part)
            running.append(part)
            time.sleep(0.05)
            running.remove(part)

    for _ in range(2):
        with pytest.raises(KeyError):
            share(work, range(2))
        assert not running


def test_workers_that_wait_for_processors_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a second from when their parts took much longer than processor time."""
    monkeypatch.setattr(workers, "IDLE", 0.8)
    crew = workers._workers
    crew.judge(0.04, 0.0)
    assert crew.paused_until == 0.0  # too little was seen
    crew.judge(0.04, 0.0)
    assert crew.paused_until > time.monotonic()
    names: set[str] = set()
    share(lambda part: names.add(threading.current_thread().name), range(5))
    assert names == {threading.current_thread().name}
    assert crew.started == 0
    other = Workers()
    other.judge(0.1, 0.09)
    assert other.paused_until == 0.0


def test_workers_are_judged_by_their_parts() -> None:
    """A worker that sleeps does not compute, as if it waited for a processor."""
    meeting = threading.Barrier(2, timeout=30)

    def work(part: int) -> None:
        meeting.wait()
        time.sleep(1.2 * workers.JUDGED_SECONDS)

    share(work, range(2))
    assert workers._workers.paused_until == 0.0  # IDLE is 0
    workers.IDLE = 0.8
    share(work, range(2))
    assert workers._workers.paused_until > 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1000, 784, 700), (700, 784, 1000)])
def test_products_have_the_same_bits(
    shape: tuple[int, int, int], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With workers and without; and the numbers of one product."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k, m)).astype(dtype).T
    b = rng.standard_normal((n, k)).astype(dtype).T
    found = np.zeros((2, m, n), dtype)
    assert n_parts(2.0 * m * k * n) == 2
    backpropagation._product(a, b, found[0])
    monkeypatch.setattr(workers, "allowed", lambda: 1)
    backpropagation._product(a, b, found[1])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], a @ b, rtol=0, atol=1e-3 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("sparse", [False, True])
def test_predictions_have_the_same_bits(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows in several threads and in one."""
    monkeypatch.setattr(dense, "PART_FLOPS", 1e6)
    rng = np.random.default_rng(0)
    rows: Any = rng.standard_normal((12_345, 20))
    layers = (
        [rng.standard_normal((20, 30)), rng.standard_normal((30, 3))],
        [np.ones(30), np.ones(3)],
    )
    given = csr_array(rows) if sparse else rows
    many = dense.predict(given, *layers, ["relu"], "softmax")
    monkeypatch.setattr(workers, "allowed", lambda: 1)
    one = dense.predict(given, *layers, ["relu"], "softmax")
    np.testing.assert_array_equal(many, one)
    whole = dense.activated(dense.outputs(rows, *layers, ["relu"]), "softmax")
    np.testing.assert_allclose(many, whole, rtol=1e-9)
